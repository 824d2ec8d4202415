#include "controller/diagnose/routing.h"

#include <algorithm>

#include <fmt/format.h>

namespace faultline::diagnose {
namespace {

constexpr std::uint32_t kDefaultTable = 253;
constexpr std::uint32_t kLocalTable = 255;

const facts::Route* longest(const facts::Facts& facts, std::uint32_t table, const IpAddress& to) {
  const facts::Route* best = nullptr;
  for (const auto& route : facts.routes->items) {
    if (route.table != table || !contains(route.destination, to)) continue;
    const bool better =
        best == nullptr || route.destination.length > best->destination.length ||
        (route.destination.length == best->destination.length && route.metric < best->metric);
    if (better) best = &route;
  }
  return best;
}

Way way_by(const facts::Route& route) {
  if (route.type != "unicast") return {WayKind::kDiscards, &route};
  const bool direct = std::ranges::any_of(route.next_hops,
                                          [](const auto& hop) { return !hop.gateway.has_value(); });
  return {direct ? WayKind::kDirect : WayKind::kGateway, &route};
}

bool asks_more(const facts::Rule& rule) { return rule.input || rule.output || rule.mark; }

}  // namespace

std::string Way::interface() const {
  if (route == nullptr || route->next_hops.size() != 1) return {};
  return route->next_hops[0].interface;
}

std::vector<IpAddress> Way::gateways() const {
  std::vector<IpAddress> result;
  if (route == nullptr) return result;
  for (const auto& hop : route->next_hops) {
    if (hop.gateway) result.push_back(*hop.gateway);
  }
  std::ranges::sort(result);
  return result;
}

Way way_to(const facts::Facts& facts, const IpAddress& from, const IpAddress& to) {
  if (!facts.routes || !facts.routes->complete()) return {};
  std::vector<facts::Rule> rules;
  if (facts.rules && facts.rules->complete()) {
    for (const auto& rule : facts.rules->items) {
      if (rule.v6 != to.is_v4()) rules.push_back(rule);
    }
  }
  if (rules.empty()) {
    rules = {{.priority = 32766, .action = "to_table", .table = kMainTable},
             {.priority = 32767, .action = "to_table", .table = kDefaultTable}};
  }
  std::ranges::stable_sort(rules, {}, &facts::Rule::priority);
  for (const auto& rule : rules) {
    if (rule.table == kLocalTable) continue;  // its own addresses
    if ((rule.from && !contains(*rule.from, from)) || (rule.to && !contains(*rule.to, to)))
      continue;
    if (asks_more(rule)) return {};
    if (rule.action != "to_table") return {WayKind::kNone, nullptr};
    const auto* route = longest(facts, rule.table, to);
    if (route == nullptr || route->type == "throw") continue;
    return way_by(*route);
  }
  return {WayKind::kNone, nullptr};
}

std::string text_of(const facts::Route& route) {
  const auto destination =
      route.destination.length == 0 ? std::string("default") : text_of(route.destination);
  std::string text = route.type == "unicast" ? destination : route.type + " " + destination;
  for (const auto& hop : route.next_hops) {
    if (hop.gateway) text += " via " + hop.gateway->to_string();
    text += " dev " + hop.interface;
  }
  return text;
}

const facts::Neighbor* neighbor_of(const facts::Facts& facts, const IpAddress& address) {
  if (!facts.neighbors) return nullptr;
  const auto found = std::ranges::find(facts.neighbors->items, address, &facts::Neighbor::address);
  return found == facts.neighbors->items.end() ? nullptr : &*found;
}

const facts::Address* configured(const facts::Facts& facts, const IpAddress& address) {
  if (!facts.addresses) return nullptr;
  for (const auto& own : facts.addresses->items) {
    if (own.prefix.address == address) return &own;
  }
  return nullptr;
}

}  // namespace faultline::diagnose
