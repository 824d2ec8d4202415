#include "controller/core/selector_check.h"

#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "common/base/nearest.h"

namespace faultline::core {
namespace {

using Names = std::set<std::string, std::less<>>;

constexpr std::size_t kValuesTold = 8;

Names nodes_of(const fleet::Fleet& fleet) {
  Names names;
  for (const auto& [id, node] : fleet.nodes()) {
    if (!node.record.removed_at) names.insert(node.record.name);
  }
  return names;
}

Names values_of(const fleet::Fleet& fleet, const std::string& label) {
  Names values;
  for (const auto& [id, node] : fleet.nodes()) {
    if (node.record.removed_at) continue;
    const auto labels = fleet::effective_labels(node.record);
    if (const auto value = labels.find(label); value != labels.end()) values.insert(value->second);
  }
  return values;
}

Names devices_of(const fleet::Fleet& fleet, const topology::Topology& topology,
                 const std::vector<incident::Incident>& incidents) {
  auto names = nodes_of(fleet);
  names.merge(values_of(fleet, "hypervisor"));
  for (const auto& device : topology.devices()) names.insert(device.id);
  for (const auto& incident : incidents) {
    for (const auto& component : incident.components) {
      names.insert(component.from.empty() ? component.id : component.from);
      if (!component.to.empty()) names.insert(component.to);
    }
  }
  return names;
}

Status check_component(const std::string& id, const Names& devices) {
  if (devices.contains(id)) return {};
  const auto component = incident::component_from_id(id);
  const auto ends = component.from.empty() ? std::vector{component.id}
                                           : std::vector{component.from, component.to};
  for (const auto& end : ends) {
    if (devices.contains(end)) continue;
    return fail(ErrorCode::kInvalid,
                fmt::format("no device or node is called {} (see `faultline topology show`){}", end,
                            did_you_mean(end, devices)));
  }
  return {};
}

Status check_label(const std::string& label, const std::string& value, const Names& known) {
  if (known.contains(value)) return {};
  if (label == "node") {
    return fail(ErrorCode::kInvalid,
                fmt::format("no node is called {} (see `faultline node list`){}", value,
                            did_you_mean(value, known)));
  }
  auto hint = did_you_mean(value, known);
  if (hint.empty() && !known.empty() && known.size() <= kValuesTold) {
    hint = fmt::format("; there is {}", fmt::join(known, ", "));
  }
  return fail(ErrorCode::kInvalid,
              fmt::format("no node has the label {}={}{}", label, value, hint));
}

}  // namespace

Status check_selector(const incident::Selector& selector, const fleet::Fleet& fleet,
                      const topology::Topology& topology,
                      const std::vector<incident::Incident>& incidents) {
  for (const auto& [name, values] : selector) {
    if (name == "incident" || name == "class" || name == "kind") continue;  // its own words
    if (name == "component") {
      const auto devices = devices_of(fleet, topology, incidents);
      for (const auto& value : values) FAULTLINE_TRY_STATUS(check_component(value, devices));
      continue;
    }
    auto known = name == "node" ? nodes_of(fleet) : values_of(fleet, name);
    if (name == "node") known.merge(values_of(fleet, "hypervisor"));
    for (const auto& value : values) FAULTLINE_TRY_STATUS(check_label(name, value, known));
  }
  return {};
}

}  // namespace faultline::core
