// The document "faultline.explain/1": what a code means, from the catalogue that is compiled in.
// Needs no controller. Thread safety: pure.
#pragma once

#include <string>

#include "controller/cli/document.h"
#include "controller/cli/failure.h"

namespace faultline::cli {

// For what was typed; nothing typed: the families. A usage failure with the nearest names where
// nothing matches.
[[nodiscard]] Outcome<Json> explain_document(const std::string& query);

}  // namespace faultline::cli
