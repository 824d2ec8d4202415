// Labels as they are typed: --label rack=r17 --label zone=east. Thread safety: pure.
#pragma once

#include <string>
#include <vector>

#include "controller/cli/document.h"
#include "controller/cli/failure.h"

namespace faultline::cli {

// A usage failure that names what is no label, or is given twice.
[[nodiscard]] Outcome<Json> parse_labels(const std::vector<std::string>& typed);

// "rack=r17 zone=east", "-" for none.
[[nodiscard]] std::string labels_text(const Json& labels);

}  // namespace faultline::cli
