#include "probe/facts/route_message.h"

#include <linux/fib_rules.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include "probe/facts/address_message.h"
#include "tests/support/catch.h"
#include "tests/support/netlink_builder.h"

namespace faultline::probe_facts {
namespace {

using tests::NetlinkBuilder;

const Names kNames{{2, "eth0"}, {3, "eth1"}};

rtmsg route_header(std::uint8_t family, std::uint8_t length, std::uint8_t type = RTN_UNICAST) {
  rtmsg header{};
  header.rtm_family = family;
  header.rtm_dst_len = length;
  header.rtm_type = type;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  return header;
}

TEST_CASE("a default route is told with gateway, source, metric and MTU", "[facts]") {
  NetlinkBuilder message(RTM_NEWROUTE, route_header(AF_INET, 0));
  message.u32(RTA_TABLE, 1000)
      .u32(RTA_OIF, 2)
      .address(RTA_GATEWAY, "10.0.0.254")
      .address(RTA_PREFSRC, "10.0.0.1");
  message.u32(RTA_PRIORITY, 100).begin(RTA_METRICS).u32(RTAX_MTU, 1400).end();
  CHECK(
      parse_route(message.bytes(), kNames) ==
      facts::Route{.table = 1000,
                   .type = "unicast",
                   .destination = {*IpAddress::parse("0.0.0.0"), 0},
                   .next_hops = {{.gateway = IpAddress::parse("10.0.0.254"), .interface = "eth0"}},
                   .source = IpAddress::parse("10.0.0.1"),
                   .metric = 100,
                   .protocol = "static",
                   .mtu = 1400U});
}

// struct rtnexthop with its attributes behind it.
struct Hop {
  rtnexthop header;
  nlattr attribute;
  std::array<std::uint8_t, 4> gateway;
};

Hop hop(int index, std::uint8_t last, std::uint8_t weight, std::uint8_t flags) {
  Hop result{};
  result.header = {sizeof(Hop), flags, static_cast<unsigned char>(weight - 1), index};
  result.attribute = {sizeof(nlattr) + 4, RTA_GATEWAY};
  result.gateway = {10, 0, 0, last};
  return result;
}

TEST_CASE("a multipath route is told with every hop", "[facts]") {
  NetlinkBuilder message(RTM_NEWROUTE, route_header(AF_INET, 8));
  message.address(RTA_DST, "10.0.0.0")
      .raw(RTA_MULTIPATH, std::array{hop(2, 1, 1, 0), hop(3, 2, 5, RTNH_F_LINKDOWN)});
  const auto route = parse_route(message.bytes(), kNames);
  REQUIRE(route);
  CHECK(route->next_hops ==
        std::vector<facts::NextHop>{
            {.gateway = IpAddress::parse("10.0.0.1"), .interface = "eth0", .weight = 1},
            {.gateway = IpAddress::parse("10.0.0.2"),
             .interface = "eth1",
             .weight = 5,
             .dead = true}});
}

TEST_CASE("an IPv4 route over an IPv6 gateway keeps it", "[facts]") {
  NetlinkBuilder message(RTM_NEWROUTE, route_header(AF_INET, 24));
  struct {
    std::uint16_t family = AF_INET6;
    std::array<std::uint8_t, 16> address{};
  } via;
  ::inet_pton(AF_INET6, "fe80::1", via.address.data());
  message.address(RTA_DST, "10.1.0.0").u32(RTA_OIF, 2).raw(RTA_VIA, via);
  CHECK(parse_route(message.bytes(), kNames)->next_hops[0].gateway == IpAddress::parse("fe80::1"));
}

TEST_CASE("routes that the kernel derives from addresses are left out", "[facts]") {
  for (const auto type : {RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST, RTN_ANYCAST}) {
    NetlinkBuilder message(RTM_NEWROUTE,
                           route_header(AF_INET, 32, static_cast<std::uint8_t>(type)));
    message.address(RTA_DST, "10.0.0.1");
    CHECK_FALSE(parse_route(message.bytes(), kNames));
  }
  NetlinkBuilder hole(RTM_NEWROUTE, route_header(AF_INET6, 48, RTN_BLACKHOLE));
  hole.address(RTA_DST, "2001:db8::");
  CHECK(parse_route(hole.bytes(), kNames)->type == "blackhole");
  auto cached = route_header(AF_INET6, 128);
  cached.rtm_flags = RTM_F_CLONED;
  NetlinkBuilder clone(RTM_NEWROUTE, cached);
  CHECK_FALSE(parse_route(clone.bytes(), kNames));
}

TEST_CASE("a policy rule is told with what it asks", "[facts]") {
  fib_rule_hdr header{};
  header.family = AF_INET;
  header.src_len = 24;
  header.table = RT_TABLE_COMPAT;
  header.action = FR_ACT_TO_TBL;
  NetlinkBuilder message(RTM_NEWRULE, header);
  message.u32(FRA_PRIORITY, 100)
      .u32(FRA_TABLE, 1000)
      .address(FRA_SRC, "10.0.0.0")
      .text(FRA_IIFNAME, "eth0");
  message.u32(FRA_FWMARK, 7);
  CHECK(parse_rule(message.bytes()) ==
        facts::Rule{.priority = 100,
                    .action = "to_table",
                    .table = 1000,
                    .from = facts::Prefix{*IpAddress::parse("10.0.0.0"), 24},
                    .input = "eth0",
                    .mark = 7U});
}

TEST_CASE(
    "an address that came with a DHCP route is DHCP's, and another one on that interface is not",
    "[facts]") {
  const auto address = [](const char* interface, const char* text) {
    return facts::Address{.interface = interface, .prefix = {*IpAddress::parse(text), 24}};
  };
  std::vector<facts::Address> addresses{address("eth0", "10.0.0.5"), address("eth0", "10.9.0.5"),
                                        address("eth1", "10.0.0.6")};
  const facts::Route route{
      .type = "unicast",
      .next_hops = {{.gateway = IpAddress::parse("10.0.0.1"), .interface = "eth0"}},
      .protocol = "dhcp"};
  mark_dhcp(addresses, {route});
  CHECK(addresses[0].origin == "dhcp");
  CHECK(addresses[1].origin == std::nullopt);
  CHECK(addresses[2].origin == std::nullopt);
}

TEST_CASE("a listening socket is told, and a connected one is not", "[facts]") {
  inet_diag_msg socket{};
  socket.idiag_family = AF_INET;
  socket.id.idiag_sport = htons(862);
  socket.id.idiag_src[0] = htonl(0x0a000001);
  NetlinkBuilder message(SOCK_DIAG_BY_FAMILY, socket);
  CHECK(parse_socket(message.bytes(), "udp") ==
        facts::Listener{"udp", *IpAddress::parse("10.0.0.1"), 862});
  socket.id.idiag_dport = htons(53);
  NetlinkBuilder connected(SOCK_DIAG_BY_FAMILY, socket);
  CHECK_FALSE(parse_socket(connected.bytes(), "udp"));
}

}  // namespace
}  // namespace faultline::probe_facts
