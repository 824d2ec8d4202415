#include "controller/vpc/components.h"

#include <algorithm>
#include <set>

#include "controller/vpc/index.h"

namespace faultline::vpc {
namespace {

std::string tunnel_id(const std::string& vpn, const Tunnel& tunnel) {
  return vpn + "/" + tunnel.address;
}

std::string zone_of(const Model& model, const std::string& subnet) {
  const auto* found = find(model.subnets, subnet);
  return found == nullptr ? "" : found->zone;
}

std::vector<std::string> inside(const std::string& zone) {
  return zone.empty() ? std::vector<std::string>{} : std::vector{zone};
}

// Of a machine: its own interfaces'.
Component machine_component(const Model& model, const std::string& id, const Machine& machine) {
  Component component{.id = id, .name = machine.name, .kind = ComponentKind::kVm};
  std::set<std::string> zones;
  for (const auto& [interface_id, interface] : model.interfaces) {
    if (interface.machine != id) continue;
    for (const auto& own : interface.addresses) component.addresses.push_back(own.address);
    const auto zone = zone_of(model, interface.subnet);
    if (!zone.empty()) zones.insert(zone);
  }
  std::ranges::sort(component.addresses);
  component.within.assign(zones.begin(), zones.end());
  return component;
}

void add_gateways(const Model& model, std::vector<Component>& components) {
  for (const auto& [id, gateway] : model.gateways) {
    components.push_back({.id = id, .name = gateway.name});
  }
  for (const auto& [id, peering] : model.peerings) {
    components.push_back({.id = id, .name = peering.name});
  }
  for (const auto& [id, gateway] : model.transit_gateways) {
    components.push_back({.id = id, .name = gateway.name});
  }
  for (const auto& [id, nat] : model.nat_gateways) {
    Component component{.id = id, .name = nat.name, .within = inside(zone_of(model, nat.subnet))};
    for (const auto& own : nat.addresses) component.addresses.push_back(own.address);
    std::ranges::sort(component.addresses);
    components.push_back(std::move(component));
  }
}

void add_tunnels(const Model& model, std::vector<Component>& components) {
  for (const auto& [id, vpn] : model.vpn_connections) {
    const auto& gateway = vpn.virtual_gateway.empty() ? vpn.transit_gateway : vpn.virtual_gateway;
    for (const auto& tunnel : vpn.tunnels) {
      Component component{.id = tunnel_id(id, tunnel),
                          .name = vpn.name,
                          .kind = ComponentKind::kTunnel,
                          .within = inside(gateway)};
      if (const auto address = IpAddress::parse(tunnel.address)) {
        component.addresses = {*address};
      }
      components.push_back(std::move(component));
    }
  }
}

// What an element of a trail stands for; nothing for filters and route tables, which lose no
// packets at random.
std::vector<std::string> components_of(const Model& model, const std::string& element) {
  if (const auto* vpn = find(model.vpn_connections, element)) {
    std::vector<std::string> tunnels;
    for (const auto& tunnel : vpn->tunnels) {
      if (tunnel.up) tunnels.push_back(tunnel_id(element, tunnel));
    }
    return tunnels;
  }
  if (const auto* attachment = find(model.attachments, element)) {
    std::vector<std::string> result{attachment->transit_gateway};
    if (attachment->kind == AttachmentKind::kVpn) {
      const auto tunnels = components_of(model, attachment->resource);
      result.insert(result.end(), tunnels.begin(), tunnels.end());
    }
    return result;
  }
  const bool gateway = model.gateways.contains(element) || model.peerings.contains(element) ||
                       model.nat_gateways.contains(element);
  if (gateway) return {element};
  const auto* interface = find(model.interfaces, element);
  if (interface != nullptr && !interface->machine.empty()) return {interface->machine};
  return {};
}

}  // namespace

std::string_view to_string(ComponentKind kind) {
  switch (kind) {
    case ComponentKind::kVm:
      return "vm";
    case ComponentKind::kTunnel:
      return "tunnel";
    case ComponentKind::kZone:
      return "zone";
    case ComponentKind::kGateway:
      break;
  }
  return "gateway";
}

std::vector<Component> components_of(const Model& model) {
  std::vector<Component> components;
  std::set<std::string> zones;
  for (const auto& [id, subnet] : model.subnets) {
    if (!subnet.zone.empty()) zones.insert(subnet.zone);
  }
  for (const auto& zone : zones) components.push_back({.id = zone, .kind = ComponentKind::kZone});
  for (const auto& [id, machine] : model.machines) {
    components.push_back(machine_component(model, id, machine));
  }
  add_gateways(model, components);
  add_tunnels(model, components);
  std::ranges::sort(components, {}, &Component::id);
  return components;
}

std::vector<std::string> components_on_path(const Model& model, const Answer& answer,
                                            Direction direction) {
  std::vector<std::string> path;
  const auto add = [&](const std::string& id) {
    if (std::ranges::find(path, id) == path.end()) path.push_back(id);
  };
  for (const auto& step : answer.trail) {
    if (step.direction != direction) continue;
    for (const auto& id : components_of(model, step.element)) add(id);
  }
  return path;
}

}  // namespace faultline::vpc
