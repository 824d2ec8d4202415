#include "controller/vpc/reach_party.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace faultline::vpc {
namespace {

Result<IpAddress> address_of(const std::string& id, const Interface& interface, bool ipv6) {
  for (const auto& own : interface.addresses) {
    if (own.address.is_v4() != ipv6) return own.address;
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("{} has no {} address in the snapshot", id, ipv6 ? "IPv6" : "IPv4"));
}

std::string name_of(const Model& model, const std::string& id, const Interface& interface) {
  const auto* machine = find(model.machines, interface.machine);
  if (machine != nullptr) return label(interface.machine, machine->name);
  return label(id, interface.name);
}

Result<Party> party_at(const Model& model, const std::string& asked, const std::string& id,
                       bool ipv6) {
  const auto* interface = find(model.interfaces, id);
  if (interface == nullptr) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{} has interface {}, which is not in the snapshot; add the output of "
                            "'aws ec2 describe-network-interfaces'",
                            asked, id));
  }
  FAULTLINE_TRY(const auto address, address_of(id, *interface, ipv6));
  return Party{asked, name_of(model, id, *interface), id, address};
}

// The first interface of a machine.
Result<std::string> first_interface(const Model& model, const std::string& id,
                                    const Machine& machine) {
  const std::string* best = nullptr;
  const auto index = [&](const std::string& name) {
    const auto* interface = find(model.interfaces, name);
    return interface == nullptr ? 1'000 : interface->device_index;
  };
  for (const auto& name : machine.interfaces) {
    if (best == nullptr || index(name) < index(*best)) best = &name;
  }
  if (best != nullptr) return *best;
  for (const auto& [name, interface] : model.interfaces) {
    if (interface.machine == id) return name;
  }
  return fail(ErrorCode::kNotFound, fmt::format("{} has no network interface in the snapshot", id));
}

// Ids of interfaces: of what has that id, else of all that have that name.
Result<std::vector<std::string>> named(const Model& model, const std::string& asked) {
  std::vector<std::string> found;
  if (find(model.interfaces, asked) != nullptr) return std::vector{asked};
  if (const auto* endpoint = find(model.endpoints, asked);
      endpoint != nullptr && !endpoint->interfaces.empty()) {
    return std::vector{endpoint->interfaces.front()};
  }
  for (const auto& [id, machine] : model.machines) {
    if (id != asked && machine.name != asked) continue;
    FAULTLINE_TRY(auto first, first_interface(model, id, machine));
    found.push_back(std::move(first));
  }
  if (!found.empty()) return found;
  for (const auto& [id, interface] : model.interfaces) {
    if (interface.name == asked) found.push_back(id);
  }
  return found;
}

Result<Party> party_of_address(const Model& model, const std::string& asked,
                               const IpAddress& address) {
  if (const auto owner = public_owner(model, address)) {
    const auto& [id, interface] = *owner->interface;
    return Party{asked, name_of(model, id, interface), id, address};
  }
  std::vector<std::string> found;
  for (const auto& [id, interface] : model.interfaces) {
    if (has_address(interface, address)) found.push_back(id);
  }
  if (found.size() > 1) {
    return fail(ErrorCode::kConflict, fmt::format("{} is the address of {}; type the id of one",
                                                  asked, fmt::join(found, " and of ")));
  }
  if (found.empty()) return Party{.asked = asked, .name = asked, .address = address};
  const auto& interface = *find(model.interfaces, found.front());
  return Party{asked, name_of(model, found.front(), interface), found.front(), address};
}

Result<Party> find_party(const Model& model, const std::string& asked, bool ipv6) {
  if (const auto address = IpAddress::parse(asked)) {
    return party_of_address(model, asked, *address);
  }
  FAULTLINE_TRY(const auto found, named(model, asked));
  if (found.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("'{}' is no id, name or address in the snapshot; 'faultline vpc check' "
                            "lists what was read",
                            asked));
  }
  if (found.size() > 1) {
    return fail(ErrorCode::kConflict, fmt::format("'{}' is the name of {}; type the id of one",
                                                  asked, fmt::join(found, " and of ")));
  }
  return party_at(model, asked, found.front(), ipv6);
}

bool is_v6(const std::string& text) {
  const auto address = IpAddress::parse(text);
  return address && !address->is_v4();
}

bool leads_on_premises(const Attachment& attachment) {
  return attachment.kind == AttachmentKind::kVpn || attachment.kind == AttachmentKind::kPrivateLine;
}

