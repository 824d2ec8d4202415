// What every process says of itself: resident memory, CPU time, open descriptors, dropped log
// lines.
//
// Thread safety: the gauges are read by MetricRegistry::render(), on its thread. They read /proc,
// which does not block.
#pragma once

#include <cstdint>

#include "common/obs/metrics.h"

namespace faultline::obs {

void expose_process_metrics(MetricRegistry& registry);

// Zero where /proc cannot be read.
[[nodiscard]] std::uint64_t resident_bytes();
// User and system time of all threads.
[[nodiscard]] double cpu_seconds();
[[nodiscard]] std::uint64_t open_descriptors();

}  // namespace faultline::obs
