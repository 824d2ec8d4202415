#include "probe/stamp/timestamp.h"

namespace faultline::stamp {
namespace {

constexpr std::int64_t kSecondsFrom1900To1970 = 2'208'988'800;
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::uint64_t kEra = std::uint64_t{1} << 32;

}  // namespace

std::uint64_t to_ntp(WallTime time) {
  const std::int64_t seconds = unix_seconds(time);
  const auto nanoseconds =
      static_cast<std::uint64_t>(unix_nanoseconds(time) - seconds * kNanosecondsPerSecond);
  // Rounded up, so that from_ntp, which rounds down, returns the same nanosecond.
  const std::uint64_t fraction =
      ((nanoseconds << 32) + kNanosecondsPerSecond - 1) / kNanosecondsPerSecond;
  return (static_cast<std::uint64_t>(seconds + kSecondsFrom1900To1970) << 32) + fraction;
}

WallTime from_ntp(std::uint64_t ntp) {
  const std::uint64_t in_era = ntp >> 32;
  const std::uint64_t since_1900 = (in_era & 0x8000'0000U) != 0 ? in_era : in_era + kEra;
  const std::uint64_t nanoseconds = ((ntp & 0xffff'ffffU) * kNanosecondsPerSecond) >> 32;
  return wall_time_from_unix_nanoseconds(
      (static_cast<std::int64_t>(since_1900) - kSecondsFrom1900To1970) * kNanosecondsPerSecond +
      static_cast<std::int64_t>(nanoseconds));
}

std::uint16_t encode(const ErrorEstimate& estimate) {
  return static_cast<std::uint16_t>((estimate.synchronized ? 0x8000 : 0) |
                                    (estimate.ptp_timestamps ? 0x4000 : 0) |
                                    (estimate.scale & 0x3f) << 8 | estimate.multiplier);
}

ErrorEstimate decode_error_estimate(std::uint16_t bits) {
  return {.synchronized = (bits & 0x8000) != 0,
          .ptp_timestamps = (bits & 0x4000) != 0,
          .scale = static_cast<std::uint8_t>(bits >> 8 & 0x3f),
          .multiplier = static_cast<std::uint8_t>(bits & 0xff)};
}

}  // namespace faultline::stamp
