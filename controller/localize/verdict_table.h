// A verdict as text for a person: one row per suspect, and on request the evidence for and against
// each. Thread safety: pure.
#pragma once

#include <string>

#include "controller/localize/localizer.h"

namespace faultline::localize {

[[nodiscard]] std::string verdict_table(const Verdict& verdict);
// "31 of 32 bad flows cross it, 0 of 210 good ones do", alternatives with odds, counter-evidence.
[[nodiscard]] std::string verdict_explanation(const Verdict& verdict);

}  // namespace faultline::localize
