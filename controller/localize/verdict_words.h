// The figures of a verdict in words, shared by the table and the explanation. Thread safety: pure.
#pragma once

#include <string>
#include <vector>

#include "controller/localize/localizer.h"

namespace faultline::localize {

[[nodiscard]] std::string percent_text(double share);  // "1.6%"
// Never "100%": certainty is not for sale.
[[nodiscard]] std::string certainty_text(double posterior);
// "+200 us (p95 +240 us)", "p95 +1.2 ms"; empty when no delay was judged.
[[nodiscard]] std::string delay_text(const Suspect& suspect);
// Of an MTU fault: "1400", or "1400 to 1499" where no size in between was sent.
[[nodiscard]] std::string mtu_text(const Suspect& suspect);
// Of a fault that is over, from when to when.
[[nodiscard]] std::string since_text(const Suspect& suspect);  // "-" when not known
[[nodiscard]] std::string odds_text(double odds_against);      // "12.5", "over 10,000"
[[nodiscard]] std::string grouped_text(std::uint64_t number);  // "1,234,567"
// The first `count_max` of them, and how many more.
[[nodiscard]] std::string list_text(const std::vector<std::string>& ids, std::size_t count_max);
// "1920 observations over 64 links, 14 of 19,200 packets lost"
[[nodiscard]] std::string summary_text(const Verdict& verdict);

}  // namespace faultline::localize
