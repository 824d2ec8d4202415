// ClockOffset: how far a node's clock is ahead of ours, by what its greeting and heartbeats say of
// their time.
//
// Transit only ever makes a clock look further behind, so the largest of the last few is believed.
// Two running that are much smaller say that it was set back: then it begins with them. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "common/base/time.h"

namespace faultline::fleet {

class ClockOffset {
 public:
  // Fewer may all have waited in the same queue.
  static constexpr std::size_t kSettled = 3;

  // `offset`: of one message, its time minus ours at its arrival.
  void add(Duration offset) {
    if (count_ > 0) {
      const Duration before = recent_[(count_ - 1) % kSize];
      if (largest() - std::max(before, offset) > kSetBack) {
        recent_[0] = before;
        count_ = 1;
        is_in_doubt_ = true;  // or both waited in one queue
      }
    }
    recent_[count_++ % kSize] = offset;
    is_in_doubt_ = is_in_doubt_ && !settled();
  }
  // Our own clock was set ahead by so much (below 0: back): the offset is another one, which has to
  // settle again, for nobody knows yet whether the nodes' machine was set with ours.
  void our_clock_was_set(Duration by) {
    recent_[0] = largest() - by;
    count_ = std::min<std::size_t>(count_, 1);
    is_in_doubt_ = false;
  }
  // Empty: two were much smaller than those before, and a third is to tell whether they were late.
  [[nodiscard]] std::optional<Duration> believed() const {
    return is_in_doubt_ ? std::nullopt : std::optional(largest());
  }
  [[nodiscard]] Duration largest() const {  // 0 before the first
    const auto known = static_cast<std::ptrdiff_t>(std::min(count_, kSize));
    return known == 0 ? Duration{} : *std::max_element(recent_.begin(), recent_.begin() + known);
  }
  // Told often enough to act on.
  [[nodiscard]] bool settled() const { return count_ >= kSettled; }

 private:
  static constexpr std::size_t kSize = 8;
  static constexpr Duration kSetBack = std::chrono::seconds{1};

  std::array<Duration, kSize> recent_{};
  std::size_t count_ = 0;
  bool is_in_doubt_ = false;
};

}  // namespace faultline::fleet
