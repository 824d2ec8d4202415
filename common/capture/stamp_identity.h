// Which STAMP test packet a UDP payload is: what stays the same from one end of a path to the
// other, whatever rewrites addresses, ports and headers on the way (schemas/stamp.md has the
// octets).
//
// Why it exists: two captures are compared by what the packets carry, not by their addresses, so
// that NAT is seen instead of being taken for loss. A reply carries its request's time stamp, so
// that a request that was never answered is told from an answer that was lost.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "common/capture/octets.h"

namespace faultline::capture {

inline constexpr std::uint16_t kSsidTestsFirst = 0xFFFD;  // from here on: traces, and single pings
inline constexpr std::uint16_t kSsidMtu = 0xFFFC;
inline constexpr std::uint8_t kTraceTtlMax = 30;

struct StampIdentity {
  std::uint32_t sequence = 0;  // of this packet
  std::uint64_t sent_at = 0;   // its own time stamp, as octets
  std::uint16_t ssid = 0;
  std::uint64_t request_sent_at = 0;   // of a reply: its request's; else the same as `sent_at`
  std::uint32_t request_sequence = 0;  // likewise

  // Packets that are meant to be lost say nothing about loss: those of MTU tests, and those of
  // traces, which a ping with the same identifier is told from by its TTL.
  [[nodiscard]] bool is_test(std::uint8_t ttl) const {
    return ssid == kSsidMtu || (ssid >= kSsidTestsFirst && ttl <= kTraceTtlMax);
  }
  auto operator<=>(const StampIdentity&) const = default;
};

// Empty: too short. `reply`: it comes from the reflector's port.
[[nodiscard]] std::optional<StampIdentity> stamp_identity(Octets payload, bool reply);

}  // namespace faultline::capture
