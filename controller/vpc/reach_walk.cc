#include "controller/vpc/reach_walk.h"

#include <algorithm>

#include <fmt/format.h>

namespace faultline::vpc {

Walk::Walk(const Model& model, Direction direction, Packet packet, Journey& journey)
    : model_(model), direction_(direction), packet_(std::move(packet)), journey_(journey) {}

void Walk::pass(std::string element, std::string what, std::string rule) {
  journey_.trail.push_back({direction_, std::move(element), std::move(what), std::move(rule)});
}

void Walk::learn_unknown(Stop stop) {
  if (!journey_.unknown) journey_.unknown = std::move(stop);
}

tl::unexpected<Stop> Walk::stop(std::string code, std::string element, std::string rule,
                                std::string sentence) const {
  return tl::unexpected(Stop{.direction = direction_,
                             .code = std::move(code),
                             .element = std::move(element),
                             .rule = std::move(rule),
                             .sentence = std::move(sentence)});
}

tl::unexpected<Stop> Walk::unknown(std::string code, std::string element,
                                   std::string sentence) const {
  auto result = stop(std::move(code), std::move(element), "", std::move(sentence));
  result.value().unknown = true;
  return result;
}

const Translation* Walk::translation_of(const std::string& element) const {
  const auto found = std::ranges::find(journey_.translations, element, &Translation::element);
  return found == journey_.translations.end() ? nullptr : &*found;
}

std::optional<Stop> Walk::rule_on(Ruling ruling, const std::string& what) {
  const auto passed = ruling.kind != Ruling::Kind::kRefused;
  journey_.trail.push_back(
      {direction_, ruling.element, what + " " + ruling.name, ruling.rule, passed});
  if (ruling.kind == Ruling::Kind::kAdmitted) return std::nullopt;
  Stop result{.direction = direction_,
              .code = std::move(ruling.code),
              .element = std::move(ruling.element),
              .rule = std::move(ruling.rule),
              .sentence = std::move(ruling.sentence)};
  if (ruling.kind == Ruling::Kind::kRefused) return result;
  if (ruling.kind == Ruling::Kind::kUnknown) {
    result.unknown = true;
    learn_unknown(std::move(result));
    return std::nullopt;
  }
  result.partly = true;
  if (!journey_.partly) journey_.partly = std::move(result);
  return std::nullopt;
}

// Answers are part of a conversation that was admitted; only the way there is asked.
std::optional<Stop> Walk::filter_groups(const std::string& interface_id, Side side) {
  if (direction_ == Direction::kReturn) return std::nullopt;
  const auto* interface = find(model_.interfaces, interface_id);
  if (interface == nullptr || interface->groups.empty()) return std::nullopt;
  return rule_on(ask_groups(model_, interface_id, *interface, side, packet_),
                 fmt::format("security group, {} of {},", to_string(side), interface_id));
}

std::optional<Stop> Walk::filter_subnet(const std::string& subnet, Side side) {
  return rule_on(ask_list(model_, subnet, side, packet_),
                 fmt::format("network ACL, {} of {},", to_string(side), subnet));
}

Walk::Outcome Walk::from_interface(const std::string& id) {
  const auto* interface = find(model_.interfaces, id);
  if (auto stopped = filter_groups(id, Side::kOutbound)) return tl::unexpected(*stopped);
  packet_.groups = interface->groups;
  return onward({interface->network, interface->subnet});
}

// At a place in a network, with the destination still to be found.
Walk::Outcome Walk::onward(const Place& place) {
  if (++hops_ > kHopsMax) {
    return stop("NO_PATH", place.subnet, "",
                fmt::format("the routes to {} lead in a circle", packet_.destination.to_string()));
  }
  const auto* inside = subnet_at(model_, place.network, packet_.destination);
  if (inside != nullptr && inside->first == place.subnet) return deliver(place);
  if (auto stopped = filter_subnet(place.subnet, Side::kOutbound)) return tl::unexpected(*stopped);
  const auto* table = table_of_subnet(model_, place.subnet);
  if (table == nullptr) {
    return unknown("NOT_IN_SNAPSHOT", place.subnet,
                   fmt::format("the route table of {} is not in the snapshot", place.subnet));
  }
  const auto chosen = longest_route(model_, table->second, packet_.destination);
  if (chosen) return follow(place, table->first, *chosen->route, chosen->prefix);
  for (const auto& route : table->second.routes) {
    const auto* list = find(model_.prefix_lists, route.prefix_list);
    if (route.destination || (list != nullptr && list->entries_known)) continue;
    return unknown(
        "NOT_IN_SNAPSHOT", route.prefix_list,
        fmt::format("the entries of prefix list {}, for which {} has a route, are not in "
                    "the snapshot",
                    route.prefix_list, table->first));
  }
  return stop("NO_ROUTE_TO_DESTINATION", table->first, "",
              fmt::format("route table {} of {} has no route to {}",
                          label(table->first, table->second.name), place.subnet,
                          packet_.destination.to_string()));
}

Walk::Outcome Walk::follow(const Place& place, const std::string& table, const Route& route,
                           const Prefix& prefix) {
  const auto rule =
      fmt::format("{} -> {}", prefix.to_string(), route.target.empty() ? "nothing" : route.target);
  if (++hops_ > kHopsMax) return stop("NO_PATH", table, rule, "the routes lead in a circle");
  if (route.blackhole || route.kind == TargetKind::kNone) {
    return stop("BAD_STATE_ROUTE", table, rule,
                fmt::format("the route {} of {} is a black hole: its target is gone or detached",
                            rule, table));
  }
  pass(table, "route table of " + (place.subnet.empty() ? place.network : place.subnet), rule);
  switch (route.kind) {
    case TargetKind::kLocal:
      return deliver(place);
    case TargetKind::kInternetGateway:
      return through_internet_gateway(place, route.target);
    case TargetKind::kEgressOnlyGateway:
      return through_egress_only(place, route.target);
    case TargetKind::kNatGateway:
      return through_nat(place, route.target);
    case TargetKind::kVirtualGateway:
      return through_virtual_gateway(place, route.target);
    case TargetKind::kTransitGateway:
      return through_transit(place, route.target);
    case TargetKind::kPeering:
      return through_peering(place, route.target);
    case TargetKind::kInterface:
      return through_machine(place, route.target);
    case TargetKind::kEndpoint:
      return through_endpoint(route.target);
    case TargetKind::kNone:
    case TargetKind::kOther:
      break;
  }
  return unknown("NOT_MODELED", route.target,
                 fmt::format("what {} does with packets is not modeled", route.target));
}

// To the destination, which is in the place's network.
Walk::Outcome Walk::deliver(const Place& place) {
  const auto* owner = interface_at(model_, place.network, packet_.destination);
  const auto* known = subnet_at(model_, place.network, packet_.destination);
  std::string subnet = owner == nullptr ? "" : owner->second.subnet;
  if (known != nullptr) subnet = known->first;
  // Packets from a transit gateway come into the subnet, even where its own end is in that subnet.
  if (!subnet.empty() && (subnet != place.subnet || place.transit)) {
    if (auto stopped = filter_subnet(subnet, Side::kInbound)) return tl::unexpected(*stopped);
  }
  if (const auto* nat = nat_at(model_, place.network, packet_.destination)) {
    return back_through_nat(nat->second, nat->first, {place.network, nat->second.subnet});
  }
  if (owner != nullptr) return arrive(owner->first);
  const bool any = std::ranges::any_of(
      model_.interfaces, [&](const auto& entry) { return entry.second.network == place.network; });
  const auto address = packet_.destination.to_string();
  if (!any) {
    return unknown("NOT_IN_SNAPSHOT", place.network,
                   fmt::format("the network interfaces of {} are not in the snapshot, so nobody is "
                               "known to have {}",
                               place.network, address));
  }
  return stop("ENI_ADDRESS_RESTRICTION", place.network, "",
              fmt::format("no network interface in {} has the address {}", place.network, address));
}

Walk::Outcome Walk::arrive(const std::string& interface_id) {
  if (const auto* translation = translation_of(interface_id);
      translation != nullptr && direction_ == Direction::kReturn &&
      packet_.destination == translation->outside) {
    packet_.destination = translation->inside;
    pass(interface_id, "machine that translates back", translation->inside.to_string());
    const auto* interface = find(model_.interfaces, interface_id);
    return onward({interface->network, interface->subnet});
  }
  if (auto stopped = filter_groups(interface_id, Side::kInbound)) return tl::unexpected(*stopped);
  return Arrival{.interface = interface_id, .packet = packet_};
}

}  // namespace faultline::vpc
