#include "controller/diagnose/network.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include <fmt/format.h>

namespace faultline::diagnose {
namespace {

const facts::Neighbor* find_neighbor(const facts::Facts& facts, const std::string& interface,
                                     const IpAddress& address) {
  if (!facts.neighbors) return nullptr;
  for (const auto& neighbor : facts.neighbors->items) {
    if (neighbor.interface == interface && neighbor.address == address) return &neighbor;
  }
  return nullptr;
}

bool resolved(const Member& from, const Member& to) {
  const auto* neighbor =
      find_neighbor(from.node->facts, from.interface->name, to.address->prefix.address);
  return neighbor != nullptr && neighbor->mac && neighbor->mac == to.interface->mac;
}

// "10.0.0.1 at 00:11:22:33:44:55": who answers for the gateway on this member's wire.
std::string gateway_of(const Member& member) {
  const auto& facts = member.node->facts;
  if (!facts.routes) return {};
  for (const auto& route : facts.routes->items) {
    for (const auto& hop : route.next_hops) {
      if (!hop.gateway || hop.interface != member.interface->name) continue;
      if (!contains(network_of(member.address->prefix), *hop.gateway)) continue;
      const auto* neighbor = find_neighbor(facts, hop.interface, *hop.gateway);
      if (neighbor != nullptr && neighbor->mac)
        return hop.gateway->to_string() + " at " + *neighbor->mac;
    }
  }
  return {};
}

bool has_gateway_by(const facts::Facts& facts, const facts::Interface& interface) {
  if (!facts.routes) return false;
  return std::ranges::any_of(facts.routes->items, [&](const facts::Route& route) {
    return std::ranges::any_of(route.next_hops, [&](const facts::NextHop& hop) {
      return hop.gateway && hop.interface == interface.name;
    });
  });
}

// Union-find over the members of one network.
class Groups {
 public:
  explicit Groups(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }
  std::size_t root(std::size_t item) {
    while (parent_[item] != item) item = parent_[item] = parent_[parent_[item]];
    return item;
  }
  void join(std::size_t a, std::size_t b) { parent_[root(a)] = root(b); }

 private:
  std::vector<std::size_t> parent_;
};

// By what the neighbor tables prove; who is not proven to be anywhere joins the only group there
// is.
std::vector<Segment> split(const facts::Prefix& network, const std::vector<Member>& members) {
  Groups groups(members.size());
  std::map<std::string, std::size_t> by_gateway;
  std::map<IpAddress, std::size_t> by_address;
  std::vector<bool> linked(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    by_address.try_emplace(members[i].address->prefix.address, i);
    if (const auto gateway = gateway_of(members[i]); !gateway.empty()) {
      const auto [first, is_new] = by_gateway.try_emplace(gateway, i);
      groups.join(i, first->second);
      linked[i] = true;
    }
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto& facts = members[i].node->facts;
    if (!facts.neighbors) continue;
    for (const auto& neighbor : facts.neighbors->items) {
      const auto found = by_address.find(neighbor.address);
      if (found == by_address.end() || !resolved(members[i], members[found->second])) continue;
      groups.join(i, found->second);
      linked[i] = linked[found->second] = true;
    }
  }
  std::map<std::size_t, Segment> segments;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!linked[i]) continue;
    auto& segment = segments[groups.root(i)];
    segment.network = network;
    segment.proven = true;
    segment.members.push_back(members[i]);
  }
  if (segments.size() <= 1) {
    auto& all = segments.empty() ? segments[0] : segments.begin()->second;
    all.network = network;
    all.proven = all.members.size() == members.size();
    all.members = members;
  }
  std::vector<Segment> result;
  for (auto& [root, segment] : segments) result.push_back(std::move(segment));
  return result;
}

}  // namespace

facts::Prefix network_of(const facts::Prefix& prefix) {
  auto bytes = prefix.address.bytes();
  for (std::size_t bit = prefix.length; bit < (prefix.address.is_v4() ? 32U : 128U); ++bit) {
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80U >> (bit % 8)));
  }
  if (!prefix.address.is_v4()) return {IpAddress::v6(bytes), prefix.length};
  std::uint32_t host_order = 0;
  for (std::size_t i = 0; i < 4; ++i) host_order = host_order << 8U | bytes[i];
  return {IpAddress::v4(host_order), prefix.length};
}

