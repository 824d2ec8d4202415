#include "controller/core/blast_radius.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace faultline::core {
namespace {

constexpr int kNestingMax = 4;  // a VM on a VM on a host behind a switch

void add(std::vector<std::string>& values, const std::string& value) {
  const auto place = std::ranges::lower_bound(values, value);
  if (place == values.end() || *place != value) values.insert(place, value);
}

std::string label_of(const Labels& labels, const char* name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string() : found->second;
}

// Those of both maps, with the same value.
Labels common_labels(const Labels& left, const Labels& right) {
  Labels common;
  std::ranges::set_intersection(left, right, std::inserter(common, common.end()));
  return common;
}

}  // namespace

Surroundings::Surroundings(const fleet::Fleet& fleet, const topology::Topology& topology,
                           const Attachments& attachments)
    : fleet_(fleet) {
  for (const auto& [id, link] : topology.links()) {
    if (link.from == topology::kSilentDevice || link.to == topology::kSilentDevice) continue;
    neighbors_[link.from].insert(link.to);
    neighbors_[link.to].insert(link.from);
  }
  for (const auto& [node, device] : attachments) {
    neighbors_[node].insert(device);
    neighbors_[device].insert(node);
  }
}

void Surroundings::describe(incident::Suspect& suspect) const {
  if (suspect.remedy) {  // a finding: it is at no place but its nodes
    for (const auto& node : suspect.affected) add_labels(node, suspect);
    return add_affected(suspect);
  }
  auto components = std::vector{component_of(suspect)};
  for (const auto& other : suspect.ambiguous_with) {
    components.push_back(incident::component_from_id(other));
  }
  for (const auto& component : components) {
    if (component.from.empty()) {
      add_labels(component.id, suspect);
    } else {
      add_labels(component.from, suspect);
      add_labels(component.to, suspect);
    }
  }
  const auto& own = components.front();
  for (const auto& end : {own.from.empty() ? own.id : own.from, own.to}) {
    if (!end.empty()) add_dependencies(end, suspect);
  }
  std::erase_if(suspect.depends_on, [&](const std::string& parent) {
    return parent == own.id || parent == own.from || parent == own.to;
  });
  add_affected(suspect);
}

void Surroundings::add_labels(const std::string& device, incident::Suspect& suspect) const {
  if (const auto* node = fleet_.find(device)) {
    add(suspect.labels["node"], device);
    for (const auto& [name, value] : fleet::effective_labels(node->record)) {
      add(suspect.labels[name], value);
    }
    return;
  }
  const auto beside = neighbors_.find(device);
  if (beside == neighbors_.end()) return;
  std::optional<Labels> shared;
  for (const auto& neighbor : beside->second) {
    const auto* node = fleet_.find(neighbor);
    if (node == nullptr) continue;
    const auto labels = fleet::effective_labels(node->record);
    shared = shared ? common_labels(*shared, labels) : labels;
  }
  if (!shared) return;
  for (const auto& [name, value] : *shared) add(suspect.labels[name], value);
}

void Surroundings::add_dependencies(const std::string& node, incident::Suspect& suspect) const {
  std::string at = node;
  for (int depth = 0; depth < kNestingMax; ++depth) {
    const auto* known = fleet_.find(at);
    if (known == nullptr) return;  // a switch: others reach it from many sides
    std::string parent = label_of(fleet::effective_labels(known->record), "hypervisor");
    const auto beside = neighbors_.find(at);
    if (parent.empty() && beside != neighbors_.end() && beside->second.size() == 1) {
      parent = *beside->second.begin();
    }
    if (parent.empty() || parent == at) return;
    add(suspect.depends_on, parent);
    at = std::move(parent);
  }
}

void Surroundings::add_affected(incident::Suspect& suspect) const {
  for (const auto& name : suspect.affected) {
    const auto* node = fleet_.find(name);
    if (node == nullptr) continue;
    if (node->record.profile.kind == NodeKind::kVm) add(suspect.affected_vms, name);
    const auto labels = fleet::effective_labels(node->record);
    if (const auto rack = label_of(labels, "rack"); !rack.empty()) {
      add(suspect.affected_racks, rack);
    }
    if (const auto zone = label_of(labels, "zone"); !zone.empty()) {
      add(suspect.affected_zones, zone);
    }
  }
}

std::vector<const fleet::Node*> nodes_at(const fleet::Fleet& fleet,
                                         const incident::Suspect& suspect) {
  std::vector<std::string> names{suspect.id, suspect.from, suspect.to};
  for (const auto& other : suspect.ambiguous_with) {
    const auto component = incident::component_from_id(other);
    names.insert(names.end(), {component.id, component.from, component.to});
  }
  std::vector<const fleet::Node*> nodes;
  for (const auto& name : names) {
    const auto* node = name.empty() ? nullptr : fleet.find(name);
    if (node != nullptr && std::ranges::find(nodes, node) == nodes.end()) nodes.push_back(node);
  }
  return nodes;
}

void tell_reachability(const fleet::Fleet& fleet, const Inquiries& inquiries,
                       incident::Suspect& suspect) {
  if (!incident::is_dead(suspect)) return;
  for (const auto* node : nodes_at(fleet, suspect)) {
    const auto& name = node->record.name;
    const auto* known = inquiries.of(node->record.id);
    const bool is_told = known != nullptr && known->condition != Condition::kUnknown;
    if (is_told) {
      suspect.text = fmt::format("{}: {}: {}; {}", name, words(known->condition), sentence(*known),
                                 suspect.text);
    } else if (node->state == fleet::NodeState::kSilent) {
      suspect.text =
          fmt::format("{} is silent: the host is down or cut off, or its probe is not running; {}",
                      name, suspect.text);
    } else {
      continue;
    }
    return;
  }
}

void name_absent(const fleet::Fleet& fleet, incident::JudgedWindow& window) {
  for (const auto& [id, node] : fleet.nodes()) {
    const auto& record = node.record;
    if (record.removed_at) {
      if (fleet.find(record.name) == nullptr) window.removed.push_back(record.name);
    } else if (fleet.is_excused(node, window.end - window.length, window.length)) {
      window.restarting.push_back(record.name);
    }
  }
}

}  // namespace faultline::core
