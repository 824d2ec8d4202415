#include "controller/diagnose/placement.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "controller/diagnose/network.h"

namespace faultline::diagnose {
namespace {

struct Nic {
  const NodeFacts* node = nullptr;
  const facts::Interface* interface = nullptr;
};

// Where frames of this machine begin: not a port of something, not a bridge.
bool is_end(const facts::Facts& facts, const facts::Interface& interface) {
  const auto& kind = interface.kind;
  const bool guest_tap = kind == "tun" && leads_out(facts, interface);
  return !interface.loopback && interface.mac && !interface.master &&
         (kind.empty() || kind == "veth" || kind == "macvlan" || guest_tap);
}

bool is_virtual_port(const facts::Interface& interface) {
  return interface.kind == "tun" || (interface.kind == "veth" && interface.peer_elsewhere);
}

// MACs that two nodes have are nobody's.
std::map<std::string, Nic> nics_by_mac(const std::vector<NodeFacts>& fleet) {
  std::map<std::string, Nic> nics;
  std::set<std::string> twice;
  for (const auto& node : fleet) {
    if (!node.facts.interfaces) continue;
    for (const auto& interface : node.facts.interfaces->items) {
      if (!is_end(node.facts, interface)) continue;
      const auto [entry, is_new] = nics.try_emplace(*interface.mac, Nic{&node, &interface});
      if (!is_new && entry->second.node != &node) twice.insert(*interface.mac);
    }
  }
  for (const auto& mac : twice) nics.erase(mac);
  return nics;
}

std::string mac_of_neighbor(const facts::Facts& facts, const std::string& interface,
                            const IpAddress& address) {
  if (!facts.neighbors) return {};
  for (const auto& neighbor : facts.neighbors->items) {
    if (neighbor.interface == interface && neighbor.address == address && neighbor.mac)
      return *neighbor.mac;
  }
  return {};
}

std::optional<IpAddress> gateway_by(const facts::Facts& facts, const std::string& interface) {
  const auto* route = default_route(facts, true);
  if (route == nullptr) return std::nullopt;
  for (const auto& hop : route->next_hops) {
    if (hop.gateway && hop.interface == interface) return hop.gateway;
  }
  return std::nullopt;
}

// A host's bridge: which ports lead out, and what was learned behind the others.
struct Bridge {
  const NodeFacts* host = nullptr;
  const facts::Interface* interface = nullptr;
  std::string uplink{};  // the port that leads out; empty: none
  bool overlay = false;
  std::map<std::string, std::set<std::string>> learned{};  // MACs by port
};

Bridge read_bridge(const NodeFacts& host, const facts::Interface& interface,
                   const std::map<std::string, Nic>& nics) {
  Bridge bridge{.host = &host, .interface = &interface};
  if (host.facts.bridge_entries) {
    for (const auto& entry : host.facts.bridge_entries->items) {
      if (entry.bridge == interface.name) bridge.learned[entry.port].insert(entry.mac);
    }
  }
  const auto gateway = gateway_by(host.facts, interface.name);
  const auto gateway_mac =
      gateway ? mac_of_neighbor(host.facts, interface.name, *gateway) : std::string();
  for (const auto& port : host.facts.interfaces->items) {
    if (port.master != interface.name) continue;
    if (port.kind == "vxlan") bridge.overlay = true;
    if (!is_virtual_port(port)) {
      if (port.kind != "vxlan") bridge.uplink = port.name;
      continue;
    }
    std::set<const NodeFacts*> behind;
    for (const auto& mac : bridge.learned[port.name]) {
      if (const auto nic = nics.find(mac); nic != nics.end()) behind.insert(nic->second.node);
    }
    const bool to_gateway = !gateway_mac.empty() && bridge.learned[port.name].contains(gateway_mac);
    if (to_gateway || behind.size() > 1) bridge.uplink = port.name;
  }
  // A route by the bridge with a gateway: it leads out, by a port that is not known.
  if (bridge.uplink.empty() && gateway) bridge.uplink = "?";
  return bridge;
}

bool hides_sources(const facts::Firewall& firewall) {
  return std::ranges::any_of(firewall.translations.items, [](const facts::FirewallRule& rule) {
    return rule.verdict == "masquerade" || rule.verdict == "snat";
  });
}

Attachment attachment_of(const Bridge& bridge, const Nic& nic) {
  if (bridge.overlay) return Attachment::kOverlay;
  if (!bridge.uplink.empty()) return Attachment::kBridged;
  const auto gateway = gateway_by(nic.node->facts, nic.interface->name);
  if (!gateway) return Attachment::kIsolated;
  const auto& firewall = bridge.host->facts.firewall;
  const bool forwards = bridge.interface->forwarding.value_or(0) != 0;
  // With a way out and rules that translate it is meant to get out: that it does not is a fault.
  if (!forwards) {
    return firewall && hides_sources(*firewall) ? Attachment::kNat : Attachment::kIsolated;
  }
  // A firewall that could not be read may well translate: most internal bridges are NAT.
  return firewall && firewall->translations.total == 0 ? Attachment::kRouted : Attachment::kNat;
}

Placement on_bridge(const Bridge& bridge, const Nic& nic, const std::string& port) {
  Placement placement{.vm = nic.node->node,
                      .nic = nic.interface->name,
                      .host = bridge.host->node,
                      .attachment = attachment_of(bridge, nic),
                      .bridge = bridge.interface->name,
                      .port = port,
                      .uplink = bridge.uplink == "?" ? "" : bridge.uplink};
  auto& evidence = placement.evidence;
  const auto& host = placement.host;
  const auto& firewall = bridge.host->facts.firewall;
  if (placement.attachment == Attachment::kNat && firewall) {
    for (const auto& rule : firewall->translations.items) {
      if (rule.verdict == "dnat" || rule.verdict == "redirect") continue;
      evidence.push_back(fmt::format("{}: a rule of {} {} {}: {} {}", host, rule.family, rule.table,
                                     rule.chain, rule.verdict, fmt::join(rule.other, " ")));
      break;
    }
  }
  switch (placement.attachment) {
    case Attachment::kOverlay:
      evidence.push_back(fmt::format("{}: a VXLAN is a port of {}", host, bridge.interface->name));
      break;
    case Attachment::kBridged:
      evidence.push_back(fmt::format("{}: {} leads out{}", host, bridge.interface->name,
                                     placement.uplink.empty() ? "" : " by " + placement.uplink));
      break;
    default:
      evidence.push_back(
          fmt::format("{}: no port of {} leads out, and it {}", host, bridge.interface->name,
                      bridge.interface->forwarding.value_or(0) != 0 ? "forwards for it"
                                                                    : "forwards nothing for it"));
  }
  return placement;
}

// libvirt gives a tap the guest's MAC with fe as the first octet.
bool is_tap(const facts::Interface& interface) {
  return interface.kind == "tun" && interface.mac && interface.mac->starts_with("fe:");
}
std::string tail_of(const std::string& mac) { return mac.substr(std::min(mac.size(), 3UL)); }

class Placing {
 public:
  explicit Placing(const std::vector<NodeFacts>& fleet)
      : fleet_(fleet), members_(members_of(fleet)), nics_(nics_by_mac(fleet)) {
    for (const auto& [mac, nic] : nics_) by_tail_.emplace(tail_of(mac), nic);
  }

