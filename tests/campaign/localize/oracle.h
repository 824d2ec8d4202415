// The oracle: what the packets can tell at all.
//
// It judges each link knowing the true loss of every other one, with the core's own prior, so the
// distance from a localizer to the oracle is what its inference loses. It sees losses only, so a
// localizer that also reads delays may beat it where links are congested. Of a broken device it is
// told: what is judged there is the links beside it.
//
// Thread safety: pure.
#pragma once

#include "tests/campaign/localize/baselines.h"
#include "tests/campaign/localize/case.h"

namespace faultline::campaign {

// Only faults of single links and whole devices, on paths that are known and since the first
// window.
[[nodiscard]] bool oracle_applies(const Scenario& scenario);
[[nodiscard]] Names oracle(const Case& it);

}  // namespace faultline::campaign
