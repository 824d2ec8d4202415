#include "probe/facts/route_message.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace faultline::probe_facts {
namespace {

// Of routes that are kept; rtnetlink(7).
const char* type_name(std::uint8_t type) {
  switch (type) {
    case RTN_UNICAST:
      return "unicast";
    case RTN_BLACKHOLE:
      return "blackhole";
    case RTN_UNREACHABLE:
      return "unreachable";
    case RTN_PROHIBIT:
      return "prohibit";
    case RTN_THROW:
      return "throw";
    case RTN_NAT:
      return "nat";
    default:
      return nullptr;
  }
}

// iproute2's names of the well-known numbers, linux/rtnetlink.h.
std::string protocol_name(std::uint8_t protocol) {
  static const std::map<std::uint8_t, const char*> kNames{
      {RTPROT_UNSPEC, "none"},   {RTPROT_REDIRECT, "redirect"},
      {RTPROT_KERNEL, "kernel"}, {RTPROT_BOOT, "boot"},
      {RTPROT_STATIC, "static"}, {RTPROT_RA, "ra"},
      {RTPROT_ZEBRA, "zebra"},   {RTPROT_BIRD, "bird"},
      {RTPROT_DHCP, "dhcp"},     {RTPROT_KEEPALIVED, "keepalived"},
      {RTPROT_BABEL, "babel"},   {RTPROT_BGP, "bgp"},
      {RTPROT_ISIS, "isis"},     {RTPROT_OSPF, "ospf"},
      {RTPROT_RIP, "rip"},       {RTPROT_EIGRP, "eigrp"}};
  const auto found = kNames.find(protocol);
  return found == kNames.end() ? std::to_string(protocol) : found->second;
}

IpAddress any(std::uint8_t family) { return family == AF_INET6 ? IpAddress::v6({}) : IpAddress{}; }

// Of another family than the route: an IPv4 route over an IPv6 gateway (RFC 5549).
std::optional<IpAddress> via_of(const Attributes& attributes) {
  const auto raw = attributes.bytes(RTA_VIA);
  if (!raw || raw->size() <= sizeof(rtvia)) return std::nullopt;
  return read_address(raw->subspan(sizeof(rtvia)));
}

std::optional<IpAddress> gateway_of(const Attributes& attributes) {
  const auto gateway = attributes.address(RTA_GATEWAY);
  return gateway ? gateway : via_of(attributes);
}

bool is_dead(unsigned flags) { return (flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0; }

std::vector<facts::NextHop> read_multipath(Bytes raw, const Names& names) {
  std::vector<facts::NextHop> hops;
  while (const auto header = read_as<rtnexthop>(raw)) {
    if (header->rtnh_len < sizeof(rtnexthop) || header->rtnh_len > raw.size()) break;
    const Attributes attributes(
        raw.subspan(sizeof(rtnexthop), header->rtnh_len - sizeof(rtnexthop)));
    hops.push_back({.gateway = gateway_of(attributes),
                    .interface = name_of(names, static_cast<std::uint32_t>(header->rtnh_ifindex)),
                    .weight = header->rtnh_hops + 1U,
                    .dead = is_dead(header->rtnh_flags)});
    raw = raw.subspan(std::min(raw.size(), std::size_t{RTNH_ALIGN(header->rtnh_len)}));
  }
  return hops;
}

std::vector<facts::NextHop> next_hops_of(const Attributes& attributes, unsigned flags,
                                         const Names& names) {
  if (const auto raw = attributes.bytes(RTA_MULTIPATH)) return read_multipath(*raw, names);
  const auto gateway = gateway_of(attributes);
  const auto output = attributes.u32(RTA_OIF);
  if (!gateway && !output) return {};
  return {{.gateway = gateway,
           .interface = output ? name_of(names, *output) : "",
           .weight = 1,
           .dead = is_dead(flags)}};
}

// Host bits are of no meaning to a route.
bool holds(const facts::Prefix& prefix, const IpAddress& address) {
  if (prefix.address.is_v4() != address.is_v4()) return false;
  for (unsigned bit = 0; bit < prefix.length; ++bit) {
    const auto mask = 0x80U >> (bit % 8);
    if (((prefix.address.bytes()[bit / 8] ^ address.bytes()[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

bool came_with(const facts::Address& address, const facts::Route& route) {
  if (route.source) return address.prefix.address == *route.source;
  return std::ranges::any_of(route.next_hops, [&](const facts::NextHop& hop) {
    return hop.gateway && hop.interface == address.interface && holds(address.prefix, *hop.gateway);
  });
}

}  // namespace

std::optional<facts::Route> parse_route(Bytes message, const Names& names) {
  const auto parsed = open_message<rtmsg>(message);
  if (!parsed || parsed->type != RTM_NEWROUTE) return std::nullopt;
  const auto& header = parsed->header;
  const auto& attributes = parsed->attributes;
  const auto* type = type_name(header.rtm_type);
  const unsigned length_max = header.rtm_family == AF_INET ? 32 : 128;
  const bool is_ip = header.rtm_family == AF_INET || header.rtm_family == AF_INET6;
  if (!is_ip || !type || (header.rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;
  if (header.rtm_dst_len > length_max) return std::nullopt;
  facts::Route route{.table = attributes.u32(RTA_TABLE).value_or(header.rtm_table),
                     .type = type,
                     .destination = {attributes.address(RTA_DST).value_or(any(header.rtm_family)),
                                     header.rtm_dst_len},
                     .next_hops = next_hops_of(attributes, header.rtm_flags, names),
                     .source = attributes.address(RTA_PREFSRC),
                     .metric = attributes.u32(RTA_PRIORITY).value_or(0),
                     .protocol = protocol_name(header.rtm_protocol),
                     .mtu = attributes.nested(RTA_METRICS).u32(RTAX_MTU)};
  if (route.destination.address.is_v4() != (header.rtm_family == AF_INET)) return std::nullopt;
  return route;
}

std::optional<facts::Rule> parse_rule(Bytes message) {
  const auto parsed = open_message<fib_rule_hdr>(message);
  if (!parsed || parsed->type != RTM_NEWRULE) return std::nullopt;
  const auto& header = parsed->header;
  const auto& attributes = parsed->attributes;
  const auto action = [&]() -> std::string {
    switch (header.action) {
      case FR_ACT_TO_TBL:
        return "to_table";
      case FR_ACT_GOTO:
        return "goto";
      case FR_ACT_NOP:
        return "nop";
      case FR_ACT_BLACKHOLE:
        return "blackhole";
      case FR_ACT_UNREACHABLE:
        return "unreachable";
      case FR_ACT_PROHIBIT:
        return "prohibit";
      default:
        return std::to_string(header.action);
    }
  }();
  facts::Rule rule{.priority = attributes.u32(FRA_PRIORITY).value_or(0),
                   .action = action,
                   .table = attributes.u32(FRA_TABLE).value_or(header.table),
                   .input = attributes.text(FRA_IIFNAME),
                   .output = attributes.text(FRA_OIFNAME),
                   .mark = attributes.u32(FRA_FWMARK),
                   .v6 = header.family == AF_INET6};
  const auto length_max = rule.v6 ? 128 : 32;
  const auto prefix = [&](std::uint16_t attribute, int length) -> std::optional<facts::Prefix> {
    const auto address = attributes.address(attribute);
    if (!address || length > length_max) return std::nullopt;
    return facts::Prefix{*address, static_cast<std::uint8_t>(length)};
  };
  rule.from = prefix(FRA_SRC, header.src_len);
  rule.to = prefix(FRA_DST, header.dst_len);
  return rule;
}

void mark_dhcp(std::vector<facts::Address>& addresses, const std::vector<facts::Route>& routes) {
  for (const auto& route : routes) {
    if (route.protocol != "dhcp") continue;
    for (auto& address : addresses) {
      if (!address.origin && came_with(address, route)) address.origin = "dhcp";
    }
  }
}

}  // namespace faultline::probe_facts
