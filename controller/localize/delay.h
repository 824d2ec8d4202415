// Delays: added latency as a fault of its own, and congestion told from corruption.
//
// Why it exists: a link that adds 200 microseconds to every packet loses none and is found by no
// count of losses; and a busy link's losses are no fault to send anyone to.
//
// Three searches (delay_search.h), each over the residuals of delay_fit.h: p50 now against flows
// alike, p50 now against the same flow's past, and the spread p95 - p50. A component that only the
// first accuses must have peers: between the same edges other flows are not slow, or the excess is
// distance. Then: p50 up and the spread not by half as much is added latency; more spread than that
// is congestion (congestion.h), which is a suspect from its limits on and only listed below them. A
// component whose slow flows mostly queue, though it does not, is neither.
//
// Thread safety: pure, deterministic. Units: microseconds.
#pragma once

#include "controller/localize/components.h"
#include "controller/localize/localizer.h"

namespace faultline::localize {

// Judges by delay what the verdict accuses by loss, and adds what only delays show. Without delays
// the verdict stays as it is.
void judge_delays(const ObservationSet& set, const LocalizeOptions& options,
                  const ComponentTable& components, Verdict& verdict);

}  // namespace faultline::localize
