// Time as values. Pure code never reads a clock: `now` is always an argument.
//
// Instant is monotonic and only comparable inside one process; WallTime is UTC and travels between
// machines. The two do not convert into each other: only a shell that reads both clocks may relate
// them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace faultline {

using Duration = std::chrono::nanoseconds;

// Tags a time_point; it is a clock in name only, so that nobody can call now() on it.
struct MonotonicClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicClock, Duration>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicClock::time_point;

struct UtcClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<UtcClock, Duration>;
  static constexpr bool is_steady = false;
};
// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds smeared or ignored as the host does.
using WallTime = UtcClock::time_point;

[[nodiscard]] constexpr std::int64_t unix_nanoseconds(WallTime time) {
  return time.time_since_epoch().count();
}
[[nodiscard]] constexpr WallTime wall_time_from_unix_nanoseconds(std::int64_t nanoseconds) {
  return WallTime{Duration{nanoseconds}};
}
[[nodiscard]] constexpr std::int64_t unix_seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}
[[nodiscard]] constexpr WallTime wall_time_from_unix_seconds(std::int64_t seconds) {
  return WallTime{std::chrono::seconds{seconds}};
}

// The start of the window that holds `time`. Windows align to UTC, so all nodes agree on them.
[[nodiscard]] constexpr WallTime window_start(WallTime time, Duration window) {
  const auto since_epoch = time.time_since_epoch();
  auto remainder = since_epoch % window;
  if (remainder < Duration::zero()) remainder += window;
  return time - remainder;
}

// "2026-11-22T03:00:00Z", with ".123" when `time` is not on a whole second. RFC 3339.
[[nodiscard]] std::string format_rfc3339(WallTime time);
// Accepts "2026-11-22T03:00:00[.fraction](Z|+hh:mm)". Empty when it is not such a text.
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text);

// "500ms", "10s", "5m", "2h", "30d"; a bare number is refused. Negative durations are refused.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
// The shortest exact form in one unit: "90s", "1500ms", "2h".
[[nodiscard]] std::string format_duration(Duration duration);

}  // namespace faultline
