#include "tests/bench/localize/fat_tree.h"

#include <cmath>

namespace faultline::bench {

using localize::DeviceIndex;
using localize::DeviceKind;
using localize::LinkIndex;

FatTree::FatTree(const Load& load, std::uint64_t seed) : load_(load), rng_(seed) {
  add_devices();
  add_links();
  break_some();
  add_flows();
}

void FatTree::add_devices() {
  const std::uint32_t half = load_.k / 2;
  const auto add = [&](std::string id, DeviceKind kind) { return set_.device(id, kind); };
  for (std::uint32_t i = 0; i < load_.k * half; ++i) {
    edges_.push_back(add("edge" + std::to_string(i), DeviceKind::kSwitch));
    aggregations_.push_back(add("agg" + std::to_string(i), DeviceKind::kSwitch));
  }
  for (std::uint32_t i = 0; i < half * half; ++i) {
    cores_.push_back(add("core" + std::to_string(i), DeviceKind::kSwitch));
  }
  for (std::uint32_t i = 0; i < load_.k * half * half; ++i) {
    hosts_.push_back(add("host" + std::to_string(i), DeviceKind::kHost));
  }
}

void FatTree::add_links() {
  const std::uint32_t half = load_.k / 2;
  const auto cable = [&](DeviceIndex a, DeviceIndex b) {
    set_.link(a, b);
    set_.link(b, a);
  };
  for (std::uint32_t pod = 0; pod < load_.k; ++pod) {
    for (std::uint32_t i = 0; i < half; ++i) {
      for (std::uint32_t j = 0; j < half; ++j) {
        cable(edges_[pod * half + i], aggregations_[pod * half + j]);
        cable(aggregations_[pod * half + i], cores_[i * half + j]);
        cable(hosts_[(pod * half + i) * half + j], edges_[pod * half + i]);
      }
    }
  }
}

double FatTree::uniform(double low, double high) {
  constexpr std::uint64_t kSteps = 1'000'000;
  return low + (high - low) * static_cast<double>(uniform_below(rng_, kSteps)) / kSteps;
}

void FatTree::break_some() {
  for (std::size_t i = 0; i < set_.links().size(); ++i) loss_.push_back(uniform(1e-5, 1e-4));
  const auto is_host = [&](DeviceIndex device) {
    return set_.at(device).kind == DeviceKind::kHost;
  };
  while (truth_.size() < load_.faulty_links) {
    const auto index = static_cast<std::uint32_t>(uniform_below(rng_, loss_.size()));
    const auto& link = set_.at(LinkIndex{index});
    if (is_host(link.from) || is_host(link.to) || !truth_.insert(link.id).second) continue;
    loss_[index] += uniform(0.001, 0.01);
  }
  while (truth_.size() < load_.faulty_links + load_.faulty_devices) {
    const DeviceIndex device = cores_[uniform_below(rng_, cores_.size())];
    if (!truth_.insert(set_.at(device).id).second) continue;
    const double loss = uniform(0.001, 0.01);
    for (std::uint32_t i = 0; i < loss_.size(); ++i) {
      const auto& link = set_.at(LinkIndex{i});
      if (link.from == device || link.to == device) loss_[i] += loss;
    }
  }
}

std::uint32_t FatTree::add_delay(std::size_t hops) {
  const auto p50 = static_cast<float>(5.0 * static_cast<double>(hops) + uniform(0, 40));
  return set_.add_delay({.p50_us = p50,
                         .p95_us = p50 + static_cast<float>(uniform(5, 30)),
                         .min_us = p50 - static_cast<float>(uniform(1, 4))});
}

LinkIndex FatTree::link(DeviceIndex from, DeviceIndex to) { return set_.link(from, to); }

void FatTree::add_flows() {
  const auto half = static_cast<std::size_t>(load_.k / 2);
  flows_.reserve(hosts_.size() * load_.flows_per_host);
  std::vector<LinkIndex> path;
  for (std::size_t src = 0; src < hosts_.size(); ++src) {
    for (std::uint32_t i = 0; i < load_.flows_per_host; ++i) {
      std::size_t dst = src;
      while (dst == src) dst = uniform_below(rng_, hosts_.size());
      std::vector<DeviceIndex> hops{hosts_[src], edges_[src / half]};
      if (src / half != dst / half) {
        const std::size_t from_pod = src / half / half;
        const std::size_t to_pod = dst / half / half;
        const std::size_t up = uniform_below(rng_, half);
        hops.push_back(aggregations_[from_pod * half + up]);
        if (from_pod != to_pod) {
          hops.push_back(cores_[up * half + uniform_below(rng_, half)]);
          hops.push_back(aggregations_[to_pod * half + up]);
        }
        hops.push_back(edges_[dst / half]);
      }
      hops.push_back(hosts_[dst]);
      path.clear();
      for (std::size_t h = 1; h < hops.size(); ++h) path.push_back(link(hops[h - 1], hops[h]));
      flows_.push_back({hosts_[src], hosts_[dst], set_.route(set_.path_of_links(path))});
    }
  }
}

std::vector<localize::Observation> FatTree::window(std::int64_t time_s) {
  std::vector<localize::Observation> rows;
  rows.reserve(flows_.size());
  for (const Flow& flow : flows_) {
    double passes = 1;
    const auto path = set_.at(set_.at(flow.route).front().path);
    for (const LinkIndex link : path) {
      passes *= 1 - loss_[link.value()];
    }
    // Losses one after the other, by the gaps between them.
    std::uint64_t lost = 0;
    const double log_passes = std::log(passes);
    double at = std::log(uniform(1e-6, 1)) / log_passes;
    while (at < load_.packets_per_flow) {
      ++lost;
      at += 1 + std::floor(std::log(uniform(1e-6, 1)) / log_passes);
    }
    rows.push_back({.src = flow.src,
                    .dst = flow.dst,
                    .forward = flow.route,
                    .time_s = time_s,
                    .sent = load_.packets_per_flow,
                    .lost = lost,
                    .delay = load_.delays ? add_delay(path.size()) : 0});
  }
  return rows;
}

}  // namespace faultline::bench
