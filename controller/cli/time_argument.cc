#include "controller/cli/time_argument.h"

#include <optional>

#include <fmt/format.h>

namespace faultline::cli {
namespace {

// "14:05" is RFC 3339 once the day and the rest are put around it.
std::optional<WallTime> time_of_day(std::string_view text, WallTime now) {
  if (text.size() != 5 && text.size() != 8) return std::nullopt;
  const auto today = format_rfc3339(window_start(now, std::chrono::days{1})).substr(0, 10);
  const auto* seconds = text.size() == 5 ? ":00" : "";
  auto time = parse_rfc3339(fmt::format("{}T{}{}Z", today, text, seconds));
  if (time && *time > now) *time -= std::chrono::days{1};
  return time;
}

std::optional<Duration> positive_duration(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto duration = parse_duration(text);
  if (!duration || *duration == Duration::zero()) return std::nullopt;
  return duration;
}

}  // namespace

Outcome<WallTime> parse_time_argument(std::string_view text, WallTime now) {
  if (text == "now") return now;
  if (const auto ago = positive_duration(text)) return now - *ago;
  if (const auto time = time_of_day(text, now)) return *time;
  if (const auto time = parse_rfc3339(text)) return *time;
  return usage(
      fmt::format("'{}' is not a time: use 14:05 (UTC), -30m, or 2026-11-22T03:00:00Z", text));
}

Outcome<WallTime> parse_future_argument(std::string_view text, WallTime now) {
  if (text == "now") return now;
  const auto ahead = parse_duration(text.starts_with('+') ? text.substr(1) : text);
  if (ahead && *ahead > Duration::zero()) return now + *ahead;
  if (const auto time = time_of_day(text, now)) return *time + std::chrono::days{1};
  if (const auto time = parse_rfc3339(text)) return *time;
  return usage(
      fmt::format("'{}' is not a time: use 22:00 (UTC), +2h, or 2026-11-22T03:00:00Z", text));
}

Outcome<Duration> parse_duration_argument(std::string_view text) {
  if (const auto duration = positive_duration(text)) return *duration;
  return usage(fmt::format("'{}' is not a duration: use 90s, 10m, 2h or 1d", text));
}

Outcome<Duration> parse_length_option(std::string_view option, std::string_view text,
                                      Duration max) {
  const auto duration = parse_duration(text);
  if (duration && *duration > Duration::zero() && *duration <= max) return *duration;
  return usage(fmt::format("{} must be a duration such as 90s or 2h, at most {}, not '{}'", option,
                           format_duration(max), text));
}

Outcome<std::uint64_t> parse_seconds_option(std::string_view option, std::string_view text,
                                            Duration max) {
  FAULTLINE_CLI_TRY(const auto length, parse_length_option(option, text, max));
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(length).count());
}

}  // namespace faultline::cli
