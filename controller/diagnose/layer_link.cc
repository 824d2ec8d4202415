// Layer link: the interfaces that packets leave by, and whether those on the wire find each other.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "controller/diagnose/layers.h"
#include "controller/diagnose/routing.h"

namespace faultline::diagnose {
namespace {

void look_at_interface(const Pair& pair, const Side& side, const facts::Interface& interface,
                       Checks& checks) {
  const bool silent = interface.carrier == false || interface.state == "lowerlayerdown";
  if (interface.up && !silent) {
    checks.push_back({.layer = Layer::kLink,
                      .level = Level::kOk,
                      .code = "interface_up",
                      .summary = fmt::format("{}: {} is up{}", side.self.name, interface.name,
                                             interface.carrier ? ", with carrier" : ""),
                      .nodes = {side.self.name}});
    return;
  }
  checks.push_back(
      {.layer = Layer::kLink,
       .level = level_of(pair, kDead),
       .code = interface.up ? "no_carrier" : "interface_down",
       .summary = interface.up ? fmt::format("{}: {} has no link", side.self.name, interface.name)
                               : fmt::format("{}: {} is set down", side.self.name, interface.name),
       .nodes = {side.self.name},
       .evidence = {fmt::format("{}: {} is {}, state {}", side.self.name, interface.name,
                                interface.up ? "up" : "down", interface.state)},
       .remedy = interface.up ? "Look at the cable, the transceiver and the switch's port."
                              : "Set it up.",
       .command = interface.up ? fmt::format("ethtool {}", interface.name)
                               : fmt::format("ip link set {} up", interface.name),
       .run_on = side.self.name,
       .explains = kDead,
       .weight = 94});
}

bool is_failed(const facts::Neighbor& neighbor) {
  return neighbor.state == "failed" || neighbor.state == "incomplete";
}

// Who else says that this MAC is its own.
std::string owner_of(const Pair& pair, const std::string& mac) {
  for (const auto& node : pair.in.facts) {
    if (!node.facts.interfaces) continue;
    for (const auto& interface : node.facts.interfaces->items) {
      if (interface.mac == mac) return fmt::format("{} on {}", node.node, interface.name);
    }
  }
  return {};
}

// With mode bridge or private a macvlan's owner and the host under it do not hear each other.
bool add_by_design(const Pair& pair, const Side& side, Checks& checks) {
  // Whose host is known, look_at_design() has looked at.
  const auto knows_host = [&](const End& end) {
    const auto* placement = placement_of(pair, end);
    return placement != nullptr && !placement->host.empty();
  };
  if (knows_host(side.self) || knows_host(side.other)) return false;
  const auto kind_of = [](const NodeFacts* node, const End& end) -> const facts::Interface* {
    if (node == nullptr || !end.address) return nullptr;
    const auto* own = configured(node->facts, *end.address);
    return own == nullptr ? nullptr : find_interface(node->facts, own->interface);
  };
  const auto* mine = kind_of(side.facts, side.self);
  const auto* theirs = kind_of(side.other_facts, side.other);
  const auto is_macvlan = [](const facts::Interface* interface) {
    return interface != nullptr && (interface->kind == "macvlan" || interface->kind == "macvtap" ||
                                    interface->kind == "ipvlan");
  };
  std::string why;
  if (is_macvlan(theirs) && !is_macvlan(mine)) {
    why = fmt::format("{}: {} is a {} ({})", side.other.name, theirs->name, theirs->kind,
                      theirs->mode.value_or("mode unknown"));
  } else if (theirs != nullptr && theirs->mac && side.facts->facts.interfaces) {
    for (const auto& tap : side.facts->facts.interfaces->items) {
      if (is_macvlan(&tap) && tap.mac == theirs->mac) {
        why =
            fmt::format("{}: {} is a {} ({}) with the MAC of {}'s {}", side.self.name, tap.name,
                        tap.kind, tap.mode.value_or("mode unknown"), side.other.name, theirs->name);
      }
    }
  }
  if (why.empty()) return false;
  checks.push_back({.layer = Layer::kLink,
                    .level = Level::kWarn,
                    .code = "macvlan_parent",
                    .summary = fmt::format("{} and {} cannot hear each other by design: a host and "
                                           "what stands on its NIC by macvlan or macvtap",
                                           side.self.name, side.other.name),
                    .nodes = {side.self.name, side.other.name},
                    .evidence = {why},
                    .remedy =
                        "Nothing is broken. Where they must talk: a macvlan of the host's own, "
                        "or a bridge instead.",
                    .command = "ip link add shim link NIC type macvlan mode bridge",
                    .run_on = side.self.name,
                    .explains = kDead,
                    .weight = 95});
  return true;
}

// The MACs that others of this end's network have for its gateway.
std::set<std::string> others_say(const Pair& pair, const Side& side, const IpAddress& gateway) {
  std::set<std::string> macs;
  const auto* own = configured(side.facts->facts, *side.self.address);
  for (const auto& node : pair.in.facts) {
    if (own == nullptr || node.node == side.self.name || !node.facts.addresses) continue;
    const bool shares = std::ranges::any_of(node.facts.addresses->items, [&](const auto& address) {
      return network_of(address.prefix) == network_of(own->prefix);
    });
    const auto* neighbor = shares ? neighbor_of(node.facts, gateway) : nullptr;
    if (neighbor != nullptr && neighbor->mac) macs.insert(*neighbor->mac);
  }
  return macs;
}

// The gateway's MAC is that of a node which does not have the gateway's address, or one that nobody
// else on the wire has for it.
void look_at_gateway_mac(const Pair& pair, const Side& side, const IpAddress& gateway,
                         const facts::Neighbor& neighbor, Checks& checks) {
  const auto owner = owner_of(pair, *neighbor.mac);
  const auto others = others_say(pair, side, gateway);
  if (owner.empty() && (others.empty() || others.contains(*neighbor.mac))) return;
  const auto has_it = [&](const NodeFacts& node) {
    return configured(node.facts, gateway) != nullptr;
  };
  if (std::ranges::any_of(pair.in.facts, has_it)) return;
  checks.push_back(
      {.layer = Layer::kLink,
       .level = Level::kFail,
       .code = "neighbor_mac_wrong",
       .summary =
           owner.empty()
               ? fmt::format(
                     "{} sends what is for its gateway {} to another MAC than its neighbors",
                     side.self.name, gateway.to_string())
               : fmt::format("{} sends what is for its gateway {} to the MAC of {}, which does not "
                             "have that address",
                             side.self.name, gateway.to_string(), owner),
       .nodes = {side.self.name},
       .component = {},
       .evidence = {fmt::format("{}: neighbor {} is at {}, {}", side.self.name, gateway.to_string(),
                                *neighbor.mac, neighbor.state)},
       .remedy = neighbor.state == "permanent"
                     ? "The entry is set by hand: take it away."
                     : "It answers for an address that is not its own: a proxy, or ARP spoofing.",
       .command = fmt::format("ip neigh del {0} dev {1}; arping -c 3 -I {1} {0}",
                              gateway.to_string(), neighbor.interface),
       .run_on = side.self.name,
       .explains = kDead | kLossy | kSubset,
       .weight = 86});
}

// The other end, or the gateway towards it, on this one's wire.
void look_at_neighbor(const Pair& pair, const Side& side, const Way& way, Checks& checks) {
  const bool direct = way.kind == WayKind::kDirect;
  const auto gateways = way.gateways();
  const auto target = direct ? *side.other.address : gateways.front();
  const auto* neighbor = neighbor_of(side.facts->facts, target);
  if (neighbor == nullptr) return;
  const auto name = direct ? side.other.name : "the gateway " + target.to_string();
  if (is_failed(*neighbor)) {
    if (direct && pair.has(kDead) && add_by_design(pair, side, checks)) return;
    checks.push_back(
        {.layer = Layer::kLink,
         .level = level_of(pair, kDead | kSubset),
         .code = direct ? "neighbor_unresolved" : "gateway_unresolved",
         .summary = fmt::format("{} does not find {} on its wire", side.self.name, name),
         .nodes = {side.self.name},
         .evidence = {fmt::format("{}: neighbor {} on {} is {}", side.self.name, target.to_string(),
                                  neighbor->interface, neighbor->state)},
         .remedy =
             direct ? fmt::format("See whether {} is up, in the same VLAN and has that address.",
                                  side.other.name)
                    : "See whether that is the right gateway, and whether it is up on this wire.",
         .command = fmt::format("ip neigh show {0} dev {1}; arping -c 3 -I {1} {0}",
                                target.to_string(), neighbor->interface),
         .run_on = side.self.name,
         .explains = kDead | kSubset,
         .weight = direct ? 62 : 86});
    return;
  }
  if (!direct && neighbor->mac) look_at_gateway_mac(pair, side, target, *neighbor, checks);
  const auto* theirs =
      direct && side.other_facts ? configured(side.other_facts->facts, target) : nullptr;
  const auto* interface =
      theirs == nullptr ? nullptr : find_interface(side.other_facts->facts, theirs->interface);
  const bool differs =
      interface != nullptr && interface->mac && neighbor->mac && *interface->mac != *neighbor->mac;
  if (!differs) {
    checks.push_back(
        {.layer = Layer::kLink,
         .level = Level::kOk,
         .code = "neighbor_known",
         .summary = fmt::format("{} has found {} on its wire", side.self.name, name),
         .nodes = {side.self.name},
         .evidence = {fmt::format("{} is at {} on {}", target.to_string(),
                                  neighbor->mac.value_or("an unknown MAC"), neighbor->interface)}});
    return;
  }
  const auto owner = owner_of(pair, *neighbor->mac);
  Check check{
      .layer = Layer::kLink,
      .level = Level::kFail,
      .code = "neighbor_mac_wrong",
      .summary = fmt::format("{} sends what is for {} to somebody else's MAC{}", side.self.name,
                             side.other.name, owner.empty() ? "" : ": that of " + owner),
      .nodes = {side.self.name, side.other.name},
      .evidence = {fmt::format("{}: neighbor {} is at {}, {}", side.self.name, target.to_string(),
                               *neighbor->mac, neighbor->state),
                   fmt::format("{}: {} has {}", side.other.name, interface->name, *interface->mac)},
      .remedy = neighbor->state == "permanent"
                    ? "The entry is set by hand: take it away."
                    : "Find the machine with that MAC: it answers for an address that is not "
                      "its own (the address twice, a proxy, or ARP spoofing).",
      .command = fmt::format("ip neigh del {0} dev {1}; arping -c 3 -I {1} {0}", target.to_string(),
                             neighbor->interface),
      .run_on = side.self.name,
      .explains = kDead | kLossy | kSubset,
      .weight = 86};
  checks.push_back(std::move(check));
}

void look_at_links(const Pair& pair, const Side& side, Checks& checks) {
  if (!side.has_facts() || !side.self.address) return;
  const auto& facts = side.facts->facts;
  const auto* own = configured(facts, *side.self.address);
  const auto* interface = own == nullptr ? nullptr : find_interface(facts, own->interface);
  if (interface != nullptr) look_at_interface(pair, side, *interface, checks);
  if (!side.other.address) return;
  const auto way = way_to(facts, *side.self.address, *side.other.address);
  const bool has_next =
      way.kind == WayKind::kDirect || (way.kind == WayKind::kGateway && way.gateways().size() == 1);
  if (has_next) look_at_neighbor(pair, side, way, checks);
}

}  // namespace

void look_at_link(const Pair& pair, Checks& checks) {
  look_at_links(pair, pair.side_a(), checks);
  look_at_links(pair, pair.side_b(), checks);
}

}  // namespace faultline::diagnose