// By which attachment a transit gateway's tables send packets to that address.
Door transit_door(const Model& model, const std::string& gateway, const IpAddress& address) {
  for (const auto& [id, table] : model.transit_tables) {
    if (table.transit_gateway != gateway) continue;
    const auto chosen = longest_route(model, table, address);
    if (!chosen || chosen->route.attachments.empty()) continue;
    const auto* attachment = find_attachment(model, chosen->route.attachments.front(), gateway);
    if (attachment == nullptr) continue;
    if (leads_on_premises(attachment->second)) return {DoorKind::kAttachment, attachment->first};
    if (attachment->second.kind == AttachmentKind::kPeering) {
      const auto there = transit_door(model, attachment->second.resource, address);
      if (there.kind != DoorKind::kNone) return there;
    }
  }
  return {};
}

bool covers(const VpnConnection& vpn, const IpAddress& address) {
  return !vpn.static_routes_only || has_address(vpn.static_routes, address);
}

Door virtual_door(const Model& model, const std::string& network, const IpAddress& address) {
  const auto* gateway = gateway_of_network(model, network, TargetKind::kVirtualGateway);
  if (gateway == nullptr) return {};
  for (const auto& [id, vpn] : model.vpn_connections) {
    if (vpn.virtual_gateway == gateway->first && covers(vpn, address)) {
      return {DoorKind::kVirtualGateway, gateway->first};
    }
  }
  return {};
}

// Prefers the way that the answers take, for that is what was meant to be built.
Door on_premises_door(const Model& model, const Interface& interface, const IpAddress& address) {
  const auto* table = table_of_subnet(model, interface.subnet);
  const auto back = table == nullptr ? std::nullopt : longest_route(model, table->second, address);
  if (back && back->route->kind == TargetKind::kVirtualGateway &&
      find(model.gateways, back->route->target) != nullptr) {
    return {DoorKind::kVirtualGateway, back->route->target};
  }
  if (back && back->route->kind == TargetKind::kTransitGateway) {
    const auto door = transit_door(model, back->route->target, address);
    if (door.kind != DoorKind::kNone) return door;
  }
  // A public address is on-premises only where a route says so.
  if (!is_private(address)) return {};
  auto door = virtual_door(model, interface.network, address);
  for (const auto& [id, attachment] : model.attachments) {
    if (door.kind != DoorKind::kNone) break;
    if (attachment.resource != interface.network) continue;
    door = transit_door(model, attachment.transit_gateway, address);
  }
  return door;
}

}  // namespace

Result<Parties> find_parties(const Model& model, const Question& question) {
  const bool ipv6 = question.ipv6 || is_v6(question.from) || is_v6(question.to);
  Parties parties;
  FAULTLINE_TRY(parties.from, find_party(model, question.from, ipv6));
  FAULTLINE_TRY(parties.to, find_party(model, question.to, ipv6));
  auto& [from, to] = parties;
  if (from.address.is_v4() != to.address.is_v4()) {
    return fail(ErrorCode::kInvalid, fmt::format("{} and {} are not of one kind: IPv4 and IPv6 do "
                                                 "not talk to each other",
                                                 from.address.to_string(), to.address.to_string()));
  }
  if (!from.interface.empty() && from.interface == to.interface) {
    return fail(ErrorCode::kInvalid, fmt::format("'{}' and '{}' are the same interface, {}",
                                                 question.from, question.to, from.interface));
  }
  if (!from.interface.empty()) {
    // Packets start from the private address, whatever was typed.
    if (from.address.is_v4()) {
      const auto owner = public_owner(model, from.address);
      if (owner) from.address = owner->address;
    }
    return parties;
  }
  if (to.interface.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("neither '{}' nor '{}' is a network interface of the snapshot",
                            question.from, question.to));
  }
  for (const auto& [id, network] : model.networks) {
    if (!is_private(from.address) || !has_address(network, from.address)) continue;
    return fail(ErrorCode::kNotFound,
                fmt::format("{} is an address of {}, but no network interface has it",
                            from.address.to_string(), id));
  }
  // From the internet, an interface is known by its public address.
  if (to.address.is_v4() && !is_private(from.address)) {
    for (const auto& own : find(model.interfaces, to.interface)->addresses) {
      if (own.address == to.address && own.public_address) to.address = *own.public_address;
    }
  }
  return parties;
}

Door find_door(const Model& model, const Parties& parties) {
  const auto& interface = *find(model.interfaces, parties.to.interface);
  if (!is_private(parties.from.address) && !is_private(parties.to.address)) {
    return {DoorKind::kInternet, interface.network};
  }
  return on_premises_door(model, interface, parties.from.address);
}

}  // namespace faultline::vpc
