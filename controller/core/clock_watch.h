// ClockWatch: notices that somebody set the controller's clock.
//
// Why it exists: windows, incidents and nodes' offsets are told apart by wall time. A step of it
// looks like an hour without windows, or like windows that were all judged already, unless who
// rests on it is told (clock.cc). Pure. Thread safety: none.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "controller/fleet/fleet.h"

namespace faultline::core {

class ClockWatch {
 public:
  // `least`: a step of no more than that is none.
  explicit ClockWatch(Duration least) : least_(least) {}

  // By how much the wall clock was set since the last look, against the clock that nobody sets;
  // positive: ahead.
  [[nodiscard]] std::optional<Duration> look(const fleet::Moment& now) {
    const Duration apart = now.wall.time_since_epoch() - now.instant.time_since_epoch();
    const auto before = std::exchange(apart_, apart);
    if (!before || std::chrono::abs(apart - *before) <= least_) return std::nullopt;
    return apart - *before;
  }

 private:
  Duration least_;
  std::optional<Duration> apart_;  // of the last look
};

}  // namespace faultline::core
