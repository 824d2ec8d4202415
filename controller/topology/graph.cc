#include "controller/topology/graph.h"

#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace faultline::topology {
namespace {

using Json = nlohmann::ordered_json;

void count_flow(std::map<std::string, GraphLink>& links, const ResolvedPath& path) {
  for (std::size_t i = 0; i < path.links.size(); ++i) {
    const auto& from = path.devices[i];
    const auto& to = path.devices[i + 1];
    if (from == kSilentDevice || to == kSilentDevice) continue;
    const auto& id = path.links[i];
    const auto entry = links.try_emplace(id, GraphLink{{id, from, to, std::nullopt, false}, 0});
    ++entry.first->second.flows;
  }
}

// Ids hold no quotes or backslashes: they are names and addresses.
std::string dot_node(const DeviceInfo& device) {
  const bool machine = device.kind == DeviceKind::kHost || device.kind == DeviceKind::kVm;
  return fmt::format("  \"{}\" [shape={}{}];\n", device.id, machine ? "ellipse" : "box",
                     device.seen ? "" : ", style=dashed");
}

std::string dot_edge(const GraphLink& edge) {
  return fmt::format("  \"{}\" -> \"{}\" [label=\"{}\"{}];\n", edge.link.from, edge.link.to,
                     edge.flows, edge.seen() ? "" : ", style=dashed");
}

Json device_json(const DeviceInfo& device) {
  auto addresses = Json::array();
  for (const auto& address : device.addresses) addresses.push_back(address.to_string());
  return {{"id", device.id},
          {"kind", to_string(device.kind)},
          {"tier", device.tier.empty() ? Json() : Json(device.tier)},
          {"addresses", addresses},
          {"declared", device.declared},
          {"seen", device.seen}};
}

Json link_json(const GraphLink& edge) {
  const auto& link = edge.link;
  return {{"id", link.id},
          {"from", link.from},
          {"to", link.to},
          {"ingress", link.ingress ? Json(link.ingress->to_string()) : Json()},
          {"declared", link.declared},
          {"seen", edge.seen()},
          {"flows", edge.flows}};
}

}  // namespace

Graph make_graph(const Topology& topology, const PathBook& paths) {
  Graph graph;
  graph.devices = topology.devices();
  graph.conflicts = topology.conflicts();
  std::map<std::string, GraphLink> links;
  for (const auto& [id, link] : topology.links()) links.emplace(id, GraphLink{link, 0});
  for (const auto& [key, known] : paths.paths()) {
    const auto resolved = topology.resolve(key.reporter, known.path);
    count_flow(links, resolved);
    ++graph.paths;
    if (!known.path.complete) {
      ++graph.paths_incomplete;
    } else if (std::ranges::find(resolved.devices, kSilentDevice) != resolved.devices.end()) {
      ++graph.paths_with_silent_hops;
    }
  }
  std::ranges::transform(links, std::back_inserter(graph.links),
                         [](auto& entry) { return std::move(entry.second); });
  return graph;
}

std::string to_dot(const Graph& graph) {
  std::string text = "digraph faultline {\n";
  for (const auto& device : graph.devices) text += dot_node(device);
  for (const auto& edge : graph.links) text += dot_edge(edge);
  return text + "}\n";
}

std::string to_json(const Graph& graph) {
  auto devices = Json::array();
  for (const auto& device : graph.devices) devices.push_back(device_json(device));
  auto links = Json::array();
  for (const auto& edge : graph.links) links.push_back(link_json(edge));
  return Json{{"schema", "faultline.topology/1"},
              {"devices", devices},
              {"links", links},
              {"paths", graph.paths},
              {"paths_incomplete", graph.paths_incomplete},
              {"paths_with_silent_hops", graph.paths_with_silent_hops},
              {"conflicts", graph.conflicts}}
      .dump();
}

}  // namespace faultline::topology
