// The near node: the probe's engine with its thread, as the probe runs it, or several one after the
// other; and what that cost.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/stats/histogram.h"
#include "probe/engine/engine.h"
#include "tests/bench/probe/world.h"

namespace faultline::bench {

struct NearOptions {
  std::filesystem::path state;
  Shape shape;
  double seconds = 10;
  double warm_up_seconds = 3;
  bool transmit_stamps = true;
  bool application = false;  // measure the same path with an application's stamps beside it
};

struct NearResult {
  double seconds = 0;
  double processor_seconds = 0;            // of the whole process, while it measured
  std::uint64_t round_trips = 0;           // then
  engine::EngineCounters counters;         // until the last window had closed
  stats::Histogram rtt;                    // ns; of windows that began after the warm-up
  std::vector<std::uint64_t> application;  // ns; empty unless asked for
};

[[nodiscard]] NearResult run_near(const NearOptions& options);
[[nodiscard]] std::string to_json(NearResult& result);

}  // namespace faultline::bench
