// Allotment: extra packets of one round, spread over flows within every bound.
//
// It exists so that the bounds are kept in one place, by counting what each link and node carries
// as it is added. Whole multiples of a flow's rate only: that is what a probe can be told.
//
// Pure. Thread safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "controller/plan/adaptive_flows.h"

namespace faultline::plan {

class Allotment {
 public:
  // All in packets per second.
  struct Limits {
    double packets_per_second = 0;
    double per_link = 0;
    double per_node = 0;  // sent or reflected
    double per_flow = 0;  // one multiple: what each flow sends by its plan
    std::uint32_t times_max = kTimesMax;
    std::map<NodeId, double> headroom{};  // what each node may still send; none: nothing
  };

  explicit Allotment(Limits limits) : limits_(std::move(limits)) {}

  // Up to `wanted`, evenly over the flows, the first ones first where it cannot be even. Returns
  // how much it is.
  double add(std::span<const KnownFlow> flows, double wanted);

  // Ascending by flow.
  [[nodiscard]] std::vector<ExtraFlow> flows() const;
  [[nodiscard]] double packets_per_second() const { return total_; }

 private:
  // At most `steps` more multiples of the flow's rate; returns how many fit.
  std::uint32_t raise(const KnownFlow& flow, std::uint32_t steps);

  Limits limits_;
  double total_ = 0;
  std::map<FlowKey, std::uint32_t> extra_;  // multiples beyond the plan's one
  std::unordered_map<std::uint32_t, double> link_load_;
  std::unordered_map<NodeId, double> node_load_;
};

}  // namespace faultline::plan
