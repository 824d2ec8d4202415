#include "common/base/time.h"

#include "common/base/random.h"
#include "tests/support/catch.h"

namespace faultline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a wall time is written in RFC 3339 and read back", "[base][time]") {
  const auto time = wall_time_from_unix_seconds(1'795'316'400);
  CHECK(format_rfc3339(time) == "2026-11-22T03:00:00Z");
  CHECK(parse_rfc3339("2026-11-22T03:00:00Z") == time);
  CHECK(format_rfc3339(time + milliseconds{7}) == "2026-11-22T03:00:00.007Z");
  CHECK(parse_rfc3339("2026-11-22T03:00:00.007Z") == time + milliseconds{7});
}

TEST_CASE("the ends of the range can be written", "[base][time]") {
  CHECK(format_rfc3339(WallTime::min()) == "1677-09-21T00:12:43.145Z");
  CHECK(format_rfc3339(WallTime::max()) == "2262-04-11T23:47:16.854Z");
  CHECK(format_rfc3339(wall_time_from_unix_seconds(-1)) == "1969-12-31T23:59:59Z");
}

TEST_CASE("a zone offset and a fraction of any length are understood", "[base][time]") {
  const auto time = wall_time_from_unix_seconds(1'795'316'400);
  CHECK(parse_rfc3339("2026-11-22T04:30:00+01:30") == time);
  CHECK(parse_rfc3339("2026-11-21T22:00:00-05:00") == time);
  CHECK(parse_rfc3339("2026-11-22 03:00:00.1234567890123z") == time + Duration{123'456'789});
}

TEST_CASE("any millisecond survives being written and read", "[base][time][property]") {
  Rng rng(1);
  for (int i = 0; i < 1000; ++i) {
    const auto since = static_cast<std::int64_t>(uniform_below(rng, 7'200'000'000'000)) - 1'000'000;
    const WallTime time{milliseconds{since}};
    CAPTURE(since);
    REQUIRE(parse_rfc3339(format_rfc3339(time)) == time);
  }
}

TEST_CASE("what is not an RFC 3339 time is refused", "[base][time]") {
  const auto* text =
      GENERATE("", "now", "2026-11-22", "2026-11-22T03:00Z", "2026-11-22T03:00:00",
               "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z",
               "2026-11-22T03:60:00Z", "2026-11-22T03:00:00.Z", "2026-11-22T03:00:00Z ",
               "2026-11-22T03:00:00+1:00", "9999-01-01T00:00:00Z", "-026-11-22T03:00:00Z");
  CAPTURE(text);
  CHECK_FALSE(parse_rfc3339(text));
}

TEST_CASE("windows align to UTC, also before 1970", "[base][time]") {
  const Duration window = seconds{10};
  CHECK(window_start(wall_time_from_unix_seconds(1234567), window) ==
        wall_time_from_unix_seconds(1234560));
  CHECK(window_start(wall_time_from_unix_seconds(1234560), window) ==
        wall_time_from_unix_seconds(1234560));
  CHECK(window_start(wall_time_from_unix_seconds(-1), window) == wall_time_from_unix_seconds(-10));
  CHECK(unix_seconds(wall_time_from_unix_nanoseconds(-1)) == -1);
}

TEST_CASE("durations are read with their unit and written in the shortest exact form",
          "[base][time]") {
  CHECK(parse_duration("500ms") == milliseconds{500});
  CHECK(parse_duration("1.5s") == milliseconds{1500});
  CHECK(parse_duration("30d") == std::chrono::days{30});
  CHECK(parse_duration("0s") == Duration::zero());
  CHECK(format_duration(seconds{90}) == "90s");
  CHECK(format_duration(milliseconds{1500}) == "1500ms");
  CHECK(format_duration(std::chrono::hours{24}) == "24h");
  CHECK(format_duration(std::chrono::days{30}) == "30d");
  CHECK(format_duration(Duration{1}) == "1ns");
  CHECK(format_duration(Duration::zero()) == "0s");
}

TEST_CASE("any duration survives being written and read", "[base][time][property]") {
  Rng rng(2);
  for (int i = 0; i < 1000; ++i) {
    const Duration duration = milliseconds{uniform_below(rng, 10'000'000)};
    CAPTURE(duration.count());
    REQUIRE(parse_duration(format_duration(duration)) == duration);
  }
}

TEST_CASE("what is not a duration is refused", "[base][time]") {
  const auto* text =
      GENERATE("", "10", "s", "-1s", "10 s", "10sec", "nans", "infs", "1e300d", "1h2m");
  CAPTURE(text);
  CHECK_FALSE(parse_duration(text));
}

}  // namespace
}  // namespace faultline
