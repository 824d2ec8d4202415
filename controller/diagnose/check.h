// check: all rules over a fleet's facts.
#pragma once

#include <vector>

#include "controller/diagnose/finding.h"

namespace faultline::diagnose {

// Worst first, then by code and nodes. Thread safety: pure.
[[nodiscard]] std::vector<Finding> check(const std::vector<NodeFacts>& fleet);

}  // namespace faultline::diagnose
