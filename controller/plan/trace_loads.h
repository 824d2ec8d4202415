// TraceLoads: how many nodes can make each router send ICMP errors by their traces.
//
// Why it exists: routers answer few TTL-exceeded packets (Linux 1,000 a second in all, hardware
// often 100) and spend their control processor on it, and no node knows what the others ask of a
// router.
//
// A node sends at most trace_probes_per_second() with any one TTL, for itself and for peers
// together. So a router answers a node at most that often for each distance at which the node's
// traces reach it: (node, distance) is a *tracer* of the router, and a router's worst rate is the
// sum over its tracers. Silent hops answer nothing and do not count.
//
// Of nodes of which too few paths are known, any router may be on the way: each counts as a tracer
// of every router, and has no number of its own.
//
// Thread safety: none. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/model/ids.h"

namespace faultline::plan {

class TraceLoads {
 public:
  // One direction of a flow: the devices from the node that traces it to the other end, both
  // included; "*" is silent.
  void add_path(NodeId tracer, std::span<const std::string> devices);
  // The same of a direction that nobody has traced yet.
  void add_unknown(NodeId tracer);

  [[nodiscard]] bool is_known(NodeId node) const;

  // For each known node the tracers of the router that most of them reach, of those on its ways; in
  // coarse steps, rounded up, so that few more or less change no plan. 0: no router on any.
  [[nodiscard]] std::map<NodeId, std::uint32_t> most_tracers() const;

  struct Router {
    std::string name{};
    std::uint32_t nodes = 0;
    double packets_per_second_max = 0;

    bool operator==(const Router&) const = default;
  };
  // The worst first. `rate` is how many probes of one TTL a node sends in a second.
  [[nodiscard]] std::vector<Router> routers(const std::function<double(NodeId)>& rate) const;

 private:
  struct Seen {
    std::uint32_t known = 0;
    std::uint32_t unknown = 0;
  };
  using Tracer = std::pair<NodeId, std::uint8_t>;  // and its distance

  [[nodiscard]] std::vector<NodeId> unknown_nodes() const;

  std::map<NodeId, Seen> nodes_;
  std::unordered_map<std::string, std::set<Tracer>> routers_;
};

}  // namespace faultline::plan
