#include "tests/campaign/localize/fabric.h"

#include <algorithm>

namespace faultline::campaign {
namespace {

std::string name(const char* kind, std::uint32_t number) { return kind + std::to_string(number); }

}  // namespace

std::uint32_t Fabric::add_device(std::string id, bool host) {
  const auto index = static_cast<std::uint32_t>(devices.size());
  devices.push_back(std::move(id));
  (host ? hosts : switches).push_back(index);
  up.emplace_back();
  edge_of.push_back(0);
  return index;
}

// `b` is the one further away from the hosts.
void Fabric::add_cable(std::uint32_t a, std::uint32_t b, bool host) {
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    link_by_ends[{from, to}] = static_cast<std::uint32_t>(links.size());
    links.push_back({from, to, host});
  }
  up[a].push_back(b);
  if (host) edge_of[a] = b;
}

std::string Fabric::link_id(std::uint32_t link) const {
  return devices[links[link].from] + ">" + devices[links[link].to];
}

std::vector<std::uint32_t> Fabric::links_of_device(std::uint32_t device) const {
  std::vector<std::uint32_t> result;
  for (std::uint32_t i = 0; i < links.size(); ++i) {
    if (links[i].from == device || links[i].to == device) result.push_back(i);
  }
  return result;
}

std::uint32_t Fabric::link(std::uint32_t from, std::uint32_t to) const {
  return link_by_ends.at({from, to});
}

std::uint32_t Fabric::reverse(std::uint32_t index) const {
  return link(links[index].to, links[index].from);
}

std::vector<Hops> Fabric::ways(std::uint32_t src, std::uint32_t dst) const {
  const std::uint32_t out = edge_of[src];
  const std::uint32_t in = edge_of[dst];
  if (out == in) return {{src, out, dst}};
  std::vector<Hops> result;
  for (const std::uint32_t first : up[out]) {
    if (link_by_ends.contains({first, in})) {
      result.push_back({src, out, first, in, dst});
      continue;
    }
    for (const std::uint32_t core : up[first]) {
      for (const std::uint32_t second : up[in]) {
        if (link_by_ends.contains({core, second})) {
          result.push_back({src, out, first, core, second, in, dst});
        }
      }
    }
  }
  return result;
}

Hops Fabric::pick(std::uint32_t src, std::uint32_t dst, Rng& rng) const {
  const std::vector<Hops> all = ways(src, dst);
  return all[uniform_below(rng, all.size())];
}

Fabric fat_tree(std::uint32_t k, std::uint32_t hosts) {
  Fabric fabric;
  const std::uint32_t half = k / 2;
  std::vector<std::uint32_t> cores;
  for (std::uint32_t i = 0; i < half * half; ++i) {
    cores.push_back(fabric.add_device(name("core", i), false));
  }
  for (std::uint32_t pod = 0; pod < k; ++pod) {
    std::vector<std::uint32_t> aggregations;
    for (std::uint32_t i = 0; i < half; ++i) {
      aggregations.push_back(fabric.add_device(name("agg", pod * half + i), false));
      for (std::uint32_t j = 0; j < half; ++j) {
        fabric.add_cable(aggregations.back(), cores[i * half + j], false);
      }
    }
    for (std::uint32_t i = 0; i < half; ++i) {
      const std::uint32_t edge = fabric.add_device(name("edge", pod * half + i), false);
      for (const std::uint32_t aggregation : aggregations) {
        fabric.add_cable(edge, aggregation, false);
      }
      for (std::uint32_t j = 0; j < hosts; ++j) {
        const auto number = static_cast<std::uint32_t>(fabric.hosts.size());
        fabric.add_cable(fabric.add_device(name("h", number), true), edge, true);
      }
    }
  }
  return fabric;
}

Fabric leaf_spine(std::uint32_t leaves, std::uint32_t spines, std::uint32_t hosts) {
  Fabric fabric;
  std::vector<std::uint32_t> tops;
  for (std::uint32_t i = 0; i < spines; ++i) {
    tops.push_back(fabric.add_device(name("spine", i + 1), false));
  }
  for (std::uint32_t i = 0; i < leaves; ++i) {
    const std::uint32_t leaf = fabric.add_device(name("leaf", i + 1), false);
    for (const std::uint32_t top : tops) fabric.add_cable(leaf, top, false);
    for (std::uint32_t j = 0; j < hosts; ++j) {
      const auto number = static_cast<std::uint32_t>(fabric.hosts.size() + 1);
      fabric.add_cable(fabric.add_device(name("h", number), true), leaf, true);
    }
  }
  return fabric;
}

}  // namespace faultline::campaign
