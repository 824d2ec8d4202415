// Rules about IPv6's own: router advertisements and duplicate address detection.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "controller/diagnose/rules.h"

namespace faultline::diagnose {
namespace {

constexpr std::size_t kHavingMin = 2;  // neighbors that have it before one that lacks it is told

// The routers that an interface learned its default routes from.
std::set<IpAddress> advertisers(const facts::Facts& facts, const std::string& interface) {
  std::set<IpAddress> routers;
  if (!facts.routes) return routers;
  for (const auto& route : facts.routes->items) {
    if (route.destination.address.is_v4() || route.destination.length != 0 ||
        route.protocol != "ra")
      continue;
    for (const auto& hop : route.next_hops) {
      if (hop.gateway && hop.interface == interface) routers.insert(*hop.gateway);
    }
  }
  return routers;
}

// IPv6 is on, and nobody gave it an address or a way out by hand.
bool waits_for_router(const facts::Facts& facts, const std::string& interface) {
  bool on = false;
  for (const auto& address : facts.addresses->items) {
    if (address.interface != interface || address.prefix.address.is_v4()) continue;
    if (address.scope == "link") on = true;
    if (address.scope == "global") return false;
  }
  return on && default_route(facts, false) == nullptr;
}

void check_missing(const Segment& segment, std::vector<Finding>& findings) {
  if (!segment.network.address.is_v4()) return;  // who lacks IPv6 is known by IPv4
  std::set<std::string> with;
  std::map<std::string, const Member*> without;
  IpAddress router;
  for (const auto& member : segment.members) {
    const auto& facts = member.node->facts;
    if (!facts.routes || !facts.routes->complete()) continue;
    const auto routers = advertisers(facts, member.interface->name);
    if (!routers.empty()) {
      with.insert(member.node->node);
      router = *routers.begin();
    } else if (waits_for_router(facts, member.interface->name)) {
      without.try_emplace(member.node->node, &member);
    }
  }
  if (with.size() < kHavingMin) return;
  for (const auto& [node, member] : without) {
    findings.push_back(
        {.code = "ra_missing",
         .severity = Severity::kWarning,
         .nodes = {node},
         .summary = fmt::format("{} hears no IPv6 router advertisements, and {} others of {} do",
                                node, with.size(), text_of(segment.network)),
         .evidence = {fmt::format("{}: {} has a link-local address only, and no IPv6 default route",
                                  node, member->interface->name),
                      fmt::format("{} goes by {}", *with.begin(), router.to_string())},
         .remedy = "See whether it takes them (accept_ra; with forwarding on it must be 2) and "
                   "whether a filter drops ICMPv6 type 134.",
         .command = fmt::format("sysctl net.ipv6.conf.{}.accept_ra", member->interface->name)});
  }
}

// A router's link-local address, and which node has it.
std::map<IpAddress, const NodeFacts*> owners_of(const Fleet& fleet) {
  std::map<IpAddress, const NodeFacts*> owners;
  for (const auto& node : fleet.nodes) {
    if (!node.facts.addresses) continue;
    for (const auto& address : node.facts.addresses->items) {
      if (!address.prefix.address.is_v4() && address.scope == "link")
        owners.try_emplace(address.prefix.address, &node);
    }
  }
  return owners;
}

bool forwards(const facts::Facts& facts) {
  const auto found = facts.sysctls.find("net.ipv6.conf.all.forwarding");
  return found != facts.sysctls.end() && found->second != 0;
}

// Two routers are usual; one of them a machine that forwards nothing is not.
void check_rogue(const Fleet& fleet, std::vector<Finding>& findings) {
  const auto owners = owners_of(fleet);
  std::map<const NodeFacts*, std::set<std::string>> victims;
  std::map<const NodeFacts*, std::string> examples;
  for (const auto& node : fleet.nodes) {
    if (!node.facts.interfaces) continue;
    for (const auto& interface : node.facts.interfaces->items) {
      const auto routers = advertisers(node.facts, interface.name);
      if (routers.size() < 2) continue;
      for (const auto& router : routers) {
        const auto owner = owners.find(router);
        if (owner == owners.end() || owner->second == &node || forwards(owner->second->facts))
          continue;
        victims[owner->second].insert(node.node);
        examples[owner->second] =
            fmt::format("{}: a default route by {}, from a router advertisement on {}", node.node,
                        router.to_string(), interface.name);
      }
    }
  }
  for (const auto& [owner, nodes] : victims) {
    Finding finding{
        .code = "rogue_ra",
        .severity = Severity::kError,
        .nodes = {owner->node},
        .summary = fmt::format("{} advertises itself as an IPv6 router and forwards nothing; {} "
                               "nodes believe it",
                               owner->node, nodes.size()),
        .evidence = {examples[owner], fmt::format("{}: that address is its own, and IPv6 "
                                                  "forwarding is off",
                                                  owner->node)},
        .remedy = fmt::format("Stop what sends advertisements on {} (radvd, a VM, Internet "
                              "sharing), and let the switch filter them (RA guard, RFC 6105).",
                              owner->node),
        .command = "systemctl status radvd dnsmasq; ss -lp | grep icmp6"};
    finding.nodes.insert(finding.nodes.end(), nodes.begin(), nodes.end());
    findings.push_back(std::move(finding));
  }
}

void check_detection(const NodeFacts& node, std::vector<Finding>& findings) {
  if (!node.facts.addresses) return;
  for (const auto& address : node.facts.addresses->items) {
    if (!address.dad_failed) continue;
    findings.push_back(
        {.code = "dad_failed",
         .severity = Severity::kError,
         .nodes = {node.node},
         .summary = fmt::format("{} may not use {}: somebody else answered for it", node.node,
                                text_of(address.prefix)),
         .evidence = {fmt::format("{}: {} on {} has the flag dadfailed", node.node,
                                  text_of(address.prefix), address.interface)},
         .remedy = "Find who has the address, and give one of the two another one.",
         .command = fmt::format("ip -6 addr show dev {} dadfailed", address.interface)});
  }
}

}  // namespace

void check_v6(const Fleet& fleet, std::vector<Finding>& findings) {
  for (const auto& segment : fleet.segments) check_missing(segment, findings);
  check_rogue(fleet, findings);
  for (const auto& node : fleet.nodes) check_detection(node, findings);
}

}  // namespace faultline::diagnose
