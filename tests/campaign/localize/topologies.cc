#include "tests/campaign/localize/topologies.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>

namespace faultline::campaign {
namespace {

using localize::DeviceKind;

std::string name(const char* kind, std::uint32_t number) { return kind + std::to_string(number); }

void add_hosts(Fabric& fabric, std::uint32_t edge, std::uint32_t count, std::uint32_t first) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto number = static_cast<std::uint32_t>(fabric.hosts.size()) + first;
    fabric.add_cable(fabric.add_device(name("h", number), DeviceKind::kHost), edge);
  }
}

}  // namespace

Fabric fat_tree(std::uint32_t k, std::uint32_t hosts) {
  Fabric fabric;
  const std::uint32_t half = k / 2;
  std::vector<std::uint32_t> cores;
  for (std::uint32_t i = 0; i < half * half; ++i) {
    cores.push_back(fabric.add_device(name("core", i), DeviceKind::kSwitch));
  }
  for (std::uint32_t pod = 0; pod < k; ++pod) {
    std::vector<std::uint32_t> aggregations;
    for (std::uint32_t i = 0; i < half; ++i) {
      aggregations.push_back(fabric.add_device(name("agg", pod * half + i), DeviceKind::kSwitch));
      for (std::uint32_t j = 0; j < half; ++j) {
        fabric.add_cable(aggregations.back(), cores[i * half + j]);
      }
    }
    for (std::uint32_t i = 0; i < half; ++i) {
      const std::uint32_t edge =
          fabric.add_device(name("edge", pod * half + i), DeviceKind::kSwitch);
      for (const std::uint32_t aggregation : aggregations) fabric.add_cable(edge, aggregation);
      add_hosts(fabric, edge, hosts, 0);
    }
  }
  fabric.route();
  return fabric;
}

Fabric leaf_spine(std::uint32_t leaves, std::uint32_t spines, std::uint32_t hosts) {
  Fabric fabric;
  std::vector<std::uint32_t> tops;
  for (std::uint32_t i = 0; i < spines; ++i) {
    tops.push_back(fabric.add_device(name("spine", i + 1), DeviceKind::kSwitch));
  }
  for (std::uint32_t i = 0; i < leaves; ++i) {
    const std::uint32_t leaf = fabric.add_device(name("leaf", i + 1), DeviceKind::kSwitch);
    for (const std::uint32_t top : tops) fabric.add_cable(leaf, top);
    add_hosts(fabric, leaf, hosts, 1);
  }
  fabric.route();
  return fabric;
}

Fabric three_tier(const ThreeTier& shape) {
  Fabric fabric;
  std::vector<std::uint32_t> cores;
  for (std::uint32_t i = 0; i < shape.cores; ++i) {
    cores.push_back(fabric.add_device(name("core", i), DeviceKind::kSwitch));
  }
  for (std::uint32_t block = 0; block < shape.blocks; ++block) {
    std::vector<std::uint32_t> pair;
    for (std::uint32_t i = 0; i < 2; ++i) {
      pair.push_back(fabric.add_device(name("agg", 2 * block + i), DeviceKind::kSwitch));
      for (const std::uint32_t core : cores) fabric.add_cable(pair.back(), core);
    }
    for (std::uint32_t i = 0; i < shape.access; ++i) {
      const std::uint32_t access =
          fabric.add_device(name("access", block * shape.access + i), DeviceKind::kSwitch);
      for (const std::uint32_t aggregation : pair) fabric.add_cable(access, aggregation);
      add_hosts(fabric, access, shape.hosts, 0);
    }
  }
  fabric.route();
  return fabric;
}

