// The phases of a load, which the tool and tests/bench/ingest share, and their figures in words.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <string>

#include "tests/load/controller.h"
#include "tests/load/fleet.h"

namespace faultline::load {

// As many descriptors as this process may have: a probe takes two. False: fewer than `wanted`.
[[nodiscard]] bool raise_descriptor_limit(std::uint64_t wanted);

// Where window 0 begins: of a backlog so that the last window has just ended.
[[nodiscard]] WallTime base_of(const LoadOptions& options, WallTime now);

struct Measured {
  bool in_time = false;
  double seconds = 0;  // wall time, from the first window due to the last acknowledgement
  ThreadSeconds threads{};
  std::uint64_t windows_stored = 0;
  std::uint64_t resident_before = 0;
  std::uint64_t resident_after = 0;
};

// Connects everybody and waits until all have been welcomed; wall seconds, or an Error.
[[nodiscard]] Result<double> connect_all(Fleet& fleet, Duration time_max);
// Then the windows: until all are stored, or the time is over. `pid` 0: costs are not measured.
[[nodiscard]] Measured carry(Fleet& fleet, pid_t pid, Duration time_max);

// Threads that do what a result's way needs, up to its acknowledgement. Detection has its result by
// then, but looks at it on its own.
[[nodiscard]] double path_seconds(const ThreadSeconds& threads);
// From when windows were due or sent until they were durable.
void print_latencies(const Fleet& fleet);
void print_rates(const Fleet& fleet, const Measured& measured);
// A line a thread.
void print_threads(const Fleet& fleet, const Measured& measured);
void print_counts(const Fleet& fleet);

}  // namespace faultline::load
