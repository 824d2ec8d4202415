#include "probe/facts/tables.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/inet_diag.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "probe/facts/address_message.h"
#include "probe/facts/collector.h"
#include "probe/facts/link_message.h"
#include "probe/facts/netlink_socket.h"
#include "probe/facts/route_message.h"

namespace faultline::probe_facts {
namespace {

constexpr std::array<std::uint8_t, 2> kFamilies{AF_INET, AF_INET6};

template <typename Header>
Bytes bytes_of(const Header& header) {
  return std::as_bytes(std::span(&header, 1));
}

class Reading {
 public:
  explicit Reading(facts::Facts& facts) : facts_(facts) {}

  void run() {
    read_links();
    read_addresses();
    read_routes();
    read_rules();
    read_neighbors();
    read_bridge_entries();
    read_listeners();
    if (facts_.addresses && facts_.interfaces) {
      mark_eui64(facts_.addresses->items, facts_.interfaces->items);
    }
    if (facts_.addresses && facts_.routes) {
      mark_dhcp(facts_.addresses->items, facts_.routes->items);
    }
  }

 private:
  void unknown(std::string what, std::string why) {
    facts_.unknown.push_back({std::move(what), std::move(why)});
  }

  // A socket of its own for each: what is left of a dump that was cut must not reach the next.
  template <typename Header>
  bool dump(const char* what, int protocol, std::uint16_t type, const Header& header,
            const std::function<void(Bytes)>& on_message) {
    auto socket = NetlinkSocket::open(protocol);
    if (!socket) return unknown(what, socket.error().context), false;
    const DumpRequest request{.type = type, .header = bytes_of(header), .strict = true};
    const auto outcome = socket->dump(request, kMessagesMax, on_message);
    if (!outcome) return unknown(what, outcome.error().context), false;
    if (outcome->cut) unknown(what, fmt::format("only the first {} are read", kMessagesMax));
    return true;
  }

  // Adds what a message says; beyond the bound it is counted.
  template <typename Item>
  static void keep(facts::Listing<Item>& list, std::size_t items_max, std::optional<Item> item) {
    if (!item) return;
    ++list.total;
    if (list.items.size() < items_max) list.items.push_back(*std::move(item));
  }

  void read_links() {
    std::vector<Link> links;
    std::uint64_t total = 0;
    const bool done =
        dump("interfaces", NETLINK_ROUTE, RTM_GETLINK, ifinfomsg{}, [&](Bytes message) {
          auto link = parse_link(message);
          if (!link) return;
          ++total;
          names_[link->interface.index] = link->interface.name;
          if (links.size() < facts::kInterfacesMax) links.push_back(*std::move(link));
        });
    if (!done) return;
    facts_.interfaces.emplace().items = resolve(std::move(links));
    facts_.interfaces->total = total;
    netconfmsg header{};
    header.ncm_family = AF_INET;
    dump("interface settings", NETLINK_ROUTE, RTM_GETNETCONF, header, [&](Bytes message) {
      const auto settings = parse_netconf(message);
      if (!settings) return;
      for (auto& interface : facts_.interfaces->items) {
        if (interface.index != settings->index) continue;
        interface.rp_filter = settings->rp_filter;
        interface.forwarding = settings->forwarding;
      }
    });
  }

  void read_addresses() {
    facts::Listing<facts::Address> list;
    const bool done = dump(
        "addresses", NETLINK_ROUTE, RTM_GETADDR, ifaddrmsg{},
        [&](Bytes message) { keep(list, facts::kAddressesMax, parse_address(message, names_)); });
    if (done) facts_.addresses = std::move(list);
  }

  void read_routes() {
    facts::Listing<facts::Route> list;
    bool done = true;
    for (const auto family : kFamilies) {
      rtmsg header{};
      header.rtm_family = family;
      done = dump("routes", NETLINK_ROUTE, RTM_GETROUTE, header,
                  [&](Bytes message) {
                    keep(list, facts::kRoutesMax, parse_route(message, names_));
                  }) &&
             done;
    }
    if (done) facts_.routes = std::move(list);
  }

  void read_rules() {
    facts::Listing<facts::Rule> list;
    bool done = true;
    for (const auto family : kFamilies) {
      fib_rule_hdr header{};
      header.family = family;
      done = dump("rules", NETLINK_ROUTE, RTM_GETRULE, header,
                  [&](Bytes message) { keep(list, facts::kRulesMax, parse_rule(message)); }) &&
             done;
    }
    if (done) facts_.rules = std::move(list);
  }

  void read_neighbors() {
    facts::Listing<facts::Neighbor> list;
    const bool done = dump("neighbors", NETLINK_ROUTE, RTM_GETNEIGH, ndmsg{}, [&](Bytes message) {
      keep(list, facts::kNeighborsMax, parse_neighbor(message, names_));
    });
    if (done) facts_.neighbors = std::move(list);
  }

  // Kernels without the module may refuse the question; where there is no bridge that is no loss.
  void read_bridge_entries() {
    if (!facts_.interfaces) return;
    const bool bridged = std::ranges::any_of(
        facts_.interfaces->items, [](const auto& each) { return each.kind == "bridge"; });
    facts::Listing<facts::BridgeEntry> list;
    ndmsg header{};
    header.ndm_family = AF_BRIDGE;
    const auto known = facts_.unknown.size();
    const bool done =
        dump("bridge entries", NETLINK_ROUTE, RTM_GETNEIGH, header, [&](Bytes message) {
          keep(list, facts::kBridgeEntriesMax, parse_bridge_entry(message, names_));
        });
    if (!done && !bridged) facts_.unknown.resize(known);
    if (done || !bridged) facts_.bridge_entries = std::move(list);
  }

  void read_listeners() {
    using Key = std::tuple<std::string, IpAddress, std::uint16_t>;
    std::set<Key> seen;  // sockets that share a port are one listener
    facts::Listing<facts::Listener> list;
    bool done = true;
    for (const auto& [protocol, name] :
         {std::pair{IPPROTO_TCP, "tcp"}, std::pair{IPPROTO_UDP, "udp"}}) {
      for (const auto family : kFamilies) {
        inet_diag_req_v2 header{};
        header.sdiag_family = family;
        header.sdiag_protocol = static_cast<__u8>(protocol);
        header.idiag_states = 1U << (protocol == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE);
        done = dump("listeners", NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, header,
                    [&, name = name](Bytes message) {
                      auto listener = parse_socket(message, name);
                      if (!listener) return;
                      if (!seen.insert({name, listener->address, listener->port}).second) return;
                      keep(list, facts::kListenersMax, std::move(listener));
                    }) &&
               done;
      }
    }
    if (done) facts_.listeners = std::move(list);
  }

  facts::Facts& facts_;
  Names names_;
};

}  // namespace

void read_tables(facts::Facts& facts) { Reading(facts).run(); }

}  // namespace faultline::probe_facts
