// Groups of findings: one line for what is the same on many nodes.
//
// Why it exists: a rule finds a fault node by node, and a template that is wrong on two hundred of
// them is one fault. Findings are alike when code, severity and every sentence are, but for the
// node's name and numbers that stand alone ("12 %", "310 ms"). Those that concern several nodes
// together stay as they are.
#pragma once

#include <string>
#include <vector>

#include "controller/diagnose/finding.h"

namespace faultline::diagnose {

inline constexpr std::size_t kGroupEvidenceMax = 8;  // lines; the findings have all of them

struct FindingGroup {
  Finding finding{};      // of all: nodes, and sentences that speak of them together
  std::size_t count = 1;  // findings in it

  bool operator==(const FindingGroup&) const = default;
};

// That the two would be in one group. Thread safety of both: pure.
[[nodiscard]] bool is_alike(const Finding& left, const Finding& right);
// In the order of their first finding.
[[nodiscard]] std::vector<FindingGroup> group(const std::vector<Finding>& findings);

}  // namespace faultline::diagnose
