#include "controller/topology/topology.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace faultline::topology {
namespace {

DeviceKind device_kind(NodeKind kind) {
  return kind == NodeKind::kVm ? DeviceKind::kVm : DeviceKind::kHost;
}

bool is_machine(DeviceKind kind) { return kind == DeviceKind::kHost || kind == DeviceKind::kVm; }

template <typename T>
std::pair<T, T> ordered(const T& left, const T& right) {
  return {std::min(left, right), std::max(left, right)};
}

// The interface of `peer` that `interface` of `device` is cabled to, as far as either end names it.
const Interface* counterpart(const Device& peer, const Device& device, const Interface& interface) {
  const auto found = std::ranges::find_if(peer.interfaces, [&](const Interface& candidate) {
    if (!interface.peer_interface.empty()) return candidate.name == interface.peer_interface;
    return candidate.peer_device == device.name && !candidate.peer_interface.empty() &&
           candidate.peer_interface == interface.name;
  });
  return found == peer.interfaces.end() ? nullptr : &*found;
}

}  // namespace

Topology::Topology(Inventory inventory) : inventory_(std::move(inventory)), ways_(inventory_.ways) {
  for (const auto& device : inventory_.devices) {
    device_index_.emplace(device.name, device_index_.size());
    for (const auto& interface : device.interfaces) owner_.emplace(interface.address, device.name);
  }
  for (const auto& device : inventory_.devices) {
    for (const auto& interface : device.interfaces) {
      const auto* peer = declared_device(interface.peer_device);
      if (peer == nullptr) continue;
      const auto* other = counterpart(*peer, device, interface);
      if (other == nullptr) {
        peers_[interface.address] = {peer->name, std::nullopt};
      } else {
        peers_[interface.address] = {peer->name, other->address};
        peers_[other->address] = {device.name, interface.address};
      }
    }
  }
  for (const auto& [address, device] : owner_) {  // cables that only the addresses tell of
    const auto mate = owner_.find(mate_of(address));
    if (mate == owner_.end() || mate->second == device) continue;
    const auto peer = peers_.find(address);
    if (peer == peers_.end()) {
      peers_[address] = {mate->second, mate->first};
    } else if (!peer->second.address && peer->second.device == mate->second) {
      peer->second.address = mate->first;
    }
  }
  pair_by_order();
}

// Cables of which each end names only the device at the other: the first interface of one end, by
// address, goes with the first of the other. Which is which nobody said, but their number is right.
void Topology::pair_by_order() {
  std::map<DevicePair, std::vector<IpAddress>> unpaired;  // by device and the one it is cabled to
  for (const auto& [address, peer] : peers_) {
    if (!peer.address) unpaired[{owner_.at(address), peer.device}].push_back(address);
  }
  for (const auto& [ends, here] : unpaired) {
    const auto there = unpaired.find({ends.second, ends.first});
    if (there == unpaired.end()) continue;
    for (std::size_t i = 0; i < std::min(here.size(), there->second.size()); ++i) {
      peers_[here[i]].address = there->second[i];
    }
  }
}

Topology Topology::unlearned() const {
  Topology fresh(inventory_);
  fresh.nodes_ = nodes_;
  fresh.nodes_changed_ = true;
  return fresh;
}

void Topology::set_node(NodeId id, std::string name, NodeKind kind, const IpAddress& address,
                        Placement placement) {
  nodes_[id] = {std::move(name), kind, address, false, std::move(placement)};
  nodes_changed_ = true;
}

void Topology::remove_node(NodeId id) {
  const auto found = nodes_.find(id);
  if (found == nodes_.end()) return;
  found->second.removed = true;
  nodes_changed_ = true;
}

void Topology::learn(NodeId reporter, const PathRecord& path) {
  const auto end = nodes_.find(path.direction == Direction::kForward ? path.target : reporter);
  std::optional<IpAddress> far_end;
  if (path.complete && end != nodes_.end()) far_end = end->second.address;
  aliases_.learn(path.hops, far_end);
}

bool Topology::settle() {
  if (nodes_changed_) {
    declare_addresses();
    ++names_version_;
  }
  nodes_changed_ = false;
  if (!aliases_.settle()) return false;
  name_devices();
  number_cables();
  ++names_version_;
  return true;
}

