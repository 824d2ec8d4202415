// A leaf-spine fabric whose every flow is measured, with losses drawn from a seed: builds
// ObservationSets for tests.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "controller/localize/observation_set.h"

namespace faultline::localize {

struct SmallFabric {
  int leaves = 4;
  int spines = 4;
  int hosts_per_leaf = 4;
  int flows_per_pair = 8;
  std::uint64_t packets = 10;
  int windows = 1;
  bool shuffled = false;
  std::map<std::string, double> loss = {};        // by directed link id
  std::map<std::string, double> black_hole = {};  // share of flows, by directed link id
  double background = 0;
  std::vector<std::uint32_t> sizes = {};          // of packets; each flow has one of them
  std::map<std::string, std::uint32_t> mtu = {};  // larger packets are lost, by directed link id
  double mtu_loss = 1;                            // share of these that is

  struct Row {
    Observation observation;
    std::vector<std::string> hops;
    std::string flow;
  };

  [[nodiscard]] std::vector<Row> rows(std::uint64_t seed) const {
    Rng rng(seed);
    std::vector<Row> result;
    const int hosts = leaves * hosts_per_leaf;
    for (int src = 0; src < hosts; ++src) {
      for (int dst = 0; dst < hosts; ++dst) {
        for (int i = 0; src != dst && i < flows_per_pair; ++i) {
          const auto spine = uniform_below(rng, static_cast<std::uint64_t>(spines)) + 1;
          add_flow(result, rng, src, dst, i, "spine" + std::to_string(spine));
        }
      }
    }
    if (shuffled) std::ranges::shuffle(result, rng);
    return result;
  }

  [[nodiscard]] ObservationSet measure(std::uint64_t seed) const { return build(rows(seed)); }

  [[nodiscard]] static ObservationSet build(const std::vector<Row>& rows) {
    ObservationSet set;
    for (const Row& row : rows) {
      std::vector<DeviceIndex> hops;
      for (const std::string& hop : row.hops) hops.push_back(set.device(hop));
      Observation observation = row.observation;
      observation.src = hops.front();
      observation.dst = hops.back();
      observation.forward = set.route(set.path(hops));
      observation.flow = set.flow(row.flow);
      static_cast<void>(set.add(observation));
    }
    return set;
  }

 private:
  void add_flow(std::vector<Row>& result, Rng& rng, int src, int dst, int number,
                const std::string& spine) const {
    const auto host = [](int index) { return "h" + std::to_string(index + 1); };
    const auto leaf = [&](int index) {
      return "leaf" + std::to_string(index / hosts_per_leaf + 1);
    };
    std::vector<std::string> hops{host(src), leaf(src)};
    if (leaf(src) != leaf(dst)) hops.insert(hops.end(), {spine, leaf(dst)});
    hops.push_back(host(dst));
    double passes = 1;
    bool swallowed = false;
    const std::uint32_t size = sizes.empty() ? 0 : sizes[uniform_below(rng, sizes.size())];
    for (std::size_t i = 1; i < hops.size(); ++i) {
      const std::string link = hops[i - 1] + ">" + hops[i];
      const auto rate = loss.find(link);
      passes *= 1 - std::max(background, rate == loss.end() ? 0 : rate->second);
      const auto limit = mtu.find(link);
      if (limit != mtu.end() && size > limit->second) passes *= 1 - mtu_loss;
      const auto hole = black_hole.find(link);
      if (hole != black_hole.end()) swallowed = uniform(rng) < hole->second || swallowed;
    }
    const std::string flow = host(src) + ":" + std::to_string(50'000 + number) + ">" + host(dst);
    for (int window = 0; window < windows; ++window) {
      Observation row;
      row.time_s = 1'790'000'010 + 10 * window;
      row.sent = packets;
      row.size = size;
      for (std::uint64_t i = 0; i < packets; ++i) {
        row.lost += swallowed || uniform(rng) >= passes ? 1 : 0;
      }
      result.push_back({row, hops, flow});
    }
  }
};

}  // namespace faultline::localize
