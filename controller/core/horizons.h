// Horizons: one verdict of two, of the long horizon and of the newest window alone.
//
// Why both: a small loss needs many windows to stand out, and a fault that has just begun is
// diluted by the healthy windows before it. No fault may be named twice for that: each name is a
// page.
//
// Thread safety: pure.
#pragma once

#include "controller/localize/localizer.h"

namespace faultline::core {

// Whether two verdicts mean one fault: their ambiguity groups share a component.
[[nodiscard]] bool same_suspect(const localize::Suspect& left, const localize::Suspect& right);

// Adds to `verdict`, of the long horizon, what only the newest window shows. Of a component and its
// part, the part says no more; a whole that only the newest window sees has grown out of its parts.
void add_newest(localize::Verdict& verdict, const localize::Verdict& newest);

}  // namespace faultline::core
