// Of reach_walk.h: what internet, egress-only and NAT gateways, endpoints and machines do with
// packets that are routed to them.
#include <algorithm>

#include <fmt/format.h>

#include "controller/vpc/reach_walk.h"

namespace faultline::vpc {
namespace {

constexpr const char* kLost = "SG_REFERENCES_NOT_PRESERVED";

const Prefix& nat64() {
  static const auto kPrefix = *Prefix::parse("64:ff9b::/96");
  return kPrefix;
}

// The public address of who has that private one in the network.
std::optional<IpAddress> public_address(const Model& model, const std::string& network,
                                        const IpAddress& address) {
  if (const auto* nat = nat_at(model, network, address)) {
    for (const auto& own : nat->second.addresses) {
      if (own.address == address) return own.public_address;
    }
  }
  const auto* owner = interface_at(model, network, address);
  if (owner == nullptr) return std::nullopt;
  for (const auto& own : owner->second.addresses) {
    if (own.address == address) return own.public_address;
  }
  return std::nullopt;
}

}  // namespace

Walk::Outcome Walk::from_door(const Door& door, const std::string& network) {
  switch (door.kind) {
    case DoorKind::kInternet:
      return into_internet_gateway();
    case DoorKind::kEgressOnly:
    case DoorKind::kService:
      return deliver({network, ""});
    case DoorKind::kVirtualGateway:
      return into_virtual_gateway(door.id, network);
    case DoorKind::kAttachment:
      return into_transit(entry(model_.attachments, door.id));
    case DoorKind::kNone:
      break;
  }
  return stop("NO_PATH", network, "",
              fmt::format("nothing in the snapshot leads from {} to {}", packet_.source.to_string(),
                          packet_.destination.to_string()));
}

Walk::Outcome Walk::through_internet_gateway(const Place& place, const std::string& id) {
  const auto* gateway = find(model_.gateways, id);
  if (gateway != nullptr && gateway->network != place.network) {
    return stop("BAD_STATE_ATTACHMENT", id, "",
                fmt::format("internet gateway {} is not attached to {}", id, place.network));
  }
  lose_groups(packet_, kLost);
  const auto destination = packet_.destination.to_string();
  if (is_private(packet_.destination)) {
    return stop("IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS", id, "",
                fmt::format("internet gateway {} does not carry packets to {}, a private address",
                            id, destination));
  }
  if (packet_.source.is_v4()) {
    const auto translated = public_address(model_, place.network, packet_.source);
    if (!translated) {
      return stop("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", id, "",
                  fmt::format("{} has no public address, which internet gateway {} needs",
                              packet_.source.to_string(), id));
    }
    packet_.source = *translated;
  }
  pass(id, "internet gateway", "source " + packet_.source.to_string());
  const bool inside = public_owner(model_, packet_.destination).has_value();
  if (inside || translation_of(destination) != nullptr) return into_internet_gateway();
  // The answers may be for a NAT gateway of this snapshot.
  for (const auto& nat : model_.nat_gateways) {
    for (const auto& own : nat.second.addresses) {
      if (own.public_address == packet_.destination) return into_internet_gateway();
    }
  }
  return Arrival{.door = {DoorKind::kInternet, id}, .packet = packet_};
}

// From the internet, to a public address or an IPv6 one.
Walk::Outcome Walk::into_internet_gateway() {
  std::string network;
  const auto address = packet_.destination;
  if (const auto owner = public_owner(model_, address)) {
    network = owner->interface->second.network;
    packet_.destination = owner->address;
  }
  for (const auto& [id, nat] : model_.nat_gateways) {
    for (const auto& own : nat.addresses) {
      if (own.public_address != address) continue;
      network = nat.network;
      packet_.destination = own.address;
    }
  }
  if (network.empty()) {
    return stop("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", address.to_string(), "",
                fmt::format("{} is not the public address of an interface in the snapshot",
                            address.to_string()));
  }
  const auto* gateway = gateway_of_network(model_, network, TargetKind::kInternetGateway);
  if (gateway == nullptr) {
    return stop("BAD_STATE_ATTACHMENT", network, "",
                fmt::format("no internet gateway is attached to {}", network));
  }
  pass(gateway->first, "internet gateway", "destination " + packet_.destination.to_string());
  const auto* table = table_of_gateway(model_, gateway->first);
  if (table == nullptr) return deliver({network, ""});
  const auto chosen = longest_route(model_, table->second, packet_.destination);
  if (!chosen) return deliver({network, ""});
  return follow({network, ""}, table->first, *chosen->route, chosen->prefix);
}

Walk::Outcome Walk::through_egress_only(const Place& place, const std::string& id) {
  const auto* gateway = find(model_.gateways, id);
  if (gateway != nullptr && gateway->network != place.network) {
    return stop(
        "BAD_STATE_ATTACHMENT", id, "",
        fmt::format("egress-only internet gateway {} is not attached to {}", id, place.network));
  }
  if (is_private(packet_.destination)) {
    return stop("IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS", id, "",
                fmt::format("egress-only internet gateway {} does not carry packets to {}", id,
                            packet_.destination.to_string()));
  }
  pass(id, "egress-only internet gateway", "");
  lose_groups(packet_, kLost);
  if (public_owner(model_, packet_.destination)) return into_internet_gateway();
  return Arrival{.door = {DoorKind::kEgressOnly, id}, .packet = packet_};
}

Walk::Outcome Walk::through_nat(const Place& place, const std::string& id) {
  const auto* nat = find(model_.nat_gateways, id);
  if (nat == nullptr) {
    return unknown("NOT_IN_SNAPSHOT", id, fmt::format("NAT gateway {} is not in the snapshot", id));
  }
  if (nat64().contains(packet_.destination)) {
    return unknown("NOT_MODELED", id, "translation from IPv6 to IPv4 (NAT64) is not modeled");
  }
  if (nat->state != "available" || nat->addresses.empty()) {
    return stop("BAD_STATE", id, "",
                fmt::format("NAT gateway {} is {}", id,
                            nat->addresses.empty() ? "without an address" : nat->state));
  }
  if (place.subnet == nat->subnet && translation_of(id) != nullptr) {
    return stop("NO_PATH", id, "",
                fmt::format("{} is in {}, whose route to {} leads back to it; its subnet needs a "
                            "route to the internet gateway",
                            id, nat->subnet, packet_.destination.to_string()));
  }
  lose_groups(packet_, kLost);
  if (place.subnet != nat->subnet) {
    if (auto stopped = filter_subnet(nat->subnet, Side::kInbound)) return tl::unexpected(*stopped);
  }
  const auto& own = nat->addresses.front().address;
  pass(id, "NAT gateway", "source " + own.to_string());
  journey_.translations.push_back({id, packet_.source, own, packet_.source_ports});
  packet_.source = own;
  if (has_ports(packet_.protocol)) packet_.source_ports = kNatPorts;
  return onward({nat->network, nat->subnet});
}

// Only answers to what went out come in.
Walk::Outcome Walk::back_through_nat(const NatGateway& nat, const std::string& id,
                                     const Place& place) {
  const auto* translation = translation_of(id);
  if (direction_ == Direction::kForward || translation == nullptr) {
    return stop("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", id, "",
                fmt::format("{} is NAT gateway {}, which lets only answers in",
                            packet_.destination.to_string(), label(id, nat.name)));
  }
  packet_.destination = translation->inside;
  if (has_ports(packet_.protocol)) packet_.destination_ports = translation->ports;
  pass(id, "NAT gateway", "destination " + packet_.destination.to_string());
  return onward(place);
}

Walk::Outcome Walk::through_machine(const Place& place, const std::string& id) {
  const auto* interface = find(model_.interfaces, id);
  if (interface == nullptr) {
    return unknown("NOT_IN_SNAPSHOT", id,
                   fmt::format("network interface {} is not in the snapshot", id));
  }
  if (place.subnet != interface->subnet) {
    if (auto stopped = filter_subnet(interface->subnet, Side::kInbound)) {
      return tl::unexpected(*stopped);
    }
  }
  if (const auto* owner = interface_at(model_, interface->network, packet_.destination);
      owner != nullptr && owner->first == id) {
    return arrive(id);
  }
  if (!interface->forwards) {
    return stop("ENI_SOURCE_DEST_CHECK_RESTRICTION", id, "",
                fmt::format("packets to {} are routed to {}, whose source/destination check drops "
                            "what is not its own",
                            packet_.destination.to_string(), id));
  }
  const bool tracked = std::ranges::find(journey_.interfaces, id) != journey_.interfaces.end();
  if (direction_ == Direction::kReturn && !tracked) {
    journey_.notes.push_back(fmt::format("the answers go through {}, the way there does not", id));
  }
  lose_groups(packet_, kLost);
  if (auto stopped = filter_groups(id, Side::kInbound)) return tl::unexpected(*stopped);
  if (auto stopped = filter_groups(id, Side::kOutbound)) return tl::unexpected(*stopped);
  pass(id, "machine that forwards", "");
  const auto assumption = fmt::format("{} is taken to forward what is routed to it", id);
  if (std::ranges::find(journey_.notes, assumption) == journey_.notes.end()) {
    journey_.notes.push_back(assumption);
  }
  journey_.interfaces.push_back(id);
  // A NAT instance: what it sends to the internet gateway can only be from its own address.
  const auto* table = table_of_subnet(model_, interface->subnet);
  const auto chosen =
      table == nullptr ? std::nullopt : longest_route(model_, table->second, packet_.destination);
  if (direction_ == Direction::kForward && packet_.source.is_v4() && chosen &&
      chosen->route->kind == TargetKind::kInternetGateway && !interface->addresses.empty()) {
    const auto own = interface->addresses.front().address;
    journey_.translations.push_back({id, packet_.source, own, packet_.source_ports});
    packet_.source = own;
  }
  return onward({interface->network, interface->subnet});
}

Walk::Outcome Walk::through_endpoint(const std::string& id) {
  const auto* endpoint = find(model_.endpoints, id);
  if (endpoint == nullptr) {
    return unknown("NOT_IN_SNAPSHOT", id, fmt::format("endpoint {} is not in the snapshot", id));
  }
  if (endpoint->kind != EndpointKind::kGateway) {
    return unknown("NOT_MODELED", id,
                   fmt::format("what the appliance behind {} does is not in a snapshot", id));
  }
  if (endpoint->state != "available" && endpoint->state != "Available") {
    return stop("BAD_STATE", id, "", fmt::format("endpoint {} is {}", id, endpoint->state));
  }
  if (packet_.protocol == kUdp) {
    return stop("VPCE_GATEWAY_PROTOCOL_RESTRICTION", id, "",
                fmt::format("gateway endpoint {} carries TCP and ICMP echo only", id));
  }
  pass(id, "gateway endpoint to " + endpoint->service, "");
  return Arrival{.door = {DoorKind::kService, id}, .packet = packet_};
}

}  // namespace faultline::vpc
