#include "common/capture/packet.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/capture/octets.h"

namespace faultline::capture {
namespace {

constexpr std::uint16_t kEthernetV4 = 0x0800;
constexpr std::uint16_t kEthernetV6 = 0x86DD;
constexpr std::uint16_t kEthernetVlan = 0x8100;     // 802.1Q
constexpr std::uint16_t kEthernetService = 0x88A8;  // 802.1ad
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmpV6 = 58;
constexpr std::size_t kV4Header = 20;
constexpr std::size_t kV6Header = 40;
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kIcmpHeader = 8;

IpAddress address_v4(Octets at, std::size_t offset) { return IpAddress::v4(number32(at, offset)); }
IpAddress address_v6(Octets at, std::size_t offset) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = octet(at, offset + i);
  return IpAddress::v6(bytes);
}

// An IP packet's header, without what it carries.
struct Header {
  std::uint8_t protocol = 0;
  Octets body{};              // captured of what follows the headers
  std::size_t body_size = 0;  // as the header says
};

std::optional<Header> read_v4(Octets ip, Packet& packet) {
  if (ip.size() < kV4Header || octet(ip, 0) >> 4 != 4) return std::nullopt;
  const std::size_t header = static_cast<std::size_t>(octet(ip, 0) & 0xf) * 4;
  packet.size = number16(ip, 2);
  // 0: a segment that the network card is still to cut (TSO); then the frame is what there is.
  if (packet.size == 0)
    packet.size = static_cast<std::uint16_t>(std::min<std::size_t>(ip.size(), 65535));
  if (header < kV4Header || packet.size < header) return std::nullopt;
  const auto flags = number16(ip, 6);
  packet.dscp = static_cast<std::uint8_t>(octet(ip, 1) >> 2);
  packet.ecn = octet(ip, 1) & 3;
  packet.fragment_id = number16(ip, 4);
  packet.dont_fragment = (flags & 0x4000) != 0;
  packet.more_fragments = (flags & 0x2000) != 0;
  packet.fragment_offset = static_cast<std::uint16_t>((flags & 0x1fff) * 8);
  packet.ttl = octet(ip, 8);
  packet.from.address = address_v4(ip, 12);
  packet.to.address = address_v4(ip, 16);
  packet.ip_checksum_bad = ip.size() >= header && !ip_checksum_holds(ip.first(header));
  const auto body = after(first(ip, packet.size), header);
  return Header{.protocol = octet(ip, 9), .body = body, .body_size = packet.size - header};
}

// Follows IPv6's extension headers to the one that is none.
std::optional<Header> read_v6(Octets ip, Packet& packet) {
  if (ip.size() < kV6Header || octet(ip, 0) >> 4 != 6) return std::nullopt;
  const auto traffic_class = static_cast<std::uint8_t>(number16(ip, 0) >> 4 & 0xff);
  packet.dscp = static_cast<std::uint8_t>(traffic_class >> 2);
  packet.ecn = traffic_class & 3;
  packet.ttl = octet(ip, 7);
  packet.dont_fragment = true;
  packet.size =
      static_cast<std::uint16_t>(std::min<std::size_t>(kV6Header + number16(ip, 4), 65535));
  packet.from.address = address_v6(ip, 8);
  packet.to.address = address_v6(ip, 24);
  auto next = octet(ip, 6);
  auto body = after(first(ip, packet.size), kV6Header);
  std::size_t left = packet.size - kV6Header;
  while (next == 0 || next == 43 || next == 60 || next == 44) {
    if (body.size() < 8) return std::nullopt;
    std::size_t length = 8;
    if (next == 44) {
      const auto field = number16(body, 2);
      packet.fragment_offset = field & 0xfff8;
      packet.more_fragments = (field & 1) != 0;
      packet.fragment_id = number32(body, 4);
    } else {
      length = (static_cast<std::size_t>(octet(body, 1)) + 1) * 8;
    }
    if (length > left) return std::nullopt;
    next = octet(body, 0);
    body = after(body, length);
    left -= length;
  }
  return Header{.protocol = next, .body = body, .body_size = left};
}

std::optional<Header> read_ip(Octets ip, Packet& packet) {
  if (ip.empty()) return std::nullopt;
  return octet(ip, 0) >> 4 == 6 ? read_v6(ip, packet) : read_v4(ip, packet);
}

void read_udp(const Header& header, Packet& packet) {
  if (header.body.size() < kUdpHeader) return;
  packet.udp = true;
  packet.from.port = number16(header.body, 0);
  packet.to.port = number16(header.body, 2);
  const std::size_t told = number16(header.body, 4);
  packet.payload_size = static_cast<std::uint16_t>(told < kUdpHeader ? 0 : told - kUdpHeader);
  packet.payload = after(first(header.body, told), kUdpHeader);
  const bool whole = !packet.is_fragment() && told <= header.body.size() && told >= kUdpHeader;
  if (whole) {
    packet.checksum = udp_checksum(packet.from.address, packet.to.address, header.body.first(told));
  }
}

void read_icmp(const Header& header, Packet& packet) {
  if (header.body.size() < kIcmpHeader || packet.fragment_offset != 0) return;
  const bool v4 = header.protocol == kIcmp;
  IcmpError error{.type = octet(header.body, 0), .code = octet(header.body, 1)};
  const bool is_error =
      v4 ? error.type == 3 || error.type == 5 || error.type == 11 || error.type == 12
         : error.type >= 1 && error.type <= 4;
  if (!is_error) return;
  if (v4 && error.type == 3 && error.code == 4) error.mtu = number16(header.body, 6);
  if (!v4 && error.type == 2) error.mtu = number32(header.body, 4);
  Packet quoted;
  const auto inner = read_ip(after(header.body, kIcmpHeader), quoted);
  if (!inner || inner->protocol != kUdp || inner->body.size() < 4) return;
  error.from = {.address = quoted.from.address, .port = number16(inner->body, 0)};
  error.to = {.address = quoted.to.address, .port = number16(inner->body, 2)};
  packet.icmp = error;
}

// The IP packet within an Ethernet frame.
std::optional<Octets> read_ethernet(Octets frame, Packet& packet) {
  if (frame.size() < 14) return std::nullopt;
  MacAddress from{};
  MacAddress to{};
  for (std::size_t i = 0; i < 6; ++i) {
    to[i] = octet(frame, i);
    from[i] = octet(frame, 6 + i);
  }
  packet.mac_from = from;
  packet.mac_to = to;
  auto type = number16(frame, 12);
  std::size_t offset = 14;
  while (type == kEthernetVlan || type == kEthernetService) {
    if (frame.size() < offset + 4) return std::nullopt;
    packet.vlan = number16(frame, offset) & 0xfff;
    type = number16(frame, offset + 2);
    offset += 4;
  }
  if (type != kEthernetV4 && type != kEthernetV6) return std::nullopt;
  return after(frame, offset);
}

}  // namespace

std::string to_string(const MacAddress& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                     mac[4], mac[5]);
}

std::optional<Packet> parse(std::uint16_t link_type, std::span<const std::byte> frame) {
  Packet packet;
  std::optional<Octets> ip;
  if (link_type == kLinkEthernet) ip = read_ethernet(frame, packet);
  if (link_type == kLinkRaw) ip = frame;
  if (!ip) return std::nullopt;
  const auto header = read_ip(*ip, packet);
  if (!header) return std::nullopt;
  if (header->protocol == kUdp && packet.fragment_offset == 0) read_udp(*header, packet);
  if (header->protocol == kIcmp || header->protocol == kIcmpV6) read_icmp(*header, packet);
  return packet;
}

}  // namespace faultline::capture
