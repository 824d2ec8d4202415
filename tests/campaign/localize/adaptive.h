// Adaptive probing on a made-up network: verdict, extra packets, verdict, until it stops.
#pragma once

#include "controller/localize/localizer.h"
#include "controller/plan/adaptive.h"
#include "tests/campaign/localize/case.h"

namespace faultline::campaign {

struct AdaptiveRun {
  localize::Verdict before;
  localize::Verdict after;
  std::uint64_t packets_planned = 0;
  std::uint64_t packets_extra = 0;
  plan::AdaptiveCounters counters;
};

// What was measured counts as a minute of ordinary probing, which fills the bucket once; it is not
// filled again, so that packets_extra is at most extra_share of packets_planned. The case's set
// grows.
[[nodiscard]] AdaptiveRun probe_adaptively(Case& it, const plan::AdaptiveConfig& config, Rng& rng);

}  // namespace faultline::campaign
