// Times as people type them: "14:05", "-30m", "2026-11-22T03:00:00Z". All in UTC, like all output.
// Thread safety: pure; `now` is an argument.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/time.h"
#include "controller/cli/failure.h"

namespace faultline::cli {

// "14:05" or "14:05:30" is the latest such time of day that is not in the future; "-30m" (or "30m")
// is that long ago; "now"; otherwise RFC 3339.
[[nodiscard]] Outcome<WallTime> parse_time_argument(std::string_view text, WallTime now);
// What is yet to come: "14:05" is the next such time of day; "+30m" (or "30m") is that far ahead;
// "now"; otherwise RFC 3339.
[[nodiscard]] Outcome<WallTime> parse_future_argument(std::string_view text, WallTime now);
// How far back: "10m", "90s", "2h", "1d"; a leading '-' is accepted and means the same.
[[nodiscard]] Outcome<Duration> parse_duration_argument(std::string_view text);
// How long something is to last: without a '-', and at most `max`. The failure names the option.
[[nodiscard]] Outcome<Duration> parse_length_option(std::string_view option, std::string_view text,
                                                    Duration max);
// The same in whole seconds, rounded up, as the API takes it.
[[nodiscard]] Outcome<std::uint64_t> parse_seconds_option(std::string_view option,
                                                          std::string_view text, Duration max);

}  // namespace faultline::cli
