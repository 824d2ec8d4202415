// The sums of groups of nodes (core/group_series.h) as OpenMetrics.
#pragma once

#include <set>

#include "common/obs/metrics.h"
#include "controller/core/group_series.h"

namespace faultline::app {

// Null: nothing was judged yet; the classes of pair, if they are wanted, are there with zeros.
void expose_groups(const core::Solution* solution, const std::set<core::Grouping>& wanted,
                   obs::MetricRegistry& registry);

}  // namespace faultline::app