void Topology::declare_addresses() {
  aliases_.clear_declared();
  name_conflicts_.clear();
  for (const auto& device : inventory_.devices) {
    std::vector<IpAddress> addresses;
    for (const auto& interface : device.interfaces) addresses.push_back(interface.address);
    for (const auto& [id, node] : nodes_) {
      const bool is_node = is_machine(device.kind) && node.name == device.name && !node.removed;
      if (is_node && !owner_.contains(node.address)) addresses.push_back(node.address);
    }
    aliases_.declare(addresses, is_machine(device.kind) ? Declared::kClosed : Declared::kOpen);
  }
  std::map<IpAddress, std::string> taken;
  for (const auto& [id, node] : nodes_) {
    if (node.removed) continue;
    declare_node(node);
    const auto [other, fresh] = taken.emplace(node.address, node.name);
    if (fresh) continue;
    name_conflicts_.push_back(fmt::format("nodes {} and {} both have the address {}", other->second,
                                          node.name, node.address.to_string()));
  }
}

void Topology::declare_node(const Member& node) {
  const auto* device = declared_device(node.name);
  if (device != nullptr && !is_machine(device->kind)) {
    name_conflicts_.push_back(
        fmt::format("{} is a node, and a {} in the inventory", node.name, to_string(device->kind)));
  }
  const auto owner = owner_.find(node.address);
  if (owner != owner_.end() && owner->second != node.name) {
    name_conflicts_.push_back(
        fmt::format("node {} has the address {}, which the inventory gives to {}", node.name,
                    node.address.to_string(), owner->second));
  }
  const IpAddress address[] = {node.address};
  aliases_.declare(address, Declared::kClosed);
}

void Topology::name_devices() {
  name_of_.clear();
  for (const auto& [address, device] : owner_) {
    name_of_.emplace(aliases_.device_of(address), device);
  }
  for (const auto& [id, node] : nodes_) {
    if (!node.removed) name_of_.emplace(aliases_.device_of(node.address), node.name);
  }
}

void Topology::number_cables() {
  struct Entry {
    std::string from;
    std::string to;
    IpAddress ingress;
    bool declared;
  };
  std::vector<Entry> entries;
  for (const auto& [address, peer] : peers_) {
    entries.push_back({peer.device, owner_.at(address), address, true});
  }
  for (const auto& [before, ingress] : aliases_.steps()) {
    auto from = device_at(before);
    if (!enters_from(from, ingress)) continue;
    auto to = device_at(ingress);
    if (from != to) entries.push_back({std::move(from), std::move(to), ingress, false});
  }
  cables_.clear();
  for (const auto& entry : entries) {
    cables_[ordered(entry.from, entry.to)].insert(cable_at(entry.ingress));
  }
  links_.clear();
  for (const auto& entry : entries) add_link(entry.from, entry.to, entry.ingress, entry.declared);
  for (const auto& [address, peer] : peers_) {
    if (!peer.address) add_link(owner_.at(address), peer.device, std::nullopt, true);
  }
}

void Topology::add_link(const std::string& from, const std::string& to,
                        const std::optional<IpAddress>& ingress, bool declared) {
  auto id = link_id(from, to, ingress);
  links_.try_emplace(id, LinkInfo{id, from, to, ingress, declared});
}

std::string Topology::link_id(const std::string& from, const std::string& to,
                              const std::optional<IpAddress>& ingress) const {
  auto id = fmt::format("{}>{}", from, to);
  if (!ingress || !enters_from(from, *ingress)) return id;
  const auto cables = cables_.find(ordered(from, to));
  if (cables == cables_.end()) return id;
  const auto cable = cables->second.find(cable_at(*ingress));
  if (cable == cables->second.end() || cable == cables->second.begin()) return id;
  return fmt::format("{}#{}", id, std::distance(cables->second.begin(), cable) + 1);
}

// Whether `ingress` is the far interface of a cable that begins at `from`. A device that answers
// from another address than the incoming one does not show which cable was taken.
bool Topology::enters_from(const std::string& from, const IpAddress& ingress) const {
  const auto peer = peers_.find(ingress);
  if (peer != peers_.end()) return peer->second.device == from;
  return device_at(mate_of(ingress)) == from;
}

Topology::Cable Topology::cable_at(const IpAddress& ingress) const {
  const auto peer = peers_.find(ingress);
  if (peer == peers_.end()) return ordered(ingress, mate_of(ingress));
  return ordered(ingress, peer->second.address.value_or(ingress));
}

