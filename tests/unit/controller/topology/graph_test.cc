#include "controller/topology/graph.h"

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"
#include "tests/unit/controller/topology/fabric.h"

namespace faultline::topology {
namespace {

// Two leaves over one spine, plus a declared spine that nothing crosses.
Graph example() {
  const Fabric fabric{.leaves = 2, .spines = 1};
  const Inventory inventory{
      {{.name = "leaf1",
        .interfaces = {{"up1", address("10.1.0.0")}, {"up9", address("10.8.0.0"), "spine9"}}},
       {.name = "spine9"}}};
  const auto topology = learned(fabric, inventory);
  PathBook book;
  for (const auto& [reporter, path] : fabric.traces()) book.update(reporter, path);
  auto cut = fabric.trace({.to_leaf = 1});
  cut.source_port = 40'015;
  cut.complete = false;
  cut.hops.resize(1);
  book.update(NodeId{1}, cut);
  auto silent = fabric.trace({.to_leaf = 1});
  silent.source_port = 40'014;
  silent.hops[1].address.reset();
  book.update(NodeId{1}, silent);
  return make_graph(topology, book);
}

const GraphLink& link_of(const Graph& graph, const std::string& id) {
  const auto found =
      std::ranges::find(graph.links, id, [](const auto& edge) { return edge.link.id; });
  REQUIRE(found != graph.links.end());
  return *found;
}

TEST_CASE("the graph counts the flows on every link", "[topology]") {
  const auto graph = example();
  CHECK(graph.paths == 4);
  CHECK(graph.paths_incomplete == 1);
  CHECK(graph.paths_with_silent_hops == 1);
  CHECK(graph.devices.size() == 6);  // two hosts, two leaves, two spines
  CHECK(link_of(graph, "h1>leaf1").flows == 3);
  CHECK(link_of(graph, "leaf1>10.1.0.1").flows == 1);
  CHECK(link_of(graph, "leaf1>10.1.0.1").link.ingress == address("10.1.0.1"));
  CHECK(link_of(graph, "10.1.1.0>h2").flows == 2);
  CHECK(!link_of(graph, "leaf1>spine9").seen());
  CHECK(link_of(graph, "leaf1>spine9").link.declared);
  for (const auto& edge : graph.links) CHECK(edge.link.id.find('*') == std::string::npos);
}

TEST_CASE("the export is one JSON document and one Graphviz graph", "[topology]") {
  const auto graph = example();
  const auto json = nlohmann::json::parse(to_json(graph));
  CHECK(json["schema"] == "faultline.topology/1");
  CHECK(json["devices"].size() == graph.devices.size());
  CHECK(json["links"].size() == graph.links.size());
  CHECK(json["links"][0]["flows"].is_number_unsigned());
  CHECK(json["devices"][0]["tier"].is_null());

  const auto dot = to_dot(graph);
  CHECK(dot.starts_with("digraph faultline {\n"));
  CHECK(dot.find("\"h1\" -> \"leaf1\" [label=\"3\"];") != std::string::npos);
  CHECK(dot.find("\"leaf1\" -> \"spine9\" [label=\"0\", style=dashed];") != std::string::npos);
  CHECK(dot.ends_with("}\n"));
}

}  // namespace
}  // namespace faultline::topology
