// FlowWatch: what of one flow says that its path may be another now: loss that begins, and another
// TTL at either end.
//
// Why it exists: a window tells of loss ten seconds later, of a path that got longer never. Two
// unanswered packets of the last five, or a TTL that two replies agree on, call for a trace at
// once. Loss calls once, when it begins: it is over when five packets in a row were answered. A
// flow calls once in a window at most; what comes in between waits for the next.
//
// Pure, without memory of its own: a probe has thousands. Thread safety: none.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "common/model/path.h"

namespace faultline::session {

inline constexpr std::uint32_t kWatchedPackets = 5;
inline constexpr std::uint32_t kUnansweredMin = 2;

// With what TTL our packet came to the far end, and its reply came back; 0: unknown.
struct ArrivalTtls {
  std::uint8_t there = 0;
  std::uint8_t back = 0;

  bool operator==(const ArrivalTtls&) const = default;
};

class FlowWatch {
 public:
  // The watched packets and the younger ones have to be remembered: 59 are half a second of 118
  // packets per second. Of a faster flow fewer are young.
  static constexpr std::uint32_t kYoungMax = 64 - kWatchedPackets;

  void sent() { settled_ <<= 1U; }
  // The packet `age` before the newest was answered, or never left: it is not lost.
  void settled(std::uint32_t age) {
    if (age < 64) settled_ |= std::uint64_t{1} << age;
  }
  void arrived(ArrivalTtls ttls) {
    if (known_ == ArrivalTtls{}) known_ = ttls;
    if (ttls == known_) {
      seen_ = {};
    } else if (ttls == std::exchange(seen_, ttls)) {  // once may be a packet that strayed
      known_ = ttls;
      pending_ = HintReason::kTtlChanged;
    }
  }
  // Nothing to look at more closely.
  [[nodiscard]] bool is_calm() const { return settled_ == kAllSettled && !losing_ && !pending_; }
  // What calls for a trace now. The newest `young` packets may still be answered.
  [[nodiscard]] std::optional<HintReason> take(std::uint32_t young, std::uint32_t window) {
    judge(settled_ >> std::min(young, kYoungMax));
    if (!pending_ || called_in_ == window) return std::nullopt;
    called_in_ = window;
    return std::exchange(pending_, std::nullopt);
  }

 private:
  static constexpr std::uint64_t kAllSettled = std::numeric_limits<std::uint64_t>::max();

  void judge(std::uint64_t settled) {
    constexpr std::uint64_t kWatched = (std::uint64_t{1} << kWatchedPackets) - 1;
    const auto unanswered = static_cast<std::uint32_t>(std::popcount(~settled & kWatched));
    if (unanswered == 0) losing_ = false;
    if (unanswered < kUnansweredMin || std::exchange(losing_, true)) return;
    pending_ = HintReason::kLossBegan;
  }

  std::uint64_t settled_ = kAllSettled;  // bit i: the packet i before the newest
  ArrivalTtls known_{};
  ArrivalTtls seen_{};  // by the newest reply, where it is not what is known
  std::optional<HintReason> pending_{};
  bool losing_ = false;
  std::optional<std::uint32_t> called_in_{};
};

}  // namespace faultline::session