Fabric wan(const Wan& shape, Rng& rng) {
  Fabric fabric;
  std::vector<std::pair<double, double>> places;
  for (std::uint32_t i = 0; i < shape.routers; ++i) {
    fabric.add_device(name("r", i), DeviceKind::kRouter);
    places.emplace_back(uniform(rng), uniform(rng));
  }
  const auto length = [&](std::uint32_t a, std::uint32_t b) {
    return std::hypot(places[a].first - places[b].first, places[a].second - places[b].second);
  };
  std::vector<std::pair<double, std::pair<std::uint32_t, std::uint32_t>>> missing;
  for (std::uint32_t b = 1; b < shape.routers; ++b) {
    std::uint32_t nearest = 0;
    for (std::uint32_t a = 0; a < b; ++a) {
      if (length(a, b) < length(nearest, b)) nearest = a;
    }
    for (std::uint32_t a = 0; a < b; ++a) {
      // Some of the longer ones are built, too.
      if (a != nearest) missing.push_back({length(a, b) * (0.5 + uniform(rng)), {a, b}});
    }
    fabric.add_cable(nearest, b, 1 + static_cast<std::uint32_t>(1e4 * length(nearest, b)));
  }
  std::ranges::sort(missing);
  for (const auto& [_, ends] : missing) {
    if (fabric.links.size() / 2 >= shape.cables) break;
    const auto [a, b] = ends;
    fabric.add_cable(a, b, 1 + static_cast<std::uint32_t>(1e4 * length(a, b)));
  }
  std::vector<std::uint32_t> routers = fabric.switches;
  std::ranges::shuffle(routers, rng);
  for (std::uint32_t i = 0; i < shape.vantages; ++i) add_hosts(fabric, routers[i], 1, 0);
  fabric.route();
  return fabric;
}

Fabric vpc(const Vpc& shape) {
  Fabric fabric;
  std::vector<std::uint32_t> gateways;
  for (std::uint32_t zone = 0; zone < shape.zones; ++zone) {
    const std::uint32_t gateway = fabric.add_device(name("gw", zone), DeviceKind::kGateway);
    for (std::uint32_t other = 0; other < zone; ++other) {
      const std::uint32_t tunnel =
          fabric.add_device(name("tun", other) + "-" + std::to_string(zone), DeviceKind::kTunnel);
      fabric.add_cable(gateways[other], tunnel);
      fabric.add_cable(tunnel, gateway);
    }
    gateways.push_back(gateway);
    for (std::uint32_t i = 0; i < shape.hypervisors; ++i) {
      const std::uint32_t number = zone * shape.hypervisors + i;
      const std::uint32_t vswitch = fabric.add_device(name("vsw", number), DeviceKind::kVswitch);
      fabric.add_cable(vswitch, gateway);
      for (std::uint32_t j = 0; j < shape.vms; ++j) {
        const std::uint32_t vm =
            fabric.add_device(name("vm", number * shape.vms + j), DeviceKind::kVm);
        fabric.add_cable(vm, vswitch);
      }
    }
  }
  fabric.route();
  return fabric;
}

Result<Fabric> read_edges(std::istream& input) {
  struct Edge {
    std::string a, b;
    std::uint32_t cost = 1;
  };
  std::vector<Edge> edges;
  std::map<std::string, std::uint32_t> degree;
  std::set<std::pair<std::string, std::string>> seen;
  std::string line;
  for (std::uint32_t number = 1; std::getline(input, line); ++number) {
    line.resize(std::min(line.size(), line.find('#')));
    std::istringstream words(line);
    Edge edge;
    if (!(words >> edge.a)) continue;
    const std::string where = "line " + std::to_string(number) + " of the edge list: ";
    if (!(words >> edge.b)) return fail(ErrorCode::kInvalid, where + "write two device names");
    words >> edge.cost;
    if (edge.a == edge.b || edge.cost == 0) {
      return fail(ErrorCode::kInvalid, where + "a cable joins two devices at a cost above 0");
    }
    if (!seen.insert(std::minmax(edge.a, edge.b)).second) continue;
    ++degree[edge.a];
    ++degree[edge.b];
    edges.push_back(edge);
  }
  if (edges.empty()) return fail(ErrorCode::kInvalid, "the edge list holds no cable");
  Fabric fabric;
  const bool has_leaves =
      std::ranges::any_of(degree, [](const auto& it) { return it.second == 1; });
  std::map<std::string, std::uint32_t> number;
  for (const auto& [id, cables] : degree) {
    number[id] = fabric.add_device(id, cables == 1 ? DeviceKind::kHost : DeviceKind::kRouter);
  }
  for (const Edge& edge : edges) fabric.add_cable(number[edge.a], number[edge.b], edge.cost);
  if (!has_leaves) {
    const std::vector<std::uint32_t> routers = fabric.switches;
    for (const std::uint32_t router : routers) add_hosts(fabric, router, 1, 0);
  }
  fabric.route();
  return fabric;
}

}  // namespace faultline::campaign
