// Packet: what one captured frame says, as far as two ends of a path can be compared by it.
//
// Why it exists: frames are the only evidence that does not depend on what a probe believes. They
// come from a network that may be broken, cut at the snap length: nothing in one is trusted, and a
// field that the frame does not hold is absent.
//
// Ethernet (also with VLAN tags) and raw IP are read; of IPv6's headers, hop-by-hop, routing,
// destination options and fragment. Pure; thread safety: none needed.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "common/base/time.h"
#include "common/model/address.h"

namespace faultline::capture {

// Link types of pcapng (tcpdump.org/linktypes.html).
inline constexpr std::uint16_t kLinkEthernet = 1;
inline constexpr std::uint16_t kLinkRaw = 101;

using MacAddress = std::array<std::uint8_t, 6>;
[[nodiscard]] std::string to_string(const MacAddress& mac);  // "02:00:00:00:00:01"

enum class Checksum : std::uint8_t {
  kUnknown = 0,     // cut, a fragment, or nothing to check
  kGood = 1,        //
  kAbsent = 2,      // 0: the sender computed none (UDP over IPv4)
  kUnfinished = 3,  // holds the pseudo header's sum: a network card is still to compute it
  kBad = 4,
};

// UDP's: of the datagram `udp`, whole, between these addresses.
[[nodiscard]] Checksum udp_checksum(const IpAddress& from, const IpAddress& to,
                                    std::span<const std::byte> udp);
// Whether the 16-bit one's complement sum of an IPv4 header is what it must be.
[[nodiscard]] bool ip_checksum_holds(std::span<const std::byte> header);

// An ICMP error and the packet that it complains about.
struct IcmpError {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t mtu = 0;  // of "fragmentation needed" and "packet too big"
  Endpoint from{};        // of the packet quoted
  Endpoint to{};

  bool operator==(const IcmpError&) const = default;
};

struct Packet {
  std::optional<MacAddress> mac_from{};  // absent on links without
  std::optional<MacAddress> mac_to{};
  std::optional<std::uint16_t> vlan{};
  Endpoint from{};  // ports are 0 where there is no UDP header: later fragments, ICMP
  Endpoint to{};
  std::uint8_t ttl = 0;
  std::uint8_t dscp = 0;
  std::uint8_t ecn = 0;
  std::uint16_t size = 0;  // octets of the IP packet, whatever was captured of it
  bool dont_fragment = false;
  bool more_fragments = false;
  std::uint16_t fragment_offset = 0;  // octets
  std::uint32_t fragment_id = 0;
  bool ip_checksum_bad = false;
  Checksum checksum = Checksum::kUnknown;
  bool udp = false;
  std::uint16_t payload_size = 0;        // octets of UDP payload as the header says
  std::span<const std::byte> payload{};  // what was captured of it; borrows from the frame
  std::optional<IcmpError> icmp{};

  [[nodiscard]] bool is_fragment() const { return more_fragments || fragment_offset != 0; }
};

// Empty: neither IPv4 nor IPv6, or too little of it was captured.
[[nodiscard]] std::optional<Packet> parse(std::uint16_t link_type,
                                          std::span<const std::byte> frame);

}  // namespace faultline::capture
