// Netlink messages of any content: every parser of probe/facts, which reads what a kernel of any
// version sends.
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

#include <array>

#include "common/base/check.h"
#include "common/facts/facts_json.h"
#include "probe/facts/address_message.h"
#include "probe/facts/link_message.h"
#include "probe/facts/route_message.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/netlink_builder.h"

namespace {

using namespace faultline;

template <typename Item>
void keep(std::optional<facts::Listing<Item>>& list, std::optional<Item> item) {
  if (!item) return;
  list.emplace().items = {*std::move(item)};
  list->total = 1;
}

fuzz::Bytes copy(const tests::NetlinkBuilder& message) {
  return {message.bytes().begin(), message.bytes().end()};
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // As a socket's buffer, aligned.
  std::vector<std::uint64_t> buffer(size / sizeof(std::uint64_t) + 1);
  if (size > 0) std::memcpy(buffer.data(), data, size);
  const auto input = std::as_bytes(std::span(buffer)).first(size);
  const probe_facts::Names names{{2, "eth0"}};
  facts::Facts facts;
  if (auto link = probe_facts::parse_link(input)) {
    facts.interfaces.emplace().items = probe_facts::resolve({*std::move(link)});
    facts.interfaces->total = 1;
  }
  keep(facts.addresses, probe_facts::parse_address(input, names));
  keep(facts.routes, probe_facts::parse_route(input, names));
  keep(facts.rules, probe_facts::parse_rule(input));
  keep(facts.neighbors, probe_facts::parse_neighbor(input, names));
  keep(facts.listeners, probe_facts::parse_socket(input, "udp"));
  static_cast<void>(probe_facts::parse_netconf(input));
  const auto read = facts::from_text(facts::to_text(facts));
  FAULTLINE_CHECK(read && *read == facts, "what a message says is no snapshot");
  return 0;
}

std::vector<faultline::fuzz::Bytes> faultline::fuzz::seeds() {
  using tests::NetlinkBuilder;
  NetlinkBuilder link(RTM_NEWLINK, ifinfomsg{.ifi_family = 0,
                                             .__ifi_pad = 0,
                                             .ifi_type = 1,
                                             .ifi_index = 2,
                                             .ifi_flags = IFF_UP,
                                             .ifi_change = 0});
  link.text(IFLA_IFNAME, "vx0")
      .u32(IFLA_MTU, 1450)
      .mac(IFLA_ADDRESS, {2, 0, 0, 0, 0, 1})
      .raw(IFLA_STATS64, rtnl_link_stats64{});
  link.begin(IFLA_LINKINFO)
      .text(IFLA_INFO_KIND, "vxlan")
      .begin(IFLA_INFO_DATA)
      .u32(IFLA_VXLAN_ID, 42);
  link.address(IFLA_VXLAN_GROUP, "10.0.0.2").end().end();
  NetlinkBuilder address(RTM_NEWADDR, ifaddrmsg{AF_INET6, 64, 0, 0, 2});
  address.address(IFA_ADDRESS, "2001:db8::1").raw(IFA_CACHEINFO, ifa_cacheinfo{});
  rtmsg route_header{};
  route_header.rtm_family = AF_INET;
  route_header.rtm_type = RTN_UNICAST;
  NetlinkBuilder route(RTM_NEWROUTE, route_header);
  route.address(RTA_GATEWAY, "10.0.0.1")
      .u32(RTA_OIF, 2)
      .begin(RTA_METRICS)
      .u32(RTAX_MTU, 1400)
      .end();
  NetlinkBuilder multipath(RTM_NEWROUTE, route_header);
  multipath.raw(RTA_MULTIPATH, std::array{rtnexthop{8, 0, 0, 2}, rtnexthop{8, 1, 3, 3}});
  fib_rule_hdr rule_header{};
  rule_header.family = AF_INET;
  rule_header.src_len = 24;
  NetlinkBuilder rule(RTM_NEWRULE, rule_header);
  rule.address(FRA_SRC, "10.0.0.0").u32(FRA_TABLE, 100).text(FRA_IIFNAME, "eth0");
  ndmsg neighbor_header{};
  neighbor_header.ndm_family = AF_INET;
  neighbor_header.ndm_state = NUD_STALE;
  NetlinkBuilder neighbor(RTM_NEWNEIGH, neighbor_header);
  neighbor.address(NDA_DST, "10.0.0.9").mac(NDA_LLADDR, {2, 0, 0, 0, 0, 9});
  NetlinkBuilder netconf(RTM_NEWNETCONF, netconfmsg{.ncm_family = AF_INET});
  netconf.raw(NETCONFA_IFINDEX, 2).raw(NETCONFA_RP_FILTER, 1);
  NetlinkBuilder socket(SOCK_DIAG_BY_FAMILY, inet_diag_msg{});
  return {copy(link), copy(address),  copy(route),   copy(multipath),
          copy(rule), copy(neighbor), copy(netconf), copy(socket)};
}