  std::vector<Placement> run() {
    for (const auto& node : fleet_) {
      if (node.facts.interfaces) read_host(node);
    }
    for (const auto& [mac, nic] : nics_) {
      if (nic.interface->kind == "macvlan" && nic.interface->peer_elsewhere) place_macvlan(nic);
    }
    std::vector<Placement> result;
    for (auto& [key, placement] : placed_) result.push_back(std::move(placement));
    return result;
  }

 private:
  void read_host(const NodeFacts& host) {
    for (const auto& interface : host.facts.interfaces->items) {
      if (interface.kind == "macvtap") read_macvtap(host, interface);
      if (interface.kind != "bridge") continue;
      const auto bridge = read_bridge(host, interface, nics_);
      for (const auto& port : host.facts.interfaces->items) {
        if (port.master == interface.name && is_virtual_port(port) && port.name != bridge.uplink)
          read_port(bridge, port);
      }
      if (bridge.uplink.empty()) read_neighbors(bridge);
    }
  }

  void read_port(const Bridge& bridge, const facts::Interface& port) {
    const auto [first, last] = by_tail_.equal_range(port.mac ? tail_of(*port.mac) : "");
    for (const auto& [tail, nic] : std::ranges::subrange(first, last)) {
      if (nic.node == bridge.host || !is_tap(port)) continue;
      auto placement = on_bridge(bridge, nic, port.name);
      placement.proven = true;
      placement.evidence.push_back(fmt::format("{}: the tap {} has {}'s MAC with fe in front",
                                               bridge.host->node, port.name, nic.node->node));
      keep(std::move(placement));
    }
    const auto learned = bridge.learned.find(port.name);
    if (learned == bridge.learned.end()) return;
    for (const auto& mac : learned->second) {
      const auto nic = nics_.find(mac);
      if (nic == nics_.end() || nic->second.node == bridge.host) continue;
      auto placement = on_bridge(bridge, nic->second, port.name);
      placement.proven = true;
      placement.evidence.push_back(fmt::format("{}: {} has learned {}'s {} behind {}",
                                               bridge.host->node, bridge.interface->name,
                                               nic->second.node->node, mac, port.name));
      keep(std::move(placement));
    }
  }

