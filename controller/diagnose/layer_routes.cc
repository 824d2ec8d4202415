// Layer routes: the way that each end takes towards the other, and circles on it.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "controller/diagnose/layers.h"
#include "controller/diagnose/routing.h"

namespace faultline::diagnose {
namespace {

Check base(const Side& side, const char* code) {
  return {.layer = Layer::kRoutes, .code = code, .nodes = {side.self.name}};
}

void add_no_route(const Pair& pair, const Side& side, Checks& checks) {
  auto check = base(side, side.is_a ? "no_route" : "missing_return_route");
  check.level = level_of(pair, kDead);
  check.summary = side.is_a
                      ? fmt::format("{} has no route to {}", side.self.name, side.other.name)
                      : fmt::format("{} has no way back to {}", side.self.name, side.other.name);
  check.evidence = {fmt::format("{}: no route, by any of its rules, fits {}", side.self.name,
                                side.other.address->to_string())};
  check.remedy = fmt::format("Add the route, or a default route, on {}.", side.self.name);
  check.command = fmt::format("ip route add {} via GATEWAY", side.other.address->to_string());
  check.run_on = side.self.name;
  check.explains = kDead;
  check.weight = 92;
  checks.push_back(std::move(check));
}

void add_discard(const Pair& pair, const Side& side, const facts::Route& route, Checks& checks) {
  auto check = base(side, "route_discards");
  check.level = level_of(pair, kDead);
  check.summary =
      fmt::format("{} has a route to {} that throws packets away", side.self.name, side.other.name);
  check.evidence = {fmt::format("{}: {} (table {}, protocol {})", side.self.name, text_of(route),
                                route.table, route.protocol)};
  check.remedy = "Take the route away, unless somebody means it.";
  check.command = fmt::format("ip route del {} {} table {}", route.type, text_of(route.destination),
                              route.table);
  check.run_on = side.self.name;
  check.explains = kDead;
  check.weight = 92;
  checks.push_back(std::move(check));
}

void look_at_hops(const Pair& pair, const Side& side, const facts::Route& route, Checks& checks) {
  const auto dead = std::ranges::count_if(route.next_hops, &facts::NextHop::dead);
  if (dead == 0) return;
  const bool all = dead == std::ssize(route.next_hops);
  const Symptoms explains = all ? kDead : kSubset;
  auto check = base(side, "next_hop_dead");
  check.level = level_of(pair, explains);
  check.summary = fmt::format("{}: {} of {} next hops towards {} have no link", side.self.name,
                              dead, route.next_hops.size(), side.other.name);
  check.evidence = {fmt::format("{}: {}", side.self.name, text_of(route))};
  check.remedy = "Look at the interface of the dead hop.";
  check.command = fmt::format("ip route get {}; ip -br link", side.other.address->to_string());
  check.run_on = side.self.name;
  check.explains = explains;
  check.weight = 85;
  checks.push_back(std::move(check));
}

// How those who share the wire go to the same target; the most usual way, if two or more agree.
struct Usual {
  std::vector<IpAddress> gateways{};
  std::vector<std::string> nodes{};
};

Usual usual_way(const Pair& pair, const Side& side, const facts::Address& own) {
  std::map<std::vector<IpAddress>, std::vector<std::string>> ways;
  for (const auto& node : pair.in.facts) {
    if (node.node == side.self.name || node.node == side.other.name) continue;
    if (!node.facts.addresses) continue;
    for (const auto& address : node.facts.addresses->items) {
      const bool alike = network_of(address.prefix) == network_of(own.prefix) &&
                         address.prefix.address != own.prefix.address;
      if (!alike) continue;
      const auto way = way_to(node.facts, address.prefix.address, *side.other.address);
      if (way.kind == WayKind::kGateway) ways[way.gateways()].push_back(node.node);
      break;
    }
  }
  Usual usual;
  for (auto& [gateways, nodes] : ways) {
    if (nodes.size() >= 2 && nodes.size() > usual.nodes.size()) usual = {gateways, nodes};
  }
  return usual;
}

std::string join(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> texts;
  for (const auto& address : addresses) texts.push_back(address.to_string());
  return fmt::format("{}", fmt::join(texts, ", "));
}

void look_at_gateway(const Pair& pair, const Side& side, const Way& way, Checks& checks) {
  const auto* own = configured(side.facts->facts, *side.self.address);
  if (own == nullptr) return;
  const auto usual = usual_way(pair, side, *own);
  const auto gateways = way.gateways();
  if (usual.gateways.empty() || usual.gateways == gateways) return;
  auto check = base(side, "gateway_unusual");
  check.level = level_of(pair, kDead | kLossy | kSubset);
  const auto by = gateways.empty()
                      ? fmt::format("{}, without a gateway", way.route->next_hops.front().interface)
                      : join(gateways);
  check.summary =
      fmt::format("{} goes to {} by {}, and {} others on its wire by {}", side.self.name,
                  side.other.name, by, usual.nodes.size(), join(usual.gateways));
  check.evidence = {fmt::format("{}: {}", side.self.name, text_of(*way.route)),
                    fmt::format("by {}: {}", join(usual.gateways), fmt::join(usual.nodes, ", "))};
  check.remedy = fmt::format("Give {} the gateway that the others have.", side.self.name);
  check.command =
      fmt::format("ip route replace {} via {}",
                  way.route->destination.length == 0 ? "default" : text_of(way.route->destination),
                  usual.gateways.front().to_string());
  check.run_on = side.self.name;
  check.explains = kDead | kLossy | kSubset;
  check.weight = 84;
  checks.push_back(std::move(check));
}

// The node that this end's gateway is, on the interface that holds the address. An address of a
// virtual network is on many hosts: then it is the end's own.
std::pair<const NodeFacts*, const facts::Interface*> owner_of(const Pair& pair, const Side& side,
                                                              const IpAddress& gateway) {
  const auto* placement = placement_of(pair, side.self);
  const NodeFacts* owner = nullptr;
  std::size_t owners = 0;
  for (const auto& node : pair.in.facts) {
    if (configured(node.facts, gateway) == nullptr) continue;
    const bool is_host = placement != nullptr && placement->host == node.node;
    if (owner == nullptr || is_host) owner = &node;
    owners = is_host ? 1 : owners + 1;
    if (is_host) break;
  }
  if (owner == nullptr || owners != 1) return {};
  return {owner, find_interface(owner->facts, configured(owner->facts, gateway)->interface)};
}

void look_at_forwarding(const Pair& pair, const Side& side, const Way& way, Checks& checks) {
  const auto gateways = way.gateways();
  if (way.kind != WayKind::kGateway || gateways.size() != 1 || !gateways.front().is_v4()) return;
  const auto [owner, interface] = owner_of(pair, side, gateways.front());
  if (owner == nullptr || interface == nullptr || owner->node == side.self.name) return;
  if (interface->forwarding != 0) return;  // on, or not known
  auto check = base(side, "forwarding_off");
  check.nodes = {owner->node, side.self.name};
  check.level = level_of(pair, kDead);
  check.summary =
      fmt::format("{}, the gateway of {}, forwards nothing", owner->node, side.self.name);
  check.evidence = {fmt::format("{}: {}", side.self.name, text_of(*way.route)),
                    fmt::format("{}: it has {} on {}, where forwarding is 0", owner->node,
                                gateways.front().to_string(), interface->name)};
  check.remedy = fmt::format(
      "Let {} forward, also after a restart (/etc/sysctl.d), or give {} "
      "another gateway.",
      owner->node, side.self.name);
  check.command = "sysctl -w net.ipv4.ip_forward=1";
  check.run_on = owner->node;
  check.explains = kDead;
  check.weight = 87;
  checks.push_back(std::move(check));
}

void look_at_way(const Pair& pair, const Side& side, Checks& checks) {
  if (!side.has_facts() || !side.self.address || !side.other.address) return;
  const auto way = way_to(side.facts->facts, *side.self.address, *side.other.address);
  switch (way.kind) {
    case WayKind::kUnknown: {
      auto check = base(side, "route_unknown");
      check.level = Level::kUnknown;
      check.summary = fmt::format("{}: its way to {} cannot be told from its tables",
                                  side.self.name, side.other.name);
      check.remedy = "The kernel tells it.";
      check.command = fmt::format("ip route get {}", side.other.address->to_string());
      check.run_on = side.self.name;
      checks.push_back(std::move(check));
      return;
    }
    case WayKind::kNone:
      return add_no_route(pair, side, checks);
    case WayKind::kDiscards:
      return add_discard(pair, side, *way.route, checks);
    case WayKind::kDirect:
    case WayKind::kGateway:
      break;
  }
  const auto before = checks.size();
  look_at_hops(pair, side, *way.route, checks);
  look_at_gateway(pair, side, way, checks);
  look_at_forwarding(pair, side, way, checks);
  if (checks.size() != before) return;
  auto check = base(side, "route_known");
  check.level = Level::kOk;
  check.summary =
      fmt::format("{} goes to {} by {}", side.self.name, side.other.name, text_of(*way.route));
  checks.push_back(std::move(check));
}

// A device that a packet comes to twice.
std::string circle_in(const Trace& trace) {
  std::set<std::string> seen;
  std::string previous;
  for (const auto& hop : trace.hops) {
    const auto at = hop.device ? *hop.device : hop.address.value_or("");
    if (at.empty() || at == previous) continue;
    if (!seen.insert(at).second) return at;
    previous = at;
  }
  return {};
}

// Something newer went that way to its end: another trace, or a ping just now that did not run in a
// circle. Where only some flows die, each has its own way, and its newest trace is the word on it.
bool is_broken_since(const Pair& pair, const Side& side, bool there, WallTime traced_at) {
  if (!pair.has(kDead)) return false;
  const auto reached = [&](const std::optional<Session>& session, bool forward) {
    return session && std::ranges::any_of(session->flows, [&](const Flow& flow) {
             const auto& trace = forward ? flow.there : flow.back;
             return trace && trace->complete && trace->traced_at > traced_at;
           });
  };
  const bool from_a = side.is_a == there;
  if (reached(pair.in.by_a, from_a) || reached(pair.in.by_b, !from_a)) return true;
  return std::ranges::any_of(pair.in.tried, [&](const Tried& tried) {
    return tried.what == "icmp" && tried.from_b != from_a && tried.outcome != "loop";
  });
}

void look_for_circles(const Pair& pair, const Side& side, Checks& checks) {
  if (side.session == nullptr) return;
  for (const auto& flow : side.session->flows) {
    for (const auto* trace : {&flow.there, &flow.back}) {
      if (!*trace || (*trace)->complete) continue;
      const auto device = circle_in(**trace);
      const bool there = trace == &flow.there;
      if (device.empty() || is_broken_since(pair, side, there, (*trace)->traced_at)) continue;
      std::vector<std::string> hops;
      for (const auto& hop : (*trace)->hops) {
        hops.push_back(hop.device.value_or(hop.address.value_or("*")));
      }
      auto check = base(side, "routing_loop");
      check.nodes = {side.self.name, side.other.name};
      check.component = device;
      check.level = level_of(pair, kDead | kSubset);
      check.summary = fmt::format("packets between {} and {} go in a circle by {}", pair.in.a.name,
                                  pair.in.b.name, device);
      check.evidence = {fmt::format("{} {}, port {}: {}", side.self.name, there ? "there" : "back",
                                    flow.source_port, fmt::join(hops, " > "))};
      check.remedy = fmt::format("Compare the routes of {} with those of the next hop.", device);
      check.command =
          fmt::format("ip route get {}",
                      side.other.address ? side.other.address->to_string() : side.other.name);
      check.run_on = device;
      check.explains = kDead | kSubset;
      check.weight = 88;
      checks.push_back(std::move(check));
      return;
    }
  }
}

}  // namespace

void look_at_routes(const Pair& pair, Checks& checks) {
  look_at_way(pair, pair.side_a(), checks);
  look_at_way(pair, pair.side_b(), checks);
  look_for_circles(pair, pair.side_a(), checks);
  look_for_circles(pair, pair.side_b(), checks);
}

}  // namespace faultline::diagnose
