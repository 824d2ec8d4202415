// A verdict as text for a person: one row per suspect, and on request the evidence for and against
// each. Thread safety: pure.
#pragma once

#include <string>

#include "controller/localize/localizer.h"

namespace faultline::localize {

[[nodiscard]] std::string verdict_table(const Verdict& verdict);
// The table, then a paragraph per suspect, at most 96 columns wide: what speaks for and against it,
// alternatives with odds, and which measurement would settle the matter.
[[nodiscard]] std::string verdict_explanation(const Verdict& verdict);

}  // namespace faultline::localize