  // Whoever is resolved on a bridge that leads nowhere is on this host.
  void read_neighbors(const Bridge& bridge) {
    if (!bridge.host->facts.neighbors) return;
    for (const auto& neighbor : bridge.host->facts.neighbors->items) {
      if (neighbor.interface != bridge.interface->name || !neighbor.mac) continue;
      const auto nic = nics_.find(*neighbor.mac);
      if (nic == nics_.end() || nic->second.node == bridge.host) continue;
      auto placement = on_bridge(bridge, nic->second, "");
      placement.evidence.push_back(fmt::format("{}: {} is resolved on {} as {}", bridge.host->node,
                                               neighbor.address.to_string(), neighbor.interface,
                                               *neighbor.mac));
      placement.proven = !bridge.overlay;  // an overlay is resolved from all of its hosts
      if (placement.proven) keep(std::move(placement));
    }
  }

  void read_macvtap(const NodeFacts& host, const facts::Interface& interface) {
    if (!interface.mac) return;
    const auto found = nics_.find(*interface.mac);
    if (found == nics_.end() || found->second.node == &host) return;
    const auto& nic = found->second;
    keep({.vm = nic.node->node,
          .nic = nic.interface->name,
          .host = host.node,
          .attachment = Attachment::kMacvtap,
          .port = interface.name,
          .uplink = interface.lower.value_or(""),
          .evidence = {fmt::format("{}: the macvtap {} on {} has {}'s MAC", host.node,
                                   interface.name, interface.lower.value_or("an interface"),
                                   nic.node->node)},
          .proven = true});
  }

  // The NIC under a macvlan takes frames for it.
  bool find_filter(const Nic& nic, Placement& placement) const {
    for (const auto& host : fleet_) {
      if (&host == nic.node || !host.facts.bridge_entries) continue;
      for (const auto& entry : host.facts.bridge_entries->items) {
        if (!entry.bridge.empty() || entry.mac != nic.interface->mac) continue;
        placement.host = host.node;
        placement.uplink = entry.port;
        placement.proven = true;
        placement.evidence.push_back(fmt::format("{}: its {} takes frames for {}, {}'s MAC",
                                                 host.node, entry.port, entry.mac, nic.node->node));
        return true;
      }
    }
    return false;
  }

  // Its host is whose NIC takes its frames; or the neighbor that it does not hear while it hears
  // others.
  void place_macvlan(const Nic& nic) {
    Placement placement{
        .vm = nic.node->node,
        .nic = nic.interface->name,
        .attachment = Attachment::kMacvlan,
        .evidence = {fmt::format("{}: {} is a macvlan (mode {})", nic.node->node,
                                 nic.interface->name, nic.interface->mode.value_or("unknown"))}};
    if (find_filter(nic, placement)) return keep(std::move(placement));
    std::set<std::string> deaf;
    bool hears = false;
    for (const auto& own : members_) {
      if (own.node != nic.node || own.interface != nic.interface) continue;
      const auto network = network_of(own.address->prefix);
      for (const auto& other : members_) {
        const auto& address = other.address->prefix.address;
        if (other.node == nic.node || !contains(network, address)) continue;
        const auto state = state_of(nic.node->facts, nic.interface->name, address);
        const auto theirs =
            state_of(other.node->facts, other.interface->name, own.address->prefix.address);
        if (state == "failed" || theirs == "failed") deaf.insert(other.node->node);
        hears = hears || hear_each_other(own, other);
      }
    }
    if (hears && deaf.size() == 1) {
      placement.host = *deaf.begin();
      placement.evidence.push_back(
          fmt::format("{} and {} are of one network, and of its nodes only these two do not "
                      "resolve each other",
                      nic.node->node, placement.host));
    }
    keep(std::move(placement));
  }

