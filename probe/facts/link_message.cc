#include "probe/facts/link_message.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace faultline::probe_facts {
namespace {

template <std::size_t kCount>
std::string word(const std::array<std::string_view, kCount>& words, std::size_t value) {
  return value < kCount ? std::string(words[value]) : std::to_string(value);
}

// RFC 2863 operational states, linux/if.h.
constexpr std::array<std::string_view, 7> kStates{"unknown", "notpresent", "down", "lowerlayerdown",
                                                  "testing", "dormant",    "up"};
// uapi/linux/if_bonding.h
constexpr std::array<std::string_view, 7> kBondModes{"balance-rr", "active-backup", "balance-xor",
                                                     "broadcast",  "802.3ad",       "balance-tlb",
                                                     "balance-alb"};
constexpr std::array<std::string_view, 3> kIpvlanModes{"l2", "l3", "l3s"};

std::string macvlan_mode(std::uint32_t mode) {
  switch (mode) {
    case MACVLAN_MODE_PRIVATE:
      return "private";
    case MACVLAN_MODE_VEPA:
      return "vepa";
    case MACVLAN_MODE_BRIDGE:
      return "bridge";
    case MACVLAN_MODE_PASSTHRU:
      return "passthru";
    case MACVLAN_MODE_SOURCE:
      return "source";
    default:
      return std::to_string(mode);
  }
}

std::optional<IpAddress> either(const Attributes& data, std::uint16_t v4, std::uint16_t v6) {
  const auto address = data.has(v4) ? data.address(v4) : data.address(v6);
  if (!address || address->is_unspecified()) return std::nullopt;
  return address;
}

void read_vxlan(const Attributes& data, Link& link) {
  facts::Vxlan vxlan{.vni = data.u32(IFLA_VXLAN_ID).value_or(0),
                     .local = either(data, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6),
                     .remote = either(data, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6),
                     .port = data.u16_network_order(IFLA_VXLAN_PORT).value_or(0),
                     .learning = data.u8(IFLA_VXLAN_LEARNING).value_or(0) != 0};
  link.interface.vxlan = std::move(vxlan);
  link.underlay = data.u32(IFLA_VXLAN_LINK);
  if (link.underlay == 0U) link.underlay.reset();
}

// What only interfaces of this kind have.
void read_kind(const Attributes& info, Link& link) {
  auto& interface = link.interface;
  interface.kind = info.text(IFLA_INFO_KIND).value_or("");
  const auto data = info.nested(IFLA_INFO_DATA);
  const auto& kind = interface.kind;
  if (kind == "vlan") interface.vlan = data.u16(IFLA_VLAN_ID);
  if (kind == "vxlan") read_vxlan(data, link);
  if (kind == "macvlan" || kind == "macvtap") {
    if (const auto mode = data.u32(IFLA_MACVLAN_MODE)) interface.mode = macvlan_mode(*mode);
  }
  if (kind == "ipvlan" || kind == "ipvtap") {
    if (const auto mode = data.u16(IFLA_IPVLAN_MODE)) interface.mode = word(kIpvlanModes, *mode);
  }
  if (kind == "bond") {
    if (const auto mode = data.u8(IFLA_BOND_MODE)) interface.mode = word(kBondModes, *mode);
  }
  if (kind == "tun") {
    if (const auto type = data.u8(IFLA_TUN_TYPE)) interface.mode = *type == IFF_TAP ? "tap" : "tun";
  }
}

std::optional<facts::Counters> read_counters(const Attributes& attributes) {
  const auto raw = attributes.bytes(IFLA_STATS64);
  if (!raw) return std::nullopt;
  rtnl_link_stats64 stats{};  // older kernels have fewer members, newer ones more
  std::memcpy(&stats, raw->data(), std::min(raw->size(), sizeof(stats)));
  return facts::Counters{.rx_packets = stats.rx_packets,
                         .tx_packets = stats.tx_packets,
                         .rx_errors = stats.rx_errors,
                         .tx_errors = stats.tx_errors,
                         .rx_dropped = stats.rx_dropped,
                         .tx_dropped = stats.tx_dropped,
                         .collisions = stats.collisions,
                         .rx_crc_errors = stats.rx_crc_errors,
                         .rx_frame_errors = stats.rx_frame_errors,
                         .rx_missed_errors = stats.rx_missed_errors,
                         .tx_carrier_errors = stats.tx_carrier_errors};
}

}  // namespace

std::string name_of(const Names& names, std::uint32_t index) {
  const auto found = names.find(index);
  return found == names.end() ? fmt::format("#{}", index) : found->second;
}

std::optional<Link> parse_link(Bytes message) {
  const auto parsed = open_message<ifinfomsg>(message);
  if (!parsed || parsed->type != RTM_NEWLINK || parsed->header.ifi_index <= 0) return std::nullopt;
  const auto& attributes = parsed->attributes;
  const auto flags = parsed->header.ifi_flags;
  Link link;
  auto& interface = link.interface;
  interface.index = static_cast<std::uint32_t>(parsed->header.ifi_index);
  interface.name = attributes.text(IFLA_IFNAME).value_or("");
  interface.mtu = attributes.u32(IFLA_MTU).value_or(0);
  interface.loopback = (flags & IFF_LOOPBACK) != 0;
  interface.up = (flags & IFF_UP) != 0;
  if (interface.up && attributes.has(IFLA_CARRIER)) {
    interface.carrier = attributes.u8(IFLA_CARRIER).value_or(0) != 0;
  }
  interface.state = word(kStates, attributes.u8(IFLA_OPERSTATE).value_or(0));
  if (!interface.loopback) interface.mac = attributes.mac(IFLA_ADDRESS);
  interface.permanent_mac = attributes.mac(IFLA_PERM_ADDRESS);
  interface.carrier_changes = attributes.u32(IFLA_CARRIER_CHANGES);
  interface.counters = read_counters(attributes);
  interface.bus = attributes.text(IFLA_PARENT_DEV_NAME);
  link.master = attributes.u32(IFLA_MASTER);
  interface.peer_elsewhere = attributes.has(IFLA_LINK_NETNSID);
  link.lower = attributes.u32(IFLA_LINK);
  if (interface.peer_elsewhere || link.lower == 0U) link.lower.reset();  // an index of elsewhere
  read_kind(attributes.nested(IFLA_LINKINFO), link);
  return link;
}

Names names_of(const std::vector<Link>& links) {
  Names names;
  for (const auto& link : links) names[link.interface.index] = link.interface.name;
  return names;
}

std::vector<facts::Interface> resolve(std::vector<Link> links) {
  const auto names = names_of(links);
  std::vector<facts::Interface> result;
  result.reserve(links.size());
  for (auto& link : links) {
    auto& interface = link.interface;
    if (link.master) interface.master = name_of(names, *link.master);
    if (link.lower) interface.lower = name_of(names, *link.lower);
    if (link.underlay) interface.vxlan->underlay = name_of(names, *link.underlay);
    result.push_back(std::move(interface));
  }
  return result;
}

}  // namespace faultline::probe_facts