ResolvedPath Topology::resolve(NodeId reporter, const PathRecord& path) const {
  const bool forward = path.direction == Direction::kForward;
  const auto begin = forward ? reporter : path.target;
  const auto end = forward ? path.target : reporter;
  std::vector<Stop> stops{{node_name(begin), std::nullopt}};
  for (const auto& hop : path.hops) {
    stops.push_back(
        {hop.address ? device_at(*hop.address) : std::string(kSilentDevice), hop.address});
  }
  if (!path.complete) {
    while (stops.back().device == kSilentDevice) stops.pop_back();
    stops.push_back({std::string(kSilentDevice), std::nullopt});
  }
  const auto target = nodes_.find(end);
  stops.push_back({node_name(end),
                   target == nodes_.end() ? std::nullopt : std::optional(target->second.address)});
  insert_way(begin, end, stops);
  ResolvedPath resolved;
  for (const auto& stop : stops) {
    const bool first = resolved.devices.empty();
    if (!first && stop.device != kSilentDevice && stop.device == resolved.devices.back()) continue;
    if (!first) {
      resolved.links.push_back(link_id(resolved.devices.back(), stop.device, stop.ingress));
    }
    resolved.devices.push_back(stop.device);
  }
  return resolved;
}

void Topology::insert_way(NodeId begin, NodeId end, std::vector<Stop>& stops) const {
  const auto from = nodes_.find(begin);
  const auto to = nodes_.find(end);
  if (from == nodes_.end() || to == nodes_.end()) return;
  const auto* way = ways_.between(from->second.address, to->second.address);
  if (way == nullptr) return;
  const auto on_way = [&](const Stop& stop) {
    return std::ranges::find(way->via, stop.device) != way->via.end();
  };
  if (std::ranges::any_of(stops, on_way)) return;  // the trace shows them after all
  const auto silent = [](const Stop& stop) { return stop.device == kSilentDevice; };
  auto first = std::ranges::find_if(stops, silent);
  const auto last = std::find_if_not(first, stops.end(), silent);
  if (first == stops.end()) {
    // Nothing was silent: the elements count no hop. They are at the end that is named exactly,
    // for the other one, a site's network, has routers of its own.
    first = way->from.bits < way->to.bits ? stops.end() - 1 : stops.begin() + 1;
  } else {
    first = stops.erase(first, last);
  }
  std::vector<Stop> crossed;
  for (const auto& device : way->via) crossed.push_back({device, std::nullopt});
  stops.insert(first, crossed.begin(), crossed.end());
}

std::string Topology::device_at(const IpAddress& address) const {
  const auto device = aliases_.device_of(address);
  const auto name = name_of_.find(device);
  return name == name_of_.end() ? device.to_string() : name->second;
}

std::string Topology::node_name(NodeId id) const {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? fmt::format("node-{}", id.value()) : found->second.name;
}

const Device* Topology::declared_device(std::string_view name) const {
  const auto found = device_index_.find(name);
  return found == device_index_.end() ? nullptr : &inventory_.devices[found->second];
}

std::vector<DeviceInfo> Topology::devices() const {
  std::map<std::string, DeviceInfo> known;
  for (const auto& device : inventory_.devices) {
    known[device.name] = {device.name, device.kind, device.tier, {}, true, false, {}};
  }
  for (const auto& [id, node] : nodes_) {
    if (node.removed) continue;
    auto& info = known.try_emplace(node.name).first->second;
    if (!info.declared) info = {node.name, device_kind(node.kind), {}, {}, false, true, {}};
    info.seen = true;
    info.placement = node.placement;
  }
  for (const auto& addresses : aliases_.devices()) {
    const bool answered = std::ranges::any_of(
        addresses, [&](const IpAddress& address) { return aliases_.answered(address); });
    const auto id = device_at(addresses.front());
    const auto found = known.find(id);
    if (found == known.end() && !answered) continue;  // a mate that was never seen
    auto& info = known[id];
    info.id = id;
    info.addresses.insert(info.addresses.end(), addresses.begin(), addresses.end());
    info.seen = info.seen || answered;
  }
  std::vector<DeviceInfo> result;
  for (auto& [id, info] : known) {
    std::ranges::sort(info.addresses);
    result.push_back(std::move(info));
  }
  return result;
}

std::vector<std::string> Topology::conflicts() const {
  auto sentences = name_conflicts_;
  for (const auto& conflict : aliases_.conflicts()) sentences.push_back(to_string(conflict));
  return sentences;
}

}  // namespace faultline::topology
