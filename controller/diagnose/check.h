// check: all rules over a fleet's facts.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "controller/diagnose/finding.h"

namespace faultline::diagnose {

[[nodiscard]] std::optional<Severity> parse_severity(std::string_view text);
// That check() has findings of that code.
[[nodiscard]] bool is_check_code(std::string_view code);
// Worst first, then by code and nodes. Thread safety: pure.
[[nodiscard]] std::vector<Finding> check(const std::vector<NodeFacts>& fleet);

}  // namespace faultline::diagnose
