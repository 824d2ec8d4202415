// What /metrics says of tests: operators', those of diagnoses, and standing ones.
#pragma once

#include "common/obs/metrics.h"
#include "controller/app/snapshot.h"

namespace faultline::app {

void expose_tests(const Snapshot& snapshot, obs::MetricRegistry& registry);

}  // namespace faultline::app
