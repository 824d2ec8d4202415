// Marks for an answer: one rule for the core, the baselines and the oracle.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/localize/localizer.h"
#include "tests/campaign/localize/baselines.h"
#include "tests/campaign/localize/case.h"

namespace faultline::campaign {

struct Accusation {
  std::string id;
  std::vector<std::string> group;  // of which it may be any one
  double posterior = 1;
};

struct Marks {
  double precision = 1;
  double recall = 1;
  double f1 = 1;
  std::uint32_t right = 0;
  std::uint32_t wrong = 0;
  std::vector<std::uint8_t> is_right;  // by accusation
  std::vector<std::string> missed;
};

// An accusation is right when it, or a member of its group, is a fault or a link of a faulty
// device, cable or host. A fault is found when it is named, or to the share of its links that are.
// Macro F1 is the mean of the cases' F1; a case without faults and accusations has 1.
[[nodiscard]] Marks judge(const Case& it, const std::vector<Accusation>& accusations);

// A congested link that is called congested is no accusation; any other link that is, is one.
[[nodiscard]] std::vector<Accusation> accusations(const Case& it, const localize::Verdict& verdict);
[[nodiscard]] std::vector<Accusation> accusations(const Names& names);

}  // namespace faultline::campaign
