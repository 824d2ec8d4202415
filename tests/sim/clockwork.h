// Clockwork: virtual time. What is to happen is a queue; the clock jumps from one thing to the
// next.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "common/base/time.h"

namespace faultline::sim {

class Clockwork {
 public:
  [[nodiscard]] Instant instant() const { return now_; }
  [[nodiscard]] WallTime wall() const {
    return wall_time_from_unix_seconds(1'790'000'000) + now_.time_since_epoch();
  }
  // Things of the same moment happen in the order in which they were asked for.
  void after(Duration wait, std::function<void()> thing) {
    queue_.emplace(std::pair{now_ + wait, next_++}, std::move(thing));
  }
  void run(Duration length) {
    const Instant end = now_ + length;
    while (!queue_.empty() && queue_.begin()->first.first <= end) {
      auto next = queue_.extract(queue_.begin());
      now_ = next.key().first;
      next.mapped()();
    }
    now_ = end;
  }

 private:
  Instant now_{};
  std::uint64_t next_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> queue_;
};

}  // namespace faultline::sim