  static std::string_view state_of(const facts::Facts& facts, const std::string& interface,
                                   const IpAddress& address) {
    if (!facts.neighbors) return {};
    for (const auto& neighbor : facts.neighbors->items) {
      if (neighbor.interface == interface && neighbor.address == address) return neighbor.state;
    }
    return {};
  }

  void keep(Placement placement) {
    std::pair key{placement.vm, placement.nic};
    placed_.try_emplace(std::move(key), std::move(placement));
  }

  const std::vector<NodeFacts>& fleet_;
  std::vector<Member> members_;
  std::map<std::string, Nic> nics_;
  std::multimap<std::string, Nic> by_tail_;  // of the MAC, without its first octet
  std::map<std::pair<std::string, std::string>, Placement> placed_;
};

// Of several interfaces the one that is kept from the least.
const Placement* find(const std::vector<Placement>& placements, const std::string& vm) {
  const Placement* best = nullptr;
  for (const auto& placement : placements) {
    if (placement.vm != vm) continue;
    if (best == nullptr || placement.attachment < best->attachment) best = &placement;
  }
  return best;
}

bool same_wire(const Placement& a, const Placement& b) {
  if (a.attachment != b.attachment) return false;
  return a.attachment == Attachment::kOverlay || (a.host == b.host && a.bridge == b.bridge);
}

// What one end's attachment keeps away; `outside`: the other end.
std::optional<ByDesign> kept_by(const Placement& inside, const std::string& outside) {
  const bool is_host = inside.host == outside;
  ByDesign result{.attachment = inside.attachment, .evidence = inside.evidence};
  switch (inside.attachment) {
    case Attachment::kBridged:
    case Attachment::kRouted:
      return std::nullopt;
    case Attachment::kMacvlan:
    case Attachment::kMacvtap:
      if (!is_host) return std::nullopt;
      result.sentence = fmt::format(
          "{} is on a {} of {}'s own NIC, and such a machine and its host "
          "do not hear each other",
          inside.vm, to_string(inside.attachment), outside);
      result.remedy = fmt::format(
          "If they must talk: a bridge on {}, or a macvlan for the host "
          "itself.",
          outside);
      result.there = result.back = true;
      return result;
    case Attachment::kNat:
      if (is_host) return std::nullopt;
      result.sentence = fmt::format(
          "{} is behind {}'s NAT: it can call {}, and nobody outside can "
          "call it",
          inside.vm, inside.host, outside);
      result.remedy = fmt::format(
          "If it is to be reached: a port forwarded by {}, or a bridged "
          "interface for {}.",
          inside.host, inside.vm);
      result.there = true;
      return result;
    case Attachment::kIsolated:
      if (is_host) return std::nullopt;
      result.sentence = fmt::format("{} is on the internal network {} of {}, which leads nowhere",
                                    inside.vm, inside.bridge, inside.host);
      result.remedy =
          fmt::format("If it is to reach others: a bridged interface for {}.", inside.vm);
      result.there = result.back = true;
      return result;
    case Attachment::kOverlay:
      result.sentence =
          fmt::format("{} is in an overlay network, and {} is not", inside.vm, outside);
      result.remedy = "If they must talk: a gateway of the overlay.";
      result.there = result.back = true;
      return result;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Attachment attachment) {
  switch (attachment) {
    case Attachment::kBridged:
      return "bridged";
    case Attachment::kRouted:
      return "routed";
    case Attachment::kNat:
      return "nat";
    case Attachment::kIsolated:
      return "isolated";
    case Attachment::kMacvlan:
      return "macvlan";
    case Attachment::kMacvtap:
      return "macvtap";
    case Attachment::kOverlay:
      return "overlay";
  }
  return "bridged";
}

std::vector<Placement> place(const std::vector<NodeFacts>& fleet) { return Placing(fleet).run(); }

std::optional<ByDesign> by_design(const std::vector<Placement>& placements, const std::string& a,
                                  const std::string& b) {
  const auto* at_a = find(placements, a);
  const auto* at_b = find(placements, b);
  if (at_a != nullptr && at_b != nullptr && same_wire(*at_a, *at_b)) return std::nullopt;
  if (at_b != nullptr) {
    if (auto kept = kept_by(*at_b, a)) return kept;
  }
  if (at_a == nullptr) return std::nullopt;
  auto kept = kept_by(*at_a, b);
  if (kept) std::swap(kept->there, kept->back);
  return kept;
}

}  // namespace faultline::diagnose
