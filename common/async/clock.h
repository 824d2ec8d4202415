// The only reader of clocks. Pure code takes `now` as an argument; shells call these.
#pragma once

#include "common/base/time.h"

namespace faultline::async {

// CLOCK_MONOTONIC; the same clock as std::chrono::steady_clock and Asio's steady_timer.
[[nodiscard]] Instant now_instant();
// CLOCK_REALTIME, in UTC. It can step.
[[nodiscard]] WallTime now_wall();
// CLOCK_BOOTTIME less CLOCK_MONOTONIC: how long this machine was suspended since its boot. Two
// looks, between which the process may stand still: off by as long.
[[nodiscard]] Duration suspended();

}  // namespace faultline::async
