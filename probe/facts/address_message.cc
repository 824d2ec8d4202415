#include "probe/facts/address_message.h"

#include <linux/if_addr.h>
#include <linux/inet_diag.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace faultline::probe_facts {
namespace {

constexpr std::uint32_t kForEver = 0xffffffff;
constexpr std::string_view kNoMac = "00:00:00:00:00:00";

// rtnetlink(7); the numbers between are free for administrators.
std::string scope_name(std::uint8_t scope) {
  switch (scope) {
    case RT_SCOPE_UNIVERSE:
      return "global";
    case RT_SCOPE_SITE:
      return "site";
    case RT_SCOPE_LINK:
      return "link";
    case RT_SCOPE_HOST:
      return "host";
    default:
      return std::to_string(scope);
  }
}

// IFA_PROTO, linux/if_addr.h: who made the address. 0 and numbers of user space's say nothing.
std::optional<std::string> origin_of(std::uint8_t protocol) {
  switch (protocol) {
    case IFAPROT_KERNEL_LO:
      return "loopback";
    case IFAPROT_KERNEL_RA:
      return "ra";
    case IFAPROT_KERNEL_LL:
      return "link_local";
    default:
      return std::nullopt;
  }
}

std::string neighbor_state(std::uint16_t state) {
  switch (state) {
    case NUD_INCOMPLETE:
      return "incomplete";
    case NUD_REACHABLE:
      return "reachable";
    case NUD_STALE:
      return "stale";
    case NUD_DELAY:
      return "delay";
    case NUD_PROBE:
      return "probe";
    case NUD_FAILED:
      return "failed";
    case NUD_PERMANENT:
      return "permanent";
    default:
      return std::to_string(state);
  }
}

bool is_multicast(const IpAddress& address) {
  const auto first = address.bytes()[0];
  return address.is_v4() ? (first & 0xf0U) == 0xe0U : first == 0xffU;
}

// The last eight bytes of an address made of a MAC: ff:fe in the middle, the second bit of the
// first turned.
std::optional<std::array<std::uint8_t, 8>> eui64_of(const std::string& mac) {
  std::array<std::uint8_t, 6> raw{};
  if (mac.size() != 17) return std::nullopt;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    raw[i] = static_cast<std::uint8_t>(digit(mac[3 * i]) * 16 + digit(mac[3 * i + 1]));
  }
  return std::array<std::uint8_t, 8>{
      static_cast<std::uint8_t>(raw[0] ^ 2U), raw[1], raw[2], 0xff, 0xfe, raw[3], raw[4], raw[5]};
}

}  // namespace

std::optional<facts::Address> parse_address(Bytes message, const Names& names) {
  const auto parsed = open_message<ifaddrmsg>(message);
  if (!parsed || parsed->type != RTM_NEWADDR) return std::nullopt;
  const auto& attributes = parsed->attributes;
  // Of a point-to-point IPv4 interface IFA_ADDRESS is the peer's.
  const auto own = attributes.has(IFA_LOCAL) ? attributes.address(IFA_LOCAL)  //
                                             : attributes.address(IFA_ADDRESS);
  if (!own || parsed->header.ifa_prefixlen > (own->is_v4() ? 32 : 128)) return std::nullopt;
  const auto flags = attributes.u32(IFA_FLAGS).value_or(parsed->header.ifa_flags);
  facts::Address address{.interface = name_of(names, parsed->header.ifa_index),
                         .prefix = {*own, parsed->header.ifa_prefixlen},
                         .scope = scope_name(parsed->header.ifa_scope),
                         .origin = origin_of(attributes.u8(IFA_PROTO).value_or(0)),
                         .tentative = (flags & IFA_F_TENTATIVE) != 0,
                         .dad_failed = (flags & IFA_F_DADFAILED) != 0,
                         .deprecated = (flags & IFA_F_DEPRECATED) != 0};
  // One bit with two meanings.
  (own->is_v4() ? address.secondary : address.temporary) = (flags & IFA_F_SECONDARY) != 0;
  if (const auto raw = attributes.bytes(IFA_CACHEINFO)) {
    const auto cache = read_as<ifa_cacheinfo>(*raw);
    if (cache && cache->ifa_valid != kForEver) address.valid_seconds = cache->ifa_valid;
  }
  return address;
}

