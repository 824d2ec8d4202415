#include "common/base/time.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

namespace faultline {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Consumes exactly `width` digits from the front of `text`.
std::optional<int> take_digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, width)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Duration> take_fraction(std::string_view& text) {
  if (!take(text, '.')) return Duration::zero();
  std::int64_t value = 0;
  std::int64_t scale = 1'000'000'000;
  std::size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (++digits <= 9) {
      scale /= 10;
      value += (text.front() - '0') * scale;
    }
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  return Duration{value};
}

std::optional<Duration> take_zone(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return Duration::zero();
  const bool west = take(text, '-');
  if (!west && !take(text, '+')) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
  const Duration offset = hours{*hour} + minutes{*minute};
  return west ? -offset : offset;
}

struct Unit {
  std::string_view suffix;
  Duration size;
};
constexpr std::array<Unit, 7> kUnits{{{"d", days{1}},
                                      {"h", hours{1}},
                                      {"m", minutes{1}},
                                      {"s", seconds{1}},
                                      {"ms", std::chrono::milliseconds{1}},
                                      {"us", std::chrono::microseconds{1}},
                                      {"ns", Duration{1}}}};

}  // namespace

std::string format_rfc3339(WallTime time) {
  const auto day = std::chrono::floor<days>(time.time_since_epoch());
  const std::chrono::year_month_day date{std::chrono::sys_days{day}};
  // Not "time - day": on the first day that a WallTime can hold, that day's start is out of range.
  Duration in_day = time.time_since_epoch() % days{1};
  if (in_day < Duration::zero()) in_day += days{1};
  const std::chrono::hh_mm_ss<Duration> clock{in_day};
  const auto milliseconds = clock.subseconds().count() / 1'000'000;
  auto text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                          static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                          clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (milliseconds != 0) text += fmt::format(".{:03}", milliseconds);
  return text + "Z";
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !(take(text, 'T') || take(text, 't') || take(text, ' '))) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  const auto fraction = second ? take_fraction(text) : std::nullopt;
  const auto zone = fraction ? take_zone(text) : std::nullopt;
  if (!zone || !text.empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  // Beyond 2200 the nanoseconds would leave 64 bits.
  if (!date.ok() || *year < 1700 || *year > 2200) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const Duration since_epoch = std::chrono::sys_days{date}.time_since_epoch() + hours{*hour} +
                               minutes{*minute} + seconds{*second} + *fraction - *zone;
  return WallTime{since_epoch};
}

std::optional<Duration> parse_duration(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !(value >= 0)) return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& unit : kUnits) {
    if (suffix != unit.suffix) continue;
    const double nanoseconds = value * static_cast<double>(unit.size.count());
    if (nanoseconds > 9e18) return std::nullopt;
    return Duration{static_cast<std::int64_t>(nanoseconds + 0.5)};
  }
  return std::nullopt;
}

std::string format_duration(Duration duration) {
  if (duration == Duration::zero()) return "0s";
  for (const auto& unit : kUnits) {
    if (unit.size == days{1} && duration < days{2}) continue;
    if (duration % unit.size == Duration::zero()) {
      return fmt::format("{}{}", duration / unit.size, unit.suffix);
    }
  }
  return fmt::format("{}ns", duration.count());
}

}  // namespace faultline
