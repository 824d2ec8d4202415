#include "tests/campaign/localize/flow_table.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

namespace faultline::campaign {
namespace {

using localize::LinkIndex;
using localize::ObservationSet;
using localize::RouteIndex;

using Links = std::vector<std::uint32_t>;

std::vector<Links> ways_of(const ObservationSet& set, RouteIndex route) {
  if (route == localize::kNoRoute) return {{}};
  std::vector<Links> result;
  for (const localize::WeightedPath& candidate : set.at(route)) {
    Links& links = result.emplace_back();
    for (const LinkIndex link : set.at(candidate.path)) links.push_back(link.value());
  }
  return result;
}

void add_path(FlowTable& table, const Links& links) {
  FlowTable::Path path;
  path.links = {static_cast<std::uint32_t>(table.components.size()),
                static_cast<std::uint32_t>(links.size())};
  Links devices;
  for (const std::uint32_t link : links) {
    table.components.push_back(link);
    devices.push_back(table.link_count + table.set.links()[link].from.value());
    devices.push_back(table.link_count + table.set.links()[link].to.value());
  }
  std::ranges::sort(devices);
  devices.erase(std::unique(devices.begin(), devices.end()), devices.end());
  path.devices = {static_cast<std::uint32_t>(table.components.size()),
                  static_cast<std::uint32_t>(devices.size())};
  table.components.insert(table.components.end(), devices.begin(), devices.end());
  table.paths.push_back(path);
}

Slice add_paths(FlowTable& table, RouteIndex forward, RouteIndex back) {
  Slice slice{static_cast<std::uint32_t>(table.paths.size()), 0};
  for (const Links& there : ways_of(table.set, forward)) {
    for (const Links& return_way : ways_of(table.set, back)) {
      Links links = there;
      links.insert(links.end(), return_way.begin(), return_way.end());
      add_path(table, links);
      ++slice.count;
    }
  }
  return slice;
}

}  // namespace

FlowTable::FlowTable(const ObservationSet& observations)
    : set(observations),
      link_count(static_cast<std::uint32_t>(observations.links().size())),
      device_count(static_cast<std::uint32_t>(observations.devices().size())) {
  std::map<std::pair<RouteIndex, RouteIndex>, Slice> paths_by_route;
  std::map<std::tuple<RouteIndex, RouteIndex, localize::FlowIndex>, std::size_t> flow_by_key;
  for (const localize::Observation& row : set.observations()) {
    const auto [it, is_new] =
        flow_by_key.try_emplace({row.forward, row.back, row.flow}, flows.size());
    if (is_new) {
      const auto [slice, is_new_route] = paths_by_route.try_emplace({row.forward, row.back});
      if (is_new_route) slice->second = add_paths(*this, row.forward, row.back);
      flows.push_back({slice->second, 0, 0});
    }
    flows[it->second].sent += static_cast<double>(row.sent);
    flows[it->second].lost += static_cast<double>(row.lost);
  }
}

std::string FlowTable::id(std::uint32_t component) const {
  return is_device(component) ? set.devices()[component - link_count].id
                              : set.links()[component].id;
}

}  // namespace faultline::campaign
