// Graph: the whole topology as a value to show and export, with the measured flows on it.
//
// Why it exists: `faultline topology show|export` and whoever draws it need one consistent snapshot
// that no longer refers to live state. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/topology/path_book.h"
#include "controller/topology/topology.h"

namespace faultline::topology {

struct GraphLink {
  LinkInfo link{};
  std::uint64_t flows = 0;  // tracked flows whose present path takes it: how well it is covered

  [[nodiscard]] bool seen() const { return flows > 0; }
  bool operator==(const GraphLink&) const = default;
};

struct Graph {
  std::vector<DeviceInfo> devices{};  // by id
  std::vector<GraphLink> links{};     // by id; links to or from a silent hop are left out
  std::uint64_t paths = 0;
  std::uint64_t paths_incomplete = 0;
  std::uint64_t paths_with_silent_hops = 0;  // complete ones
  std::vector<std::string> conflicts{};      // sentences

  bool operator==(const Graph&) const = default;
};

// `topology` must be settled.
[[nodiscard]] Graph make_graph(const Topology& topology, const PathBook& paths);

// Graphviz. Dashed: declared, but no measured flow takes it.
[[nodiscard]] std::string to_dot(const Graph& graph);
// One document, schema "faultline.topology/1".
[[nodiscard]] std::string to_json(const Graph& graph);

}  // namespace faultline::topology
