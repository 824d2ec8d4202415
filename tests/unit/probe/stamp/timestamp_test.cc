#include "probe/stamp/timestamp.h"

#include "tests/support/catch.h"

namespace faultline::stamp {

TEST_CASE("NTP counts seconds from 1900 and fractions of 2^-32", "[stamp]") {
  CHECK(to_ntp(wall_time_from_unix_nanoseconds(0)) == 0x83AA7E80'00000000U);
  CHECK(to_ntp(wall_time_from_unix_nanoseconds(500'000'000)) == 0x83AA7E80'80000000U);
}

TEST_CASE("every nanosecond survives the way to NTP and back", "[stamp]") {
  for (const std::int64_t nanoseconds :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{999'999'999},
        std::int64_t{1'793'664'000'123'456'789}, std::int64_t{4'000'000'000'000'000'001}}) {
    const auto time = wall_time_from_unix_nanoseconds(nanoseconds);
    CHECK(from_ntp(to_ntp(time)) == time);
  }
}

TEST_CASE("the NTP era that begins in 2036 is understood", "[stamp]") {
  const auto in_2040 = parse_rfc3339("2040-01-01T00:00:00Z");
  REQUIRE(in_2040);
  CHECK(to_ntp(*in_2040) >> 32 < 0x8000'0000U);
  CHECK(from_ntp(to_ntp(*in_2040)) == *in_2040);
}

TEST_CASE("an error estimate keeps its four fields apart", "[stamp]") {
  const ErrorEstimate estimate{
      .synchronized = true, .ptp_timestamps = false, .scale = 0x15, .multiplier = 0xA7};
  CHECK(encode(estimate) == 0x95A7);
  CHECK(decode_error_estimate(0x95A7) == estimate);
  CHECK(encode(kErrorUnknown) == 0x3FFF);
  CHECK(error_of_clock(false) == kErrorUnknown);
  CHECK(encode(error_of_clock(true)) == 0xBFFF);
  CHECK(decode_error_estimate(0x4001).ptp_timestamps);
}

}  // namespace faultline::stamp
