// A series of windows of a few pairs, with noise: what the detector's tests feed it.
#pragma once

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "common/base/random.h"
#include "controller/detect/detector.h"

namespace faultline::detect {

constexpr Duration kWindow = std::chrono::seconds{10};

// How a pair is in one window.
struct Weather {
  double rtt_us = 400;    // the usual of a packet
  double noise = 0.08;    // log-normal deviation of a packet
  double slow_share = 0;  // of packets that take ten times as long
  double loss_forward = 0;
  double loss_return = 0;
  double slow_flow_us = 0;  // added to the first flow
  bool dead_flow = false;   // the first one
};

// What a node does in a window; windows count from 0.
using Climate = std::function<Weather(int window, NodeId reporter, NodeId target)>;

class Series {
 public:
  Series(std::uint64_t seed, std::uint32_t nodes, DetectConfig config = {})
      : detector(config), nodes_(nodes), rng_(seed) {}

  // The next `count` windows; returns what the last of them found.
  std::vector<Anomaly> run(int count, const Climate& climate) {
    std::vector<Anomaly> found;
    for (int i = 0; i < count; ++i, ++window) {
      detector.begin({.start = start_of(window), .length = kWindow, .sick = sick_targets});
      for (std::uint32_t node = 1; node <= nodes_; ++node) {
        if (missing.contains(NodeId{node})) continue;
        const auto doubt = doubts.contains(NodeId{node}) ? doubts.at(NodeId{node}) : 0.0;
        detector.add(NodeId{node}, report(NodeId{node}, climate), doubt,
                     [this](NodeId id) { return parties.contains(id) ? parties.at(id) : Party{}; });
      }
      found = detector.end();
      total += found.size();
    }
    return found;
  }
  void recall(int count, const Climate& climate) {
    for (int i = 0; i < count; ++i, ++window) {
      for (std::uint32_t node = 1; node <= nodes_; ++node) {
        detector.recall(NodeId{node}, report(NodeId{node}, climate), std::size_t(count));
      }
    }
  }
  static WallTime start_of(int window) {
    return wall_time_from_unix_seconds(1'800'000'000) + kWindow * window;
  }

  Detector detector;
  int window = 0;
  std::size_t total = 0;  // anomalies told in all windows
  std::set<NodeId> missing;
  std::set<NodeId> sick_targets;
  std::map<NodeId, double> doubts;
  std::map<NodeId, Party> parties;

 private:
  static constexpr int kFlows = 4;
  static constexpr std::uint32_t kPackets = 20;  // per flow and window

  Report report(NodeId reporter, const Climate& climate) {
    Report report;
    report.window_start = start_of(window);
    for (std::uint32_t node = 1; node <= nodes_; ++node) {
      const NodeId target{node};
      if (target == reporter) continue;
      auto& delay = report.delays.emplace_back();
      delay.target = target;
      const auto weather = climate(window, reporter, target);
      for (int i = 0; i < kFlows; ++i) {
        report.flows.push_back(flow(weather, i, target, delay.rtt));
      }
    }
    return report;
  }

  FlowWindow flow(const Weather& weather, int index, NodeId target, stats::Histogram& rtt) {
    FlowWindow flow{
        .target = target, .source_port = std::uint16_t(20'000 + index), .sent = kPackets};
    std::normal_distribution<double> noise(0, weather.noise);
    std::uniform_real_distribution<double> chance;
    for (std::uint32_t i = 0; i < kPackets; ++i) {
      if (weather.dead_flow && index == 0) {
        ++flow.lost_undetermined;
      } else if (chance(rng_) < weather.loss_forward) {
        ++flow.lost_forward;
      } else if (chance(rng_) < weather.loss_return) {
        ++flow.lost_return;
      } else {
        double us = weather.rtt_us * std::exp(noise(rng_));
        if (chance(rng_) < weather.slow_share) us *= 10;
        if (index == 0) us += weather.slow_flow_us;
        const auto ns = static_cast<std::uint64_t>(us * 1000);
        rtt.add(ns);
        flow.rtt_min_ns = flow.rtt_min_ns == 0 ? ns : std::min(flow.rtt_min_ns, ns);
        flow.rtt_max_ns = std::max(flow.rtt_max_ns, ns);
      }
    }
    return flow;
  }

  std::uint32_t nodes_;
  std::mt19937_64 rng_;
};

}  // namespace faultline::detect
