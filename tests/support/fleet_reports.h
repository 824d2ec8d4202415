// What a fleet's probes would report, for tests and benchmarks of what stores it.
//
// Distribution: a pair's round trip has a base of 20 to 500 us (log-uniform) that wanders by a
// random walk; a window's answers lie around it with exponential queueing of a tenth of the base
// (Kleinrock, M/M/1). One flow in a hundred loses 0.5 % of its packets, the others one in 10^5.
// Delays are in nanoseconds, as kernel timestamps give them.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/base/random.h"
#include "common/model/report.h"

namespace faultline::tests {

struct FleetShape {
  std::uint32_t nodes = 16;
  std::uint32_t targets_per_node = 8;
  std::uint32_t members = 0;  // that may be targets, if more than those that report
  std::uint16_t flows_per_target = 8;
  std::uint32_t packets_per_window = 10;
  Duration window = std::chrono::seconds{10};
};

class FleetReports {
 public:
  FleetReports(const FleetShape& shape, std::uint64_t seed) : shape_(shape), rng_(seed) {
    bases_.resize(std::size_t{shape.nodes} * shape.targets_per_node);
    for (double& base : bases_) base = 20'000 * std::exp(std::log(25.0) * uniform());
  }

  // The report of `node` (1..nodes) for one window. Windows of a node are to be asked in order.
  [[nodiscard]] Report make(std::uint32_t node, WallTime window_start) {
    Report report{.plan = PlanRevision{1}, .window_start = window_start, .window = shape_.window};
    report.health.lateness_max_ns = static_cast<std::uint64_t>(1e5 * exponential());
    for (std::uint32_t i = 0; i < shape_.targets_per_node; ++i) {
      // The neighbors in a ring: distinct, never the node itself.
      const NodeId target{(node - 1 + 1 + i) % std::max(shape_.nodes, shape_.members) + 1};
      double& base = bases_[std::size_t{node - 1} * shape_.targets_per_node + i];
      base = std::clamp(base * (1 + 0.002 * (uniform() - 0.5)), 20'000.0, 500'000.0);
      TargetDelay delay{.target = target};
      for (std::uint16_t flow = 0; flow < shape_.flows_per_target; ++flow) {
        report.flows.push_back(make_flow(target, flow, node + i, base, delay.rtt));
      }
      if (delay.rtt.count() > 0) report.delays.push_back(std::move(delay));
    }
    return report;
  }

 private:
  double uniform() { return static_cast<double>(rng_() >> 11) * 0x1p-53; }
  double exponential() { return -std::log(1 - uniform()); }

  FlowWindow make_flow(NodeId target, std::uint16_t flow, std::uint32_t salt, double base,
                       stats::Histogram& rtt) {
    FlowWindow made{.target = target,
                    .source_port = static_cast<std::uint16_t>(50'000 + flow),
                    .sent = shape_.packets_per_window};
    const double loss = (salt * 31 + flow) % 100 == 0 ? 5e-3 : 1e-5;
    double sum = 0;
    for (std::uint32_t packet = 0; packet < made.sent; ++packet) {
      if (uniform() < loss) {
        (uniform() < 0.5 ? made.lost_forward : made.lost_return) += 1;
        continue;
      }
      const auto delay = static_cast<std::uint64_t>(base * (1 + 0.1 * exponential()));
      made.rtt_min_ns = made.rtt_min_ns == 0 ? delay : std::min(made.rtt_min_ns, delay);
      made.rtt_max_ns = std::max(made.rtt_max_ns, delay);
      sum += static_cast<double>(delay);
      rtt.add(delay);
    }
    if (made.answered() > 0) made.rtt_mean_ns = static_cast<std::uint64_t>(sum / made.answered());
    made.rtt_mean_ns = std::clamp(made.rtt_mean_ns, made.rtt_min_ns, made.rtt_max_ns);
    return made;
  }

  FleetShape shape_;
  Rng rng_;
  std::vector<double> bases_;
};

}  // namespace faultline::tests
