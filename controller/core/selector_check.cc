#include "controller/core/selector_check.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/nearest.h"
#include "controller/topology/graph.h"

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

// Which links there are. Those of traced paths are looked for only where no other is meant: it
// takes a pass over the whole book.
class Links {
 public:
  Links(const topology::Topology& topology, const topology::PathBook& paths,
        const std::vector<incident::Incident>& incidents)
      : topology_(topology), paths_(paths) {
    for (const auto& [id, link] : topology.links()) add(id, link.from, link.to);
    for (const auto& incident : incidents) {
      for (const auto& component : incident.components) {
        if (component.to.empty()) continue;
        add(component.id, component.from, component.to);
        add(component.id, component.to, component.from);  // a cable is both ways
      }
    }
  }

  Status check(const incident::Component& wanted) {
    if (holds(wanted)) return {};
    for (const auto& traced : topology::make_graph(topology_, paths_).links) {
      add(traced.link.id, traced.link.from, traced.link.to);
    }
    // Nothing is traced yet: who announces work on a new fabric is not kept from it.
    if (ids_.empty() || holds(wanted)) return {};
    return fail(ErrorCode::kInvalid,
                fmt::format("no link or cable {} is known (see `faultline topology show`){}",
                            wanted.id, near(wanted)));
  }

 private:
  using Ends = std::pair<std::string, std::string>;

  void add(const std::string& id, const std::string& from, const std::string& to) {
    ids_.insert(id);
    ends_.emplace(from, to);
  }
  // "a>b" stands for every parallel one, "a>b#2" for that one; a cable for its two links.
  [[nodiscard]] bool holds(const incident::Component& wanted) const {
    const bool is_cable = wanted.id.find('=') != std::string::npos;
    if (ids_.contains(wanted.id)) return true;
    if (wanted.id.find('#') != std::string::npos && !is_cable) return false;
    return ends_.contains(Ends{wanted.from, wanted.to}) ||
           (is_cable && ends_.contains(Ends{wanted.to, wanted.from}));
  }
  [[nodiscard]] std::string near(const incident::Component& wanted) const {
    std::vector<std::string> told;
    for (const auto& [from, to] : ends_) {
      if (from != wanted.from && to != wanted.to) continue;
      if (told.size() < kValuesTold) told.push_back(fmt::format("{}>{}", from, to));
    }
    if (told.empty()) return did_you_mean(wanted.id, ids_);
    return fmt::format("; there is {}", fmt::join(told, ", "));
  }

  const topology::Topology& topology_;
  const topology::PathBook& paths_;
  Names ids_;
  std::set<Ends> ends_;
};

Status check_component(const std::string& id, const Names& devices, Links& links) {
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
  return component.from.empty() ? Status() : links.check(component);
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
                      const topology::Topology& topology, const topology::PathBook& paths,
                      const std::vector<incident::Incident>& incidents) {
  for (const auto& [name, values] : selector) {
    if (name == "incident" || name == "class" || name == "kind") continue;  // its own words
    if (name == "component") {
      const auto devices = devices_of(fleet, topology, incidents);
      Links links(topology, paths, incidents);
      for (const auto& value : values) FAULTLINE_TRY_STATUS(check_component(value, devices, links));
      continue;
    }
    auto known = name == "node" ? nodes_of(fleet) : values_of(fleet, name);
    if (name == "node") known.merge(values_of(fleet, "hypervisor"));
    for (const auto& value : values) FAULTLINE_TRY_STATUS(check_label(name, value, known));
  }
  return {};
}

}  // namespace faultline::core
