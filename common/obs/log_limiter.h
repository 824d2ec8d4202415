// LogLimiter: lets a few lines through, then one per interval that says how many it held back.
//
//   if (const auto more = limiter.admit(now)) log_warning("zap", "refused {}{}", peer, *more);
//
// It exists because a peer can cause a line at will: what it causes is counted, not written.
// Thread safety: none; the thread that logs the lines owns it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/time.h"
#include "common/stats/token_bucket.h"

namespace faultline::obs {

class LogLimiter {
 public:
  // `burst` lines at once, then one per `interval`.
  explicit LogLimiter(Instant now, Duration interval = std::chrono::seconds{10}, double burst = 5);

  // Empty: hold the line back. Else the end of the line: "" or " (17 more suppressed)".
  [[nodiscard]] std::optional<std::string> admit(Instant now);

 private:
  stats::TokenBucket lines_;
  std::uint64_t suppressed_ = 0;
};

}  // namespace faultline::obs
