// Rules about routes: gateways, ways back, forwarding, reverse-path filters, tables that differ.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "controller/diagnose/rules.h"

namespace faultline::diagnose {
namespace {

bool is_complete(const facts::Facts& facts) { return facts.routes && facts.routes->complete(); }

bool discards(const facts::Route& route) {
  return route.type != "unicast" && route.type != "throw";
}

// A node without a default route in a network where others have one.
void check_missing_gateway(const Segment& segment, std::vector<Finding>& findings) {
  const bool v4 = segment.network.address.is_v4();
  std::map<std::string, const Member*> without;
  std::optional<std::pair<std::string, IpAddress>> with;
  for (const auto& member : segment.members) {
    if (!is_complete(member.node->facts)) continue;
    const auto* route = default_route(member.node->facts, v4);
    if (route == nullptr) {
      without.try_emplace(member.node->node, &member);
      continue;
    }
    for (const auto& hop : route->next_hops) {
      const bool here = hop.gateway && contains(segment.network, *hop.gateway);
      if (here) with = {member.node->node, *hop.gateway};
    }
  }
  if (!with) return;
  for (const auto& [node, member] : without) {
    const auto& addresses = member->node->facts.addresses->items;
    const bool is_it = std::ranges::any_of(
        addresses, [&](const auto& address) { return address.prefix.address == with->second; });
    if (is_it) continue;  // the gateway itself
    findings.push_back(
        {.code = "gateway_missing",
         .severity = Severity::kWarning,
         .nodes = {node},
         .summary = fmt::format("{} has no default route, and others of {} have one", node,
                                text_of(segment.network)),
         .evidence = {fmt::format("{}: {} on {}, no route to {}", node,
                                  text_of(member->address->prefix), member->interface->name,
                                  v4 ? "0.0.0.0/0" : "::/0"),
                      fmt::format("{} goes by {}", with->first, with->second.to_string())},
         .remedy = fmt::format("Unless it is isolated on purpose, give {} the gateway.", node),
         .command = fmt::format("ip route add default via {} dev {}", with->second.to_string(),
                                member->interface->name)});
  }
}

void check_dead_gateways(const NodeFacts& node, std::vector<Finding>& findings) {
  for (const bool v4 : {true, false}) {
    const auto* route = default_route(node.facts, v4);
    if (route == nullptr || discards(*route)) continue;
    for (const auto& hop : route->next_hops) {
      if (!hop.gateway) continue;
      std::string why;
      if (hop.dead) why = fmt::format("{} has no link", hop.interface);
      if (node.facts.neighbors) {
        for (const auto& neighbor : node.facts.neighbors->items) {
          const bool is_gateway =
              neighbor.address == *hop.gateway && neighbor.interface == hop.interface;
          if (is_gateway && neighbor.state == "failed")
            why = "it does not answer on the wire (state failed)";
        }
      }
      if (why.empty()) continue;
      findings.push_back(
          {.code = "gateway_dead",
           // With other hops a part of the flows gets through; IPv6 beside IPv4 is often unused.
           .severity = v4 && route->next_hops.size() == 1 ? Severity::kError : Severity::kWarning,
           .nodes = {node.node},
           .summary =
               fmt::format("{}: the gateway {} is dead", node.node, hop.gateway->to_string()),
           .evidence = {fmt::format("{}: default route via {} dev {}; {}", node.node,
                                    hop.gateway->to_string(), hop.interface, why)},
           .remedy = "Look for the gateway's own interface, or for the VLAN and port between.",
           .command =
               fmt::format("ip neigh show {} dev {}", hop.gateway->to_string(), hop.interface)});
    }
  }
}

// Who shares the network talks to others in it from there, whatever other addresses it has: also
// the host of an internal bridge.
std::set<const NodeFacts*> nodes_inside(const std::vector<NodeFacts>& fleet,
                                        const facts::Prefix& network) {
  std::set<const NodeFacts*> inside;
  for (const auto& node : fleet) {
    if (!node.facts.addresses) continue;
    const bool is_in = std::ranges::any_of(node.facts.addresses->items, [&](const auto& address) {
      return contains(network, address.prefix.address);
    });
    if (is_in) inside.insert(&node);
  }
  return inside;
}

// A way there without a way back. Cost: nodes without a default route, times members.
void check_return_routes(const Fleet& fleet, std::vector<Finding>& findings) {
  const auto members = members_of(fleet.nodes);
  for (const auto& target : members) {
    const auto& back = target.node->facts;
    const bool v4 = target.address->prefix.address.is_v4();
    const auto* default_back = default_route(back, v4);
    const bool may_lack = default_back == nullptr || discards(*default_back);
    if (!may_lack || !is_complete(back)) continue;
    const auto inside = nodes_inside(fleet.nodes, network_of(target.address->prefix));
    std::vector<std::string> strangers;
    IpAddress example;
    for (const auto& source : members) {
      if (inside.contains(source.node)) continue;
      if (source.node == target.node || source.address->prefix.address.is_v4() != v4) continue;
      if (contains(network_of(target.address->prefix), source.address->prefix.address)) continue;
      const auto* there = lookup(source.node->facts, target.address->prefix.address);
      const auto* here = lookup(back, source.address->prefix.address);
      // Only a route meant for this network speaks for a wish to talk; a default route leads
      // anywhere.
      const bool meant = there != nullptr && there->destination.length > 0 && !discards(*there);
      if (!meant || (here != nullptr && !discards(*here))) continue;
      strangers.push_back(source.node->node);
      example = source.address->prefix.address;
    }
    if (strangers.empty()) continue;
    std::ranges::sort(strangers);
    strangers.erase(std::unique(strangers.begin(), strangers.end()), strangers.end());
    Finding finding{
        .code = "missing_return_route",
        .severity = Severity::kError,
        .nodes = {target.node->node},
        .odd = {target.node->node},
        .summary = fmt::format("{} is reached by {} nodes that it has no way back to",
                               target.node->node, strangers.size()),
        .evidence = {fmt::format("{} has a route to {}", strangers.front(),
                                 target.address->prefix.address.to_string()),
                     fmt::format("{} has no route to {}", target.node->node, example.to_string())},
        .remedy =
            fmt::format("Add the route, or a default route, on {}; its gateway is for you to name.",
                        target.node->node),
        .command = fmt::format("ip route get {}", example.to_string())};
    finding.nodes.insert(finding.nodes.end(), strangers.begin(), strangers.end());
    findings.push_back(std::move(finding));
  }
}

// Somebody's gateway, on the same wire, that does not forward.
void check_forwarding(const Segment& segment, std::vector<Finding>& findings) {
  std::map<IpAddress, const Member*> owners;
  for (const auto& member : segment.members)
    owners.try_emplace(member.address->prefix.address, &member);
  std::map<const Member*, std::set<std::string>> users;
  for (const auto& member : segment.members) {
    if (!member.node->facts.routes) continue;
    for (const auto& route : member.node->facts.routes->items) {
      for (const auto& hop : route.next_hops) {
        if (!hop.gateway || !hop.gateway->is_v4() || hop.interface != member.interface->name)
          continue;
        const auto owner = owners.find(*hop.gateway);
        if (owner != owners.end() && owner->second->node != member.node) {
          users[owner->second].insert(member.node->node);
        }
      }
    }
  }
  for (const auto& [member, names] : users) {
    if (member->interface->forwarding != 0) continue;  // on, or not known
    const auto& gateway = member->node->node;
    Finding finding{
        .code = "forwarding_off",
        .severity = Severity::kError,
        .nodes = {gateway},
        .summary = fmt::format("{} is the gateway of {} nodes and forwards nothing", gateway,
                               names.size()),
        .evidence = {fmt::format("{} routes by {}", *names.begin(),
                                 member->address->prefix.address.to_string()),
                     fmt::format("{}: forwarding is 0 on {}", gateway, member->interface->name)},
        .remedy = fmt::format("Let {} forward, also after a restart (/etc/sysctl.d).", gateway),
        .command = "sysctl -w net.ipv4.ip_forward=1"};
    finding.nodes.insert(finding.nodes.end(), names.begin(), names.end());
    findings.push_back(std::move(finding));
  }
}

// Replies from this address go by a rule of its own.
bool has_rule_for(const facts::Facts& facts, const IpAddress& address) {
  if (!facts.rules) return true;  // not known
  return std::ranges::any_of(facts.rules->items, [&](const facts::Rule& rule) {
    return rule.from && rule.from->length > 0 && contains(*rule.from, address);
  });
}

// A second interface whose address strangers reach by it, while the way to them is by the first:
// the strict filter drops what comes. rp_filter: the larger of `all` and the interface's own counts
// (ip-sysctl).
void check_reverse_path(const NodeFacts& node, const std::vector<Member>& members,
                        std::vector<Finding>& findings) {
  const auto all = node.facts.sysctls.find("net.ipv4.conf.all.rp_filter");
  const auto* way = default_route(node.facts, true);
  if (all == node.facts.sysctls.end() || way == nullptr || way->next_hops.size() != 1) return;
  for (const auto& own : members) {
    const auto& address = own.address->prefix.address;
    if (own.node != &node || !address.is_v4() || !own.interface->rp_filter) continue;
    const bool strict = std::max(all->second, *own.interface->rp_filter) == 1;
    if (!strict || own.interface->name == way->next_hops[0].interface) continue;
    if (has_rule_for(node.facts, address)) continue;
    for (const auto& other : members) {
      if (other.node == &node ||
          contains(network_of(own.address->prefix), other.address->prefix.address))
        continue;
      const auto* there = lookup(other.node->facts, address);
      const auto* back = lookup(node.facts, other.address->prefix.address);
      const bool meant = there != nullptr && there->destination.length > 0 && !discards(*there);
      if (!meant || back != way) continue;
      findings.push_back(
          {.code = "rp_filter_asymmetric",
           .severity = Severity::kError,
           .nodes = {node.node, other.node->node},
           .summary =
               fmt::format("{} drops what {} sends to {}: it comes by {} and its way back is by {}",
                           node.node, other.node->node, address.to_string(), own.interface->name,
                           way->next_hops[0].interface),
           .evidence = {fmt::format("{}: rp_filter is 1 (all {}, {} {})", node.node, all->second,
                                    own.interface->name, *own.interface->rp_filter),
                        fmt::format("{}: the route to {} is the default route by {}", node.node,
                                    other.address->prefix.address.to_string(),
                                    way->next_hops[0].interface),
                        fmt::format("{}: no rule is for packets from {}", node.node,
                                    address.to_string())},
           .remedy = "Answer by the interface asked (a rule and a table for its address), or "
                     "loosen the filter:",
           .command = fmt::format("sysctl -w net.ipv4.conf.{}.rp_filter=2", own.interface->name)});
      return;
    }
  }
}

// Routes that nodes of one segment should have alike: by gateways of the segment, not what each
// derives from itself.
std::set<std::string> shared_routes(const Member& member, const facts::Prefix& network) {
  std::set<std::string> routes;
  for (const auto& route : member.node->facts.routes->items) {
    if (route.table != kMainTable || route.protocol == "kernel" || route.protocol == "ra") continue;
    std::set<std::string> gateways;
    for (const auto& hop : route.next_hops) {
      if (hop.gateway && contains(network, *hop.gateway)) gateways.insert(hop.gateway->to_string());
    }
    if (!gateways.empty()) {
      routes.insert(
          fmt::format("{} via {}", text_of(route.destination), fmt::join(gateways, ", ")));
    }
  }
  return routes;
}

constexpr std::size_t kAlikeMin = 3;  // so many agree before one that differs is told

void check_differing(const Segment& segment, std::vector<Finding>& findings) {
  std::map<std::set<std::string>, std::map<std::string, const Member*>> by_routes;
  for (const auto& member : segment.members) {
    if (!is_complete(member.node->facts) || member.address->secondary) continue;
    by_routes[shared_routes(member, segment.network)].try_emplace(member.node->node, &member);
  }
  if (by_routes.size() < 2) return;
  const auto usual = std::ranges::max_element(
      by_routes, {}, [](const auto& entry) { return entry.second.size(); });
  for (const auto& [routes, members] : by_routes) {
    if (&routes == &usual->first || usual->second.size() < kAlikeMin ||
        members.size() * 3 > usual->second.size())
      continue;
    for (const auto& [node, member] : members) {
      Finding finding{.code = "routes_differ",
                      .severity = Severity::kWarning,
                      .nodes = {node},
                      .summary = fmt::format("{} routes otherwise than {} others of {}", node,
                                             usual->second.size(), text_of(segment.network))};
      for (const auto& route : usual->first) {
        if (!routes.contains(route))
          finding.evidence.push_back(fmt::format("{} lacks {}", node, route));
      }
      for (const auto& route : routes) {
        if (!usual->first.contains(route))
          finding.evidence.push_back(fmt::format("only {} has {}", node, route));
      }
      finding.remedy = fmt::format("Compare {} with {}.", node, usual->second.begin()->first);
      finding.command = "ip route show table main";
      findings.push_back(std::move(finding));
    }
  }
}

}  // namespace

void check_routes(const Fleet& fleet, std::vector<Finding>& findings) {
  for (const auto& segment : fleet.segments) {
    check_missing_gateway(segment, findings);
    check_differing(segment, findings);
    check_forwarding(segment, findings);
  }
  const auto members = members_of(fleet.nodes);
  for (const auto& node : fleet.nodes) {
    check_dead_gateways(node, findings);
    check_reverse_path(node, members, findings);
  }
  check_return_routes(fleet, findings);
}

}  // namespace faultline::diagnose
