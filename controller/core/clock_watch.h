// ClockWatch: notices that somebody set the controller's clock, or that its machine slept.
//
// Why it exists: windows, incidents and nodes' offsets are told apart by wall time. A step of it
// looks like an hour without windows, or like windows that were all judged already, unless who
// rests on it is told (clock.cc). After a sleep the wall clock is ahead too, but right as before.
// Pure. Thread safety: none.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "controller/fleet/fleet.h"

namespace faultline::core {

class ClockWatch {
 public:
  struct Seen {
    Duration set{};    // the wall clock, against those that nobody sets; positive: ahead
    Duration slept{};  // the machine

    bool operator==(const Seen&) const = default;
  };

  // `least`: no more than that is nothing.
  explicit ClockWatch(Duration least) : least_(least) {}

  // What happened since the last look.
  [[nodiscard]] std::optional<Seen> look(const fleet::Moment& now) {
    const Seen total{
        .set = now.wall.time_since_epoch() - now.instant.time_since_epoch() - now.slept,
        .slept = now.slept};
    const auto before = std::exchange(total_, total);
    if (!before) return std::nullopt;
    const Seen seen{.set = if_enough(total.set - before->set),
                    .slept = if_enough(total.slept - before->slept)};
    return seen == Seen{} ? std::nullopt : std::optional(seen);
  }

 private:
  [[nodiscard]] Duration if_enough(Duration duration) const {
    return std::chrono::abs(duration) > least_ ? duration : Duration{};
  }

  Duration least_;
  std::optional<Seen> total_;  // by the last look
};

}  // namespace faultline::core
