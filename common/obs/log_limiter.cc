#include "common/obs/log_limiter.h"

#include <utility>

#include <fmt/format.h>

namespace faultline::obs {

LogLimiter::LogLimiter(Instant now, Duration interval, double burst)
    : lines_(1 / std::chrono::duration<double>(interval).count(), burst, now) {}

std::optional<std::string> LogLimiter::admit(Instant now) {
  if (!lines_.take(now)) {
    ++suppressed_;
    return std::nullopt;
  }
  const auto suppressed = std::exchange(suppressed_, 0);
  return suppressed == 0 ? std::string{} : fmt::format(" ({} more suppressed)", suppressed);
}

}  // namespace faultline::obs
