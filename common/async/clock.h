// The only reader of clocks. Pure code takes `now` as an argument; shells call these.
#pragma once

#include "common/base/time.h"

namespace faultline::async {

// CLOCK_MONOTONIC; the same clock as std::chrono::steady_clock and Asio's steady_timer.
[[nodiscard]] Instant now_instant();
// CLOCK_REALTIME, in UTC. It can step.
[[nodiscard]] WallTime now_wall();

}  // namespace faultline::async