std::optional<facts::Neighbor> parse_neighbor(Bytes message, const Names& names) {
  const auto parsed = open_message<ndmsg>(message);
  if (!parsed || parsed->type != RTM_NEWNEIGH) return std::nullopt;
  const auto address = parsed->attributes.address(NDA_DST);
  const bool is_ip = parsed->header.ndm_family == AF_INET || parsed->header.ndm_family == AF_INET6;
  if (!is_ip || !address || is_multicast(*address)) return std::nullopt;
  if (parsed->header.ndm_state == NUD_NOARP || parsed->header.ndm_state == NUD_NONE) {
    return std::nullopt;
  }
  return facts::Neighbor{
      .address = *address,
      .interface = name_of(names, static_cast<std::uint32_t>(parsed->header.ndm_ifindex)),
      .mac = parsed->attributes.mac(NDA_LLADDR),
      .state = neighbor_state(parsed->header.ndm_state),
      .router = (parsed->header.ndm_flags & NTF_ROUTER) != 0};
}

std::optional<facts::BridgeEntry> parse_bridge_entry(Bytes message, const Names& names) {
  const auto parsed = open_message<ndmsg>(message);
  if (!parsed || parsed->type != RTM_NEWNEIGH || parsed->header.ndm_family != AF_BRIDGE) {
    return std::nullopt;
  }
  const auto& header = parsed->header;
  const auto mac = parsed->attributes.mac(NDA_LLADDR);
  const auto bridge = parsed->attributes.u32(NDA_MASTER);
  if (!mac) return std::nullopt;
  const auto port = name_of(names, static_cast<std::uint32_t>(header.ndm_ifindex));
  // NTF_SELF: of the device itself. With a destination it is a VXLAN's table; else the addresses
  // that a NIC takes frames for: groups, and those of macvlans on it.
  if ((header.ndm_flags & NTF_SELF) != 0) {
    const bool group =
        (parsed->attributes.bytes(NDA_LLADDR)->front() & std::byte{1}) != std::byte{};
    if (group || parsed->attributes.has(NDA_DST) || *mac == kNoMac) return std::nullopt;
    return facts::BridgeEntry{.bridge = {}, .port = port, .mac = *mac};
  }
  const bool learned = (header.ndm_state & NUD_PERMANENT) == 0;  // permanent: the port's own
  if (!bridge || !learned) return std::nullopt;
  return facts::BridgeEntry{.bridge = name_of(names, *bridge), .port = port, .mac = *mac};
}

std::optional<InterfaceSettings> parse_netconf(Bytes message) {
  const auto parsed = open_message<netconfmsg>(message);
  if (!parsed || parsed->type != RTM_NEWNETCONF || parsed->header.ncm_family != AF_INET) {
    return std::nullopt;
  }
  const auto index = parsed->attributes.i32(NETCONFA_IFINDEX);
  if (!index || *index <= 0) return std::nullopt;  // `all` and `default` are sysctls
  InterfaceSettings settings{.index = static_cast<std::uint32_t>(*index)};
  if (const auto value = parsed->attributes.i32(NETCONFA_RP_FILTER)) settings.rp_filter = *value;
  if (const auto value = parsed->attributes.i32(NETCONFA_FORWARDING)) settings.forwarding = *value;
  return settings;
}

std::optional<facts::Listener> parse_socket(Bytes message, const char* protocol) {
  const auto header = read_as<nlmsghdr>(message);
  if (!header || header->nlmsg_type != SOCK_DIAG_BY_FAMILY || message.size() < NLMSG_HDRLEN) {
    return std::nullopt;
  }
  const auto socket = read_as<inet_diag_msg>(message.subspan(NLMSG_HDRLEN));
  if (!socket || socket->id.idiag_dport != 0) return std::nullopt;
  const std::size_t size = socket->idiag_family == AF_INET ? 4 : 16;
  const auto address = read_address(std::as_bytes(std::span(socket->id.idiag_src)).first(size));
  const auto port = std::as_bytes(std::span(&socket->id.idiag_sport, 1));
  return facts::Listener{
      .protocol = protocol,
      .address = *address,
      .port = static_cast<std::uint16_t>(std::to_integer<unsigned>(port[0]) << 8U |
                                         std::to_integer<unsigned>(port[1]))};
}

void mark_eui64(std::vector<facts::Address>& addresses,
                const std::vector<facts::Interface>& interfaces) {
  std::map<std::string, std::array<std::uint8_t, 8>> identifiers;
  for (const auto& interface : interfaces) {
    if (!interface.mac) continue;
    if (const auto identifier = eui64_of(*interface.mac)) identifiers[interface.name] = *identifier;
  }
  for (auto& address : addresses) {
    const auto found = identifiers.find(address.interface);
    if (address.prefix.address.is_v4() || found == identifiers.end()) continue;
    address.eui64 =
        std::ranges::equal(found->second, std::span(address.prefix.address.bytes()).subspan(8));
  }
}

}  // namespace faultline::probe_facts
