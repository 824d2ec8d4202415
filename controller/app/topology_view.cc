#include "controller/app/topology_view.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "controller/diagnose/placement.h"
#include "controller/topology/graph.h"
#include "controller/topology/wiring.h"

namespace faultline::app {
namespace {

std::string source_of(const topology::Graph& graph) {
  const bool inventory = std::ranges::any_of(graph.devices, &topology::DeviceInfo::declared);
  const bool traces = graph.paths > 0;
  if (inventory && traces) return "inventory and traces";
  return inventory ? "inventory" : "traces";
}

void add_graph(const topology::Graph& graph, api::TopologyView& view) {
  view.source = source_of(graph);
  view.conflicts = graph.conflicts;
  for (const auto& device : graph.devices) {
    api::DeviceView out{.id = device.id,
                        .kind = std::string(to_string(device.kind)),
                        .tier = device.tier,
                        .addresses = {},
                        .declared = device.declared,
                        .seen = device.seen};
    for (const auto& address : device.addresses) out.addresses.push_back(address.to_string());
    view.devices.push_back(std::move(out));
  }
  for (const auto& [link, flows] : graph.links) {
    view.links.push_back({link.id, link.from, link.to, flows, link.declared});
  }
}

std::vector<diagnose::NodeFacts> read_facts(const Snapshot& snapshot, const FactsOf& facts_of) {
  std::vector<diagnose::NodeFacts> fleet;
  fleet.reserve(snapshot.nodes.size());
  for (const auto& node : snapshot.nodes) {
    if (auto facts = facts_of(NodeId{node.id})) {
      fleet.push_back({.node = node.name, .facts = *std::move(facts), .earlier = {}});
    }
  }
  return fleet;
}

std::vector<topology::Wired> wired_of(const Snapshot& snapshot,
                                      const std::vector<diagnose::NodeFacts>& fleet,
                                      const std::vector<diagnose::Placement>& placements) {
  std::map<std::string, const facts::Facts*> facts;
  for (const auto& node : fleet) facts[node.node] = &node.facts;
  std::map<std::string, std::vector<std::string>> hosts;
  for (const auto& placement : placements) {
    if (placement.proven) hosts[placement.vm].push_back(placement.host);
  }
  std::vector<topology::Wired> wired;
  for (const auto& node : snapshot.nodes) {
    const auto label = node.labels.find("hypervisor");
    wired.push_back({.node = node.name,
                     .kind = node.kind,
                     .hypervisor = label == node.labels.end() ? "" : label->second,
                     .facts = facts[node.name],
                     .placed_on = hosts[node.name]});
  }
  return wired;
}

}  // namespace

api::TopologyView topology_view(const Snapshot& snapshot, const FactsOf& facts_of) {
  const auto graph = topology::make_graph(*snapshot.topology, *snapshot.paths);
  api::TopologyView view;
  add_graph(graph, view);
  const auto fleet = read_facts(snapshot, facts_of);
  view.nodes_without_facts = snapshot.nodes.size() - fleet.size();
  const auto placements = diagnose::place(fleet);
  for (const auto& placement : placements) {
    view.machines.push_back({.vm = placement.vm,
                             .nic = placement.nic,
                             .host = placement.host,
                             .mode = std::string(to_string(placement.attachment)),
                             .bridge = placement.bridge,
                             .port = placement.port,
                             .uplink = placement.uplink,
                             .proven = placement.proven,
                             .evidence = placement.evidence});
  }
  const auto wired = wired_of(snapshot, fleet, placements);
  const auto ports = topology::switch_ports(wired, graph);
  for (const auto& port : ports) {
    view.ports.push_back({port.node, port.nic, port.device, port.port, port.known, port.vlan});
  }
  std::ranges::move(topology::wiring_conflicts(wired, ports, graph),
                    std::back_inserter(view.conflicts));
  return view;
}

}  // namespace faultline::app
