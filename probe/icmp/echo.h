// ICMP echo (RFC 792, RFC 4443 section 4): octets to values and back.
//
// The two kinds of sockets differ: a datagram ("ping") socket hands over the ICMP message, fills in
// identifier and checksum itself and delivers only its own; a raw IPv4 socket hands over the IP
// header too and delivers everybody's. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace faultline::icmp {

inline constexpr std::size_t kEchoHeader = 8;  // octets; the smallest echo

struct Echo {
  std::uint16_t identifier = 0;
  std::uint16_t sequence = 0;

  bool operator==(const Echo&) const = default;
};

// Writes a request of out.size() octets, at least kEchoHeader. The IPv4 checksum is filled in; of
// IPv6 the kernel does it, for it covers the IP header too.
void encode_request(const Echo& echo, bool v4, std::span<std::byte> out);
// A reply; empty for anything else. `checked`: verifies the IPv4 checksum.
[[nodiscard]] std::optional<Echo> decode_reply(std::span<const std::byte> message, bool v4);
// A request, as an ICMP error quotes it.
[[nodiscard]] std::optional<Echo> decode_quoted_request(std::span<const std::byte> message,
                                                        bool v4);
// What follows the header of an IPv4 packet, and the TTL in it; empty when it is cut off.
struct Ipv4Payload {
  std::uint8_t ttl = 0;
  std::span<const std::byte> payload{};
};
[[nodiscard]] std::optional<Ipv4Payload> strip_ipv4(std::span<const std::byte> packet);
// RFC 1071.
[[nodiscard]] std::uint16_t internet_checksum(std::span<const std::byte> octets);

}  // namespace faultline::icmp
