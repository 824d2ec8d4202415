// Names and ids as people type them, checked before the controller is asked: an empty one would
// otherwise ask for the whole list. Thread safety: pure.
#pragma once

#include <string>

#include "controller/cli/failure.h"

namespace faultline::cli {

// The segment of a URL that names it; a usage failure that begins with `what` when it cannot be the
// name of a node, or the id of a token or incident (all have the form of model's validate_name).
[[nodiscard]] Outcome<std::string> name_segment(const char* what, const std::string& name);

}  // namespace faultline::cli
