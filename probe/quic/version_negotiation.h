// QUIC reachability without a handshake (RFC 9000 sections 6 and 17.2): a long header packet of a
// version that nobody speaks makes a server answer with a Version Negotiation packet, at no cost of
// cryptography and without a connection. The packet must have 1200 octets, or a server ignores it.
//
// Pure. A reply is believed when it carries our connection ids the other way round.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace faultline::quic {

inline constexpr std::size_t kProbeSize = 1200;
inline constexpr std::uint32_t kReservedVersion = 0x1a2a3a4a;  // of the form 0x?a?a?a?a
inline constexpr std::size_t kConnectionId = 8;                // octets of each of ours
inline constexpr std::size_t kVersionsMax = 32;                // more are not read

struct Ids {
  std::uint64_t destination = 0;
  std::uint64_t source = 0;

  bool operator==(const Ids&) const = default;
};

// Writes a probe of out.size() octets, at least kProbeSize.
void encode_probe(const Ids& ids, std::span<std::byte> out);

struct VersionNegotiation {
  Ids ids{};  // ours, as we sent them
  std::vector<std::uint32_t> versions{};

  bool operator==(const VersionNegotiation&) const = default;
};
// Empty when it is no version negotiation packet to ids of our length.
[[nodiscard]] std::optional<VersionNegotiation> decode(std::span<const std::byte> datagram);

}  // namespace faultline::quic
