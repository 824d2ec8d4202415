#include "controller/plan/trace_loads.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace faultline::plan {
namespace {

constexpr std::string_view kSilentHop = "*";
// With fewer than nine in ten of its ways known, a node may trace across anything.
constexpr std::uint32_t kUnknownOneIn = 10;

std::uint32_t coarse(std::size_t count) {
  constexpr double kStep = 1.25;
  double rounded = 1;
  while (std::ceil(rounded) < static_cast<double>(count)) rounded *= kStep;
  return count == 0 ? 0 : static_cast<std::uint32_t>(std::ceil(rounded));
}

}  // namespace

void TraceLoads::add_path(NodeId tracer, std::span<const std::string> devices) {
  ++nodes_[tracer].known;
  for (std::size_t hop = 1; hop + 1 < devices.size(); ++hop) {
    if (devices[hop] == kSilentHop) continue;
    routers_[devices[hop]].emplace(tracer,
                                   static_cast<std::uint8_t>(std::min<std::size_t>(hop, 255)));
  }
}

void TraceLoads::add_unknown(NodeId tracer) { ++nodes_[tracer].unknown; }

bool TraceLoads::is_known(NodeId node) const {
  const auto at = nodes_.find(node);
  return at != nodes_.end() &&
         at->second.unknown * kUnknownOneIn <= at->second.known + at->second.unknown;
}

std::vector<NodeId> TraceLoads::unknown_nodes() const {
  std::vector<NodeId> unknown;
  for (const auto& [node, seen] : nodes_) {
    if (!is_known(node)) unknown.push_back(node);
  }
  return unknown;
}

std::map<NodeId, std::uint32_t> TraceLoads::most_tracers() const {
  const auto unknown = unknown_nodes().size();
  std::map<NodeId, std::size_t> most;
  for (const auto& [node, seen] : nodes_) {
    if (is_known(node)) most[node] = 0;
  }
  for (const auto& [name, tracers] : routers_) {
    const auto known = static_cast<std::size_t>(std::ranges::count_if(
        tracers, [&](const Tracer& tracer) { return most.contains(tracer.first); }));
    for (const auto& [node, distance] : tracers) {
      const auto at = most.find(node);
      if (at != most.end()) at->second = std::max(at->second, known + unknown);
    }
  }
  std::map<NodeId, std::uint32_t> result;
  for (const auto& [node, count] : most) result.emplace(node, coarse(count));
  return result;
}

std::vector<TraceLoads::Router> TraceLoads::routers(
    const std::function<double(NodeId)>& rate) const {
  double unknown_rate = 0;
  const auto unknown = unknown_nodes();
  for (const auto node : unknown) unknown_rate += rate(node);
  std::vector<Router> result;
  for (const auto& [name, tracers] : routers_) {
    Router router{.name = name,
                  .nodes = static_cast<std::uint32_t>(unknown.size()),
                  .packets_per_second_max = unknown_rate};
    std::set<NodeId> nodes;
    for (const auto& [node, distance] : tracers) {
      if (!is_known(node)) continue;  // counted for every router
      router.packets_per_second_max += rate(node);
      nodes.insert(node);
    }
    router.nodes += static_cast<std::uint32_t>(nodes.size());
    result.push_back(std::move(router));
  }
  std::ranges::sort(result, {}, [](const Router& router) {
    return std::tuple(-router.packets_per_second_max, router.name);
  });
  return result;
}

}  // namespace faultline::plan
