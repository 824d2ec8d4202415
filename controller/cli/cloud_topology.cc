#include "controller/cli/cloud_topology.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/vpc/components.h"
#include "controller/vpc/reach.h"

namespace faultline::cli {
namespace {

struct Place {
  std::string asked{};  // as reach() is asked
  topology::Place place{};
  std::string machine{};  // id; empty: a network
};

topology::Place place_of(const vpc::Prefix& prefix) {
  return topology::Place::of(prefix.base(), static_cast<std::uint8_t>(prefix.length()));
}

// An address in the middle of nowhere special: the network's second.
std::string address_in(const vpc::Prefix& prefix) {
  const auto bits = prefix.base().is_v4() ? 32U : 128U;
  if (prefix.length() == bits) return prefix.base().to_string();
  if (prefix.base().is_v4()) return IpAddress::v4(prefix.base().v4_host_order() + 1).to_string();
  auto bytes = prefix.base().bytes();
  bytes.back() = static_cast<std::uint8_t>(bytes.back() + 1);
  return IpAddress::v6(bytes).to_string();
}

// Networks that routes lead to and that are none of the snapshot's: a site behind a VPN. The
// default route is no place.
void add_outside(const vpc::Model& model, std::vector<Place>& places) {
  std::set<vpc::Prefix> seen;
  for (const auto& [id, table] : model.route_tables) {
    for (const auto& route : table.routes) {
      if (!route.destination || route.destination->length() == 0 || route.blackhole) continue;
      const auto& to = *route.destination;
      const bool own = std::ranges::any_of(model.networks, [&](const auto& network) {
        return std::ranges::any_of(network.second.prefixes,
                                   [&](const auto& prefix) { return prefix.overlaps(to); });
      });
      if (own || !seen.insert(to).second) continue;
      places.push_back({.asked = address_in(to), .place = place_of(to)});
    }
  }
}

std::vector<Place> places_of(const vpc::Model& model) {
  std::vector<Place> places;
  for (const auto& [id, interface] : model.interfaces) {
    if (interface.machine.empty()) continue;
    for (const auto& own : interface.addresses) {
      places.push_back({.asked = own.address.to_string(),
                        .place = place_of(vpc::Prefix::host(own.address)),
                        .machine = interface.machine});
    }
  }
  add_outside(model, places);
  return places;
}

// "vpn-1/203.0.113.10" -> "vpn-1_203.0.113.10": a name that the inventory allows.
std::string name_of(std::string id) {
  std::ranges::replace_if(
      id,
      [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '-';
      },
      '_');
  return id;
}

topology::DeviceKind kind_of(vpc::ComponentKind kind) {
  return topology::parse_device_kind(vpc::to_string(kind)).value_or(topology::DeviceKind::kOther);
}

}  // namespace

CloudTopology cloud_topology(const vpc::Model& model) {
  CloudTopology made;
  const auto places = places_of(model);
  made.ends = places.size();
  std::map<std::string, vpc::Component> components;
  for (auto& component : vpc::components_of(model)) components.emplace(component.id, component);
  std::set<std::string> used;
  for (const auto& from : places) {
    for (const auto& to : places) {
      if (from.place == to.place || (from.machine.empty() && to.machine.empty())) continue;
      const auto answer = vpc::reach(
          model, {.from = from.asked, .to = to.asked, .protocol = vpc::kUdp, .port = kStampPort});
      if (!answer || answer->verdict == vpc::Verdict::kDenied) {
        ++made.denied;
        continue;
      }
      auto via = vpc::components_on_path(model, *answer, vpc::Direction::kForward);
      // The ends are nodes of the fleet, whose names the snapshot does not know.
      std::erase_if(via, [&](const auto& id) { return id == from.machine || id == to.machine; });
      if (via.empty() || via.size() > topology::kWayDevicesMax) continue;
      if (made.inventory.ways.size() >= topology::kWaysMax) {
        ++made.left_out;
        continue;
      }
      used.insert(via.begin(), via.end());
      std::ranges::transform(via, via.begin(), name_of);
      made.inventory.ways.push_back({.from = from.place, .to = to.place, .via = std::move(via)});
    }
  }
  for (const auto& id : used) {
    const auto& component = components.at(id);
    made.inventory.devices.push_back(
        {.name = name_of(id), .kind = kind_of(component.kind), .tier = "cloud"});
  }
  return made;
}

}  // namespace faultline::cli
