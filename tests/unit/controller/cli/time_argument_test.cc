#include "controller/cli/time_argument.h"

#include "tests/support/catch.h"

namespace faultline::cli {
namespace {

const WallTime kNow = *parse_rfc3339("2026-11-22T12:00:00Z");

std::string parsed(std::string_view text) {
  const auto time = parse_time_argument(text, kNow);
  return time ? format_rfc3339(*time) : "usage: " + std::to_string(int(time.error().exit_code));
}

}  // namespace

TEST_CASE("a time of day is the latest one that is not in the future", "[cli]") {
  CHECK(parsed("11:59") == "2026-11-22T11:59:00Z");
  CHECK(parsed("12:00") == "2026-11-22T12:00:00Z");
  CHECK(parsed("14:05") == "2026-11-21T14:05:00Z");
  CHECK(parsed("14:05:30") == "2026-11-21T14:05:30Z");
}

TEST_CASE("a duration is that long ago", "[cli]") {
  CHECK(parsed("-30m") == "2026-11-22T11:30:00Z");
  CHECK(parsed("30m") == "2026-11-22T11:30:00Z");
  CHECK(parsed("now") == "2026-11-22T12:00:00Z");
}

TEST_CASE("of what is yet to come, a time of day is the next one and a duration lies ahead",
          "[cli]") {
  const auto future = [](std::string_view text) {
    const auto time = parse_future_argument(text, kNow);
    return time ? format_rfc3339(*time) : "usage: " + std::to_string(int(time.error().exit_code));
  };
  CHECK(future("14:05") == "2026-11-22T14:05:00Z");
  CHECK(future("11:59") == "2026-11-23T11:59:00Z");
  CHECK(future("12:00") == "2026-11-23T12:00:00Z");
  CHECK(future("+2h") == "2026-11-22T14:00:00Z");
  CHECK(future("2h") == "2026-11-22T14:00:00Z");
  CHECK(future("now") == "2026-11-22T12:00:00Z");
  CHECK(future("2026-12-01T03:00:00Z") == "2026-12-01T03:00:00Z");
  for (const auto* text : {"", "-2h", "0s", "tomorrow", "+"}) CHECK(future(text) == "usage: 3");
}

TEST_CASE("a full time is taken as it is", "[cli]") {
  CHECK(parsed("2026-11-01T03:00:00+01:00") == "2026-11-01T02:00:00Z");
}

TEST_CASE("anything else is a usage failure", "[cli]") {
  for (const auto* text : {"", "yesterday", "25:00", "14:5", "-", "-30", "2026-11-22", "0s"}) {
    CAPTURE(text);
    CHECK(parsed(text) == "usage: 3");
  }
}

TEST_CASE("a length of time has a unit, and a minus sign changes nothing", "[cli]") {
  CHECK(parse_duration_argument("90s") == Duration{std::chrono::seconds{90}});
  CHECK(parse_duration_argument("-2h") == Duration{std::chrono::hours{2}});
  for (const auto* text : {"", "10", "ten minutes", "0m"})
    CHECK_FALSE(parse_duration_argument(text));
}

TEST_CASE("how long something lasts has no minus sign and a limit, and names its option", "[cli]") {
  const Duration max = std::chrono::days{30};
  CHECK(parse_length_option("--lifetime", "30d", max) == max);
  for (const auto* text : {"", "0s", "-5m", "31d", "300", "forever"}) {
    CAPTURE(text);
    const auto length = parse_length_option("--lifetime", text, max);
    REQUIRE_FALSE(length);
    CHECK_THAT(length.error().message, Catch::StartsWith("--lifetime must be a duration"));
  }
}

}  // namespace faultline::cli
