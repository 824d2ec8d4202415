// A leaf-spine fabric whose links are /31s and whose routers answer from the incoming interface.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "controller/topology/path_book.h"
#include "controller/topology/topology.h"

namespace faultline::topology {

inline IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

// "*" is a silent hop.
inline std::vector<Hop> hops(const std::vector<const char*>& texts) {
  std::vector<Hop> result;
  for (const auto* text : texts) result.push_back({IpAddress::parse(text)});
  return result;
}

struct Fabric {
  std::uint32_t leaves = 2;
  std::uint32_t spines = 2;
  std::uint32_t hosts = 1;   // per leaf
  std::uint32_t cables = 1;  // between a leaf and a spine

  [[nodiscard]] static IpAddress uplink(std::uint32_t leaf, std::uint32_t spine,
                                        std::uint32_t cable = 0) {
    return IpAddress::v4(0x0a010000 + leaf * 256 + spine * 16 + cable * 2);
  }
  [[nodiscard]] static IpAddress downlink(std::uint32_t leaf, std::uint32_t spine,
                                          std::uint32_t cable = 0) {
    return mate_of(uplink(leaf, spine, cable));
  }
  [[nodiscard]] static IpAddress gateway(std::uint32_t leaf, std::uint32_t host) {
    return IpAddress::v4(0x0a020000 + leaf * 256 + host * 2);
  }
  [[nodiscard]] static IpAddress host(std::uint32_t leaf, std::uint32_t host) {
    return mate_of(gateway(leaf, host));
  }
  [[nodiscard]] NodeId node(std::uint32_t leaf, std::uint32_t host_index) const {
    return NodeId{1 + leaf * hosts + host_index};
  }

  void add_nodes(Topology& topology) const {
    for (std::uint32_t leaf = 0; leaf < leaves; ++leaf) {
      for (std::uint32_t h = 0; h < hosts; ++h) {
        const auto id = node(leaf, h);
        topology.set_node(id, "h" + std::to_string(id.value()), NodeKind::kHost, host(leaf, h));
      }
    }
  }

  struct Route {
    std::uint32_t from_leaf = 0;
    std::uint32_t from_host = 0;
    std::uint32_t to_leaf = 0;
    std::uint32_t to_host = 0;
    std::uint32_t spine = 0;
    std::uint32_t cable_up = 0;
    std::uint32_t cable_down = 0;
  };
  [[nodiscard]] PathRecord trace(const Route& route) const {
    PathRecord path{
        .target = node(route.to_leaf, route.to_host), .source_port = 40'000, .complete = true};
    path.hops.push_back({gateway(route.from_leaf, route.from_host)});
    if (route.from_leaf != route.to_leaf) {
      path.hops.push_back({downlink(route.from_leaf, route.spine, route.cable_up)});
      path.hops.push_back({uplink(route.to_leaf, route.spine, route.cable_down)});
    }
    return path;
  }

  // All paths there are, with the node that reports each.
  [[nodiscard]] std::vector<std::pair<NodeId, PathRecord>> traces() const {
    std::vector<std::pair<NodeId, PathRecord>> result;
    for (std::uint32_t a = 0; a < leaves * hosts; ++a) {
      for (std::uint32_t b = 0; b < leaves * hosts; ++b) {
        if (a == b) continue;
        for (std::uint32_t way = 0; way < spines * cables * cables; ++way) {
          const Route route{a / hosts,
                            a % hosts,
                            b / hosts,
                            b % hosts,
                            way / (cables * cables),
                            way / cables % cables,
                            way % cables};
          auto path = trace(route);
          path.source_port = static_cast<std::uint16_t>(40'000 + way);
          result.emplace_back(node(route.from_leaf, route.from_host), std::move(path));
        }
      }
    }
    return result;
  }
};

inline Topology learned(const Fabric& fabric, Inventory inventory = {}) {
  Topology topology{std::move(inventory)};
  fabric.add_nodes(topology);
  for (const auto& [reporter, path] : fabric.traces()) topology.learn(reporter, path);
  topology.settle();
  return topology;
}

}  // namespace faultline::topology
