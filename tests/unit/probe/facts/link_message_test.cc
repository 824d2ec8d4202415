#include "probe/facts/link_message.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "probe/facts/address_message.h"
#include "tests/support/catch.h"
#include "tests/support/netlink_builder.h"

namespace faultline::probe_facts {
namespace {

using tests::NetlinkBuilder;

NetlinkBuilder link(int index, unsigned flags = IFF_UP) {
  ifinfomsg header{};
  header.ifi_index = index;
  header.ifi_flags = flags;
  return {RTM_NEWLINK, header};
}

TEST_CASE("a NIC is told with what the kernel counts and names", "[facts]") {
  ifinfomsg header{};
  header.ifi_index = 2;
  header.ifi_flags = IFF_UP | IFF_BROADCAST;
  rtnl_link_stats64 stats{};
  stats.rx_packets = 1'000'000'000'000;
  stats.rx_crc_errors = 3;
  NetlinkBuilder message(RTM_NEWLINK, header);
  message.text(IFLA_IFNAME, "eth0")
      .u32(IFLA_MTU, 9000)
      .u8(IFLA_CARRIER, 1)
      .u8(IFLA_OPERSTATE, 6)
      .mac(IFLA_ADDRESS, {0x52, 0x54, 0, 0x12, 0x34, 0xff})
      .u32(IFLA_CARRIER_CHANGES, 5)
      .raw(IFLA_STATS64, stats);
  const auto parsed = parse_link(message.bytes());
  REQUIRE(parsed);
  facts::Interface expected{.index = 2,
                            .name = "eth0",
                            .mtu = 9000,
                            .up = true,
                            .carrier = true,
                            .state = "up",
                            .mac = "52:54:00:12:34:ff",
                            .carrier_changes = 5U};
  expected.counters = facts::Counters{.rx_packets = 1'000'000'000'000, .rx_crc_errors = 3};
  CHECK(parsed->interface == expected);
}

// As a kernel before some member was added sends it, and as one after.
TEST_CASE("counters of another kernel's length are read as far as they are known", "[facts]") {
  ifinfomsg header{};
  header.ifi_index = 2;
  struct Longer {
    rtnl_link_stats64 known;
    std::uint64_t news;
  } longer{};
  longer.known.tx_dropped = 9;
  NetlinkBuilder message(RTM_NEWLINK, header);
  message.raw(IFLA_STATS64, longer);
  CHECK(parse_link(message.bytes())->interface.counters->tx_dropped == 9);
  NetlinkBuilder shorter(RTM_NEWLINK, header);
  shorter.raw(IFLA_STATS64, std::uint64_t{7});
  CHECK(parse_link(shorter.bytes())->interface.counters == facts::Counters{.rx_packets = 7});
}

TEST_CASE("VLAN, VXLAN, bond, macvtap and tap are told by their own data", "[facts]") {
  ifinfomsg header{};
  header.ifi_index = 3;
  const auto parse = [&](const char* kind, auto add) {
    NetlinkBuilder message(RTM_NEWLINK, header);
    message.text(IFLA_IFNAME, "x").begin(IFLA_LINKINFO).text(IFLA_INFO_KIND, kind);
    message.begin(IFLA_INFO_DATA);
    add(message);
    message.end().end();
    return *parse_link(message.bytes());
  };
  const auto vlan = parse("vlan", [](auto& m) { m.u16(IFLA_VLAN_ID, 100); });
  CHECK(vlan.interface.vlan == std::uint16_t{100});
  const auto vxlan = parse("vxlan", [](auto& m) {
    m.u32(IFLA_VXLAN_ID, 42).u32(IFLA_VXLAN_LINK, 7).address(IFLA_VXLAN_LOCAL, "10.0.0.1");
    m.address(IFLA_VXLAN_GROUP, "239.1.1.1")
        .u16(IFLA_VXLAN_PORT, htons(4789))
        .u8(IFLA_VXLAN_LEARNING, 1);
  });
  CHECK(vxlan.interface.vxlan == facts::Vxlan{.vni = 42,
                                              .local = IpAddress::parse("10.0.0.1"),
                                              .remote = IpAddress::parse("239.1.1.1"),
                                              .port = 4789,
                                              .learning = true});
  CHECK(vxlan.underlay == 7U);
  const auto v6 = parse("vxlan", [](auto& m) { m.address(IFLA_VXLAN_GROUP6, "2001:db8::9"); });
  CHECK(v6.interface.vxlan->remote == IpAddress::parse("2001:db8::9"));
  CHECK(v6.underlay == std::nullopt);
  CHECK(parse("bond", [](auto& m) { m.u8(IFLA_BOND_MODE, 4); }).interface.mode == "802.3ad");
  CHECK(parse("bond", [](auto& m) { m.u8(IFLA_BOND_MODE, 99); }).interface.mode == "99");
  CHECK(parse("macvtap", [](auto& m) { m.u32(IFLA_MACVLAN_MODE, 8); }).interface.mode ==
        "passthru");
  CHECK(parse("tun", [](auto& m) { m.u8(IFLA_TUN_TYPE, IFF_TAP); }).interface.mode == "tap");
  CHECK(parse("veth", [](auto&) {}).interface.kind == "veth");
}

TEST_CASE("relations are named, and an index of another namespace is not taken for one of here",
          "[facts]") {
  const auto message = [](int index, const char* name, auto add) {
    ifinfomsg header{};
    header.ifi_index = index;
    NetlinkBuilder builder(RTM_NEWLINK, header);
    builder.text(IFLA_IFNAME, name);
    add(builder);
    return *parse_link(builder.bytes());
  };
  std::vector<Link> links{
      message(4, "vlan4", [](auto& m) { m.u32(IFLA_LINK, 2).u32(IFLA_MASTER, 3); }),
      message(2, "eth0", [](auto& m) { m.u32(IFLA_MASTER, 77); }), message(3, "br0", [](auto&) {}),
      message(5, "veth5", [](auto& m) { m.u32(IFLA_LINK, 2).u32(IFLA_LINK_NETNSID, 0); })};
  const auto interfaces = resolve(std::move(links));
  CHECK(interfaces[0].lower == "eth0");
  CHECK(interfaces[0].master == "br0");
  CHECK(interfaces[1].master == "#77");
  CHECK(interfaces[3].lower == std::nullopt);
  CHECK(interfaces[3].peer_elsewhere);
}

TEST_CASE("the carrier of an interface that is down is not known", "[facts]") {
  auto message = link(2, 0);
  message.u8(IFLA_CARRIER, 0);
  CHECK(parse_link(message.bytes())->interface.carrier == std::nullopt);
}

TEST_CASE("an address is told with its scope, origin and life", "[facts]") {
  const Names names{{2, "eth0"}};
  ifaddrmsg header{
      .ifa_family = AF_INET6, .ifa_prefixlen = 64, .ifa_flags = 0, .ifa_scope = 0, .ifa_index = 2};
  NetlinkBuilder v6(RTM_NEWADDR, header);
  v6.address(IFA_ADDRESS, "2001:db8::5054:ff:fe12:3456")
      .u32(IFA_FLAGS, IFA_F_TEMPORARY | IFA_F_DADFAILED | 0x800)
      .u8(IFA_PROTO, IFAPROT_KERNEL_RA)
      .raw(IFA_CACHEINFO,
           ifa_cacheinfo{.ifa_prefered = 60, .ifa_valid = 120, .cstamp = 0, .tstamp = 0});
  CHECK(parse_address(v6.bytes(), names) ==
        facts::Address{.interface = "eth0",
                       .prefix = {*IpAddress::parse("2001:db8::5054:ff:fe12:3456"), 64},
                       .scope = "global",
                       .origin = "ra",
                       .valid_seconds = 120U,
                       .temporary = true,
                       .dad_failed = true});
  header = {.ifa_family = AF_INET,
            .ifa_prefixlen = 32,
            .ifa_flags = IFA_F_SECONDARY,
            .ifa_scope = 253,
            .ifa_index = 9};
  NetlinkBuilder v4(RTM_NEWADDR, header);
  v4.address(IFA_ADDRESS, "10.0.0.2").address(IFA_LOCAL, "10.0.0.1");  // the peer, and its own
  CHECK(parse_address(v4.bytes(), names) ==
        facts::Address{.interface = "#9",
                       .prefix = {*IpAddress::parse("10.0.0.1"), 32},
                       .scope = "link",
                       .secondary = true});
}

TEST_CASE("an address made of the MAC is told from one that only looks like it", "[facts]") {
  const auto address = [](const char* text) {
    return facts::Address{.interface = "eth0", .prefix = {*IpAddress::parse(text), 64}};
  };
  std::vector<facts::Address> addresses{address("2001:db8::5054:ff:fe12:3456"),
                                        address("2001:db8::5054:ff:fe12:3457"),
                                        address("10.0.0.1")};
  mark_eui64(addresses, {{.name = "eth0", .mac = "52:54:00:12:34:56"}});
  CHECK(addresses[0].eui64);
  CHECK_FALSE(addresses[1].eui64);
  CHECK_FALSE(addresses[2].eui64);
}

TEST_CASE("neighbors are told by state, without multicast and what needs no resolution",
          "[facts]") {
  const Names names{{2, "eth0"}};
  const auto parse = [&](const char* address, std::uint16_t state, std::uint8_t flags = 0) {
    ndmsg header{};
    header.ndm_family = IpAddress::parse(address)->is_v4() ? AF_INET : AF_INET6;
    header.ndm_ifindex = 2;
    header.ndm_state = state;
    header.ndm_flags = flags;
    NetlinkBuilder message(RTM_NEWNEIGH, header);
    message.address(NDA_DST, address).mac(NDA_LLADDR, {0, 1, 2, 3, 4, 5});
    return parse_neighbor(message.bytes(), names);
  };
  CHECK(parse("10.0.0.1", NUD_STALE) == facts::Neighbor{.address = *IpAddress::parse("10.0.0.1"),
                                                        .interface = "eth0",
                                                        .mac = "00:01:02:03:04:05",
                                                        .state = "stale"});
  CHECK(parse("fe80::1", NUD_REACHABLE, NTF_ROUTER)->router);
  CHECK(parse("fe80::1", NUD_FAILED)->state == "failed");
  CHECK_FALSE(parse("224.0.0.22", NUD_NOARP));
  CHECK_FALSE(parse("239.1.1.1", NUD_STALE));
  CHECK_FALSE(parse("ff02::1", NUD_STALE));
  CHECK_FALSE(parse("127.0.0.1", NUD_NOARP));
}

TEST_CASE("what a bridge learned is told, and not the addresses of its own ports", "[facts]") {
  const Names names{{2, "br0"}, {5, "tap3"}};
  const auto parse = [&](std::uint16_t state, std::uint8_t flags = 0, unsigned char first = 0) {
    ndmsg header{};
    header.ndm_family = AF_BRIDGE;
    header.ndm_ifindex = 5;
    header.ndm_state = state;
    header.ndm_flags = flags;
    NetlinkBuilder message(RTM_NEWNEIGH, header);
    message.mac(NDA_LLADDR, {first, 1, 2, 3, 4, 5}).u32(NDA_MASTER, 2);
    return parse_bridge_entry(message.bytes(), names);
  };
  CHECK(parse(NUD_REACHABLE) == facts::BridgeEntry{"br0", "tap3", "00:01:02:03:04:05"});
  CHECK_FALSE(parse(NUD_PERMANENT));
  // What a NIC takes beside its own: a macvlan's, but no group's.
  CHECK(parse(NUD_PERMANENT, NTF_SELF) == facts::BridgeEntry{"", "tap3", "00:01:02:03:04:05"});
  CHECK_FALSE(parse(NUD_PERMANENT, NTF_SELF, 0x33));
}

TEST_CASE("rp_filter of an interface comes from the kernel, and `all` is not an interface",
          "[facts]") {
  netconfmsg header{.ncm_family = AF_INET};
  const auto parse = [&](int index) {
    NetlinkBuilder message(RTM_NEWNETCONF, header);
    message.raw(NETCONFA_IFINDEX, index).raw(NETCONFA_RP_FILTER, 2).raw(NETCONFA_FORWARDING, 1);
    return parse_netconf(message.bytes());
  };
  REQUIRE(parse(3));
  CHECK(parse(3)->index == 3);
  CHECK(parse(3)->rp_filter == 2);
  CHECK(parse(3)->forwarding == 1);
  CHECK_FALSE(parse(-1));
  CHECK_FALSE(parse(-2));
}

TEST_CASE("a message cut anywhere is read without harm", "[facts]") {
  auto message = link(2);
  message.text(IFLA_IFNAME, "eth0")
      .begin(IFLA_LINKINFO)
      .text(IFLA_INFO_KIND, "vxlan")
      .begin(IFLA_INFO_DATA);
  message.u32(IFLA_VXLAN_ID, 42).end().end();
  const auto whole = message.bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto parsed = parse_link(whole.first(size));
    CHECK(parsed.has_value() == (size >= NLMSG_HDRLEN + sizeof(ifinfomsg)));
  }
}

}  // namespace
}  // namespace faultline::probe_facts