bool contains(const facts::Prefix& network, const IpAddress& address) {
  return network.address.is_v4() == address.is_v4() &&
         network_of({address, network.length}) == network_of(network);
}

std::string text_of(const facts::Prefix& prefix) {
  return fmt::format("{}/{}", prefix.address.to_string(), prefix.length);
}

const facts::Interface* find_interface(const facts::Facts& facts, const std::string& name) {
  if (!facts.interfaces) return nullptr;
  const auto found = std::ranges::find(facts.interfaces->items, name, &facts::Interface::name);
  return found == facts.interfaces->items.end() ? nullptr : &*found;
}

bool leads_out(const facts::Facts& facts, const facts::Interface& interface) {
  if (interface.loopback) return false;
  const auto& kind = interface.kind;
  if (kind.empty() || kind == "bond" || kind == "team" || kind == "vxlan") return true;
  if (kind == "veth") return interface.peer_elsewhere && !interface.master;
  if (kind == "macvlan" || kind == "macvtap" || kind == "ipvlan") return true;
  if (kind == "vlan") {
    const auto* lower = interface.lower ? find_interface(facts, *interface.lower) : nullptr;
    return lower == nullptr || leads_out(facts, *lower);
  }
  // A tap in which this machine is the guest: a gateway is behind it.
  if (kind == "tun") return interface.mac && !interface.master && has_gateway_by(facts, interface);
  if (kind != "bridge") return false;
  // A gateway behind it: its way out is a port that only looks like a container's.
  if (has_gateway_by(facts, interface)) return true;
  return std::ranges::any_of(facts.interfaces->items, [&](const facts::Interface& port) {
    const bool real = port.kind.empty() || port.kind == "bond" || port.kind == "team" ||
                      port.kind == "vlan" || port.kind == "vxlan";
    return port.master == interface.name && real;
  });
}

const facts::Route* lookup(const facts::Facts& facts, const IpAddress& address) {
  const facts::Route* best = nullptr;
  if (!facts.routes) return nullptr;
  for (const auto& route : facts.routes->items) {
    if (route.table != kMainTable || !contains(route.destination, address)) continue;
    const bool better =
        best == nullptr || route.destination.length > best->destination.length ||
        (route.destination.length == best->destination.length && route.metric < best->metric);
    if (better) best = &route;
  }
  return best;
}

const facts::Route* default_route(const facts::Facts& facts, bool v4) {
  const facts::Route* best = nullptr;
  if (!facts.routes) return nullptr;
  for (const auto& route : facts.routes->items) {
    const bool fits = route.table == kMainTable && route.destination.length == 0 &&
                      route.destination.address.is_v4() == v4;
    if (fits && (best == nullptr || route.metric < best->metric)) best = &route;
  }
  return best;
}

std::vector<Member> members_of(const std::vector<NodeFacts>& fleet) {
  std::vector<Member> members;
  for (const auto& node : fleet) {
    if (!node.facts.addresses) continue;
    for (const auto& address : node.facts.addresses->items) {
      const auto* interface = find_interface(node.facts, address.interface);
      const auto length_max = address.prefix.address.is_v4() ? 31 : 127;
      if (interface == nullptr || !interface->up || !leads_out(node.facts, *interface)) continue;
      if (address.scope != "global" || address.prefix.length > length_max) continue;
      members.push_back({&node, interface, &address});
    }
  }
  return members;
}

std::vector<Segment> segments_of(const std::vector<NodeFacts>& fleet) {
  std::map<std::pair<IpAddress, std::uint8_t>, std::vector<Member>> networks;
  for (const auto& member : members_of(fleet)) {
    const auto network = network_of(member.address->prefix);
    networks[{network.address, network.length}].push_back(member);
  }
  std::vector<Segment> segments;
  for (const auto& [key, members] : networks) {
    for (auto& segment : split({key.first, key.second}, members)) {
      const auto& first = segment.members.front();
      const bool shared = std::ranges::any_of(
          segment.members, [&](const Member& member) { return member.node != first.node; });
      if (shared) segments.push_back(std::move(segment));
    }
  }
  return segments;
}

bool hear_each_other(const Member& a, const Member& b) { return resolved(a, b) || resolved(b, a); }

}  // namespace faultline::diagnose
