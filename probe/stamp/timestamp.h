// The 64-bit NTP timestamp (RFC 5905 section 6) and the error estimate that STAMP carries.
#pragma once

#include <cstdint>

#include "common/base/time.h"

namespace faultline::stamp {

// Seconds since 1900 in the upper, their binary fraction in the lower 32 bits. Exact to 0.24 ns;
// era 0 ends in 2036 and from then on the value wraps.
[[nodiscard]] std::uint64_t to_ntp(WallTime time);
// Assumes a time between 1968 and 2104: a set top bit is era 0, a clear one era 1 (RFC 4330).
[[nodiscard]] WallTime from_ntp(std::uint64_t ntp);

// RFC 8762 section 4.2.1 (layout of RFC 4656 section 4.1.2): S 1, Z 1, scale 6, multiplier 8 bits.
// The error is multiplier * 2^(scale - 32) seconds.
struct ErrorEstimate {
  bool synchronized = false;    // S: the clock follows an external source
  bool ptp_timestamps = false;  // Z: timestamps are truncated PTPv2, which we never send
  std::uint8_t scale = 0;       // 0 to 63
  std::uint8_t multiplier = 1;  // 0 is not permitted on the wire

  bool operator==(const ErrorEstimate&) const = default;
};
[[nodiscard]] std::uint16_t encode(const ErrorEstimate& estimate);
[[nodiscard]] ErrorEstimate decode_error_estimate(std::uint16_t bits);

// The error is unknown: the largest that can be said. Delay between two clocks must not be computed
// from it.
inline constexpr ErrorEstimate kErrorUnknown{
    .synchronized = false, .ptp_timestamps = false, .scale = 63, .multiplier = 255};
// What we claim of our clock: whether the kernel says that something keeps it. How far it is off
// nobody measures, so that S alone is no reason to trust a one-way delay.
[[nodiscard]] constexpr ErrorEstimate error_of_clock(bool is_kept) {
  auto error = kErrorUnknown;
  error.synchronized = is_kept;
  return error;
}

}  // namespace faultline::stamp
