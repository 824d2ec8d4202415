// The sums of groups of nodes (core/group_series.h) as OpenMetrics.
#pragma once

#include "common/obs/metrics.h"
#include "controller/core/solve.h"

namespace faultline::app {

// Null: nothing was judged yet; the classes of pair are there with zeros.
void expose_groups(const core::Solution* solution, obs::MetricRegistry& registry);

}  // namespace faultline::app
