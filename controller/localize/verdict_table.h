// A verdict as text for a person: one row per suspect, and on request the evidence for and against
// each. Thread safety: pure.
#pragma once

#include <string>

#include "controller/localize/localizer.h"

namespace faultline::localize {

// With more unexplained bad flows than this, a verdict without suspects is inconclusive rather than
// "no fault". Each counts only if chance would bring it once in a hundred bundles, so a few may
// come of a background that is not quite as uniform as assumed; a fault brings many.
inline constexpr std::uint64_t kUnexplainedFlowsFew = 3;

[[nodiscard]] std::string verdict_table(const Verdict& verdict);
// "31 of 32 bad flows cross it, 0 of 210 good ones do", alternatives with odds, counter-evidence.
[[nodiscard]] std::string verdict_explanation(const Verdict& verdict);

}  // namespace faultline::localize
