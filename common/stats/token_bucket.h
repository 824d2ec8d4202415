// TokenBucket: a rate with a bounded burst, on time that is passed in.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/time.h"

namespace faultline::stats {

class TokenBucket {
 public:
  // `per_second` tokens flow in, at most `burst` are kept; it starts full.
  TokenBucket(double per_second, double burst, Instant now)
      : per_second_(per_second), burst_(burst), tokens_(burst), updated_(now) {}

  // From now on another rate and burst, with no more tokens than there are.
  void set_rate(double per_second, double burst, Instant now) {
    refill(now);
    per_second_ = per_second;
    burst_ = burst;
    tokens_ = std::min(tokens_, burst);
  }

  // Takes so many tokens if there are as many, or none. `now` may stand still but never moves
  // backwards.
  [[nodiscard]] bool take(Instant now, double count = 1) {
    refill(now);
    if (tokens_ < count) return false;
    tokens_ -= count;
    return true;
  }

  // When the next token will be there; `now` itself if there is one.
  [[nodiscard]] Instant next(Instant now) {
    refill(now);
    if (tokens_ >= 1) return now;
    const double wait_seconds = (1 - tokens_) / per_second_;
    return now + Duration{static_cast<std::int64_t>(wait_seconds * 1e9) + 1};
  }

 private:
  void refill(Instant now) {
    const std::chrono::duration<double> elapsed = std::max(now - updated_, Duration::zero());
    tokens_ = std::min(burst_, tokens_ + elapsed.count() * per_second_);
    updated_ = std::max(now, updated_);
  }

  double per_second_;
  double burst_;
  double tokens_;
  Instant updated_;
};

}  // namespace faultline::stats
