// DelayFit: what remains of each flow's delay when all that is usual is taken away.
//
// Why it exists: raw delays differ by distance, by host and by clock far more than by faults. Taken
// away are, all robustly: the level of paths of the same length (the sum of per-hop baselines), the
// offset between two clocks, and what each host adds, unless it adds more than hosts usually do:
// then it stands out, and its flows keep what is above the middle, so that it can be named.
//
// An offset of a host's clock lengthens what it receives and shortens what it sends; so does a slow
// direction of its link. One-way delays alone cannot tell these: the half sum of both directions is
// the host's, and the fault is the host's or its cable's. Baselines are low quantiles rather than
// medians, for where paths are few a single slow link is crossed by half of a host's flows.
//
// Thread safety: pure. Units: microseconds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "controller/localize/delay_flows.h"

namespace faultline::localize {

struct DelayFit {
  std::vector<float> residual;  // by flow; NaN where the value is
  double sigma = 0;             // robust standard deviation of the residuals
};

enum class Clocks : std::uint8_t {
  kMatter,  // delays
  kCancel,  // differences of delays of one flow and window
};
enum class Levels : std::uint8_t {
  kLow,  // of delays
  // Of changes: the least that the middle of the flows allows. Where the delay of many flows fell
  // because a fault healed, the others did not become slower.
  kLeast,
};
// Flows by a number that they share, in one block each.
class DelayGroups {
 public:
  template <typename KeyOf>
  DelayGroups(std::size_t flow_count, std::size_t group_count, KeyOf key_of)
      : first_(group_count + 1) {
    for (std::uint32_t i = 0; i < flow_count; ++i) ++first_[key_of(i) + 1];
    for (std::size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
    members_.resize(flow_count);
    std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
    for (std::uint32_t i = 0; i < flow_count; ++i) members_[next[key_of(i)]++] = i;
  }

  [[nodiscard]] std::size_t size() const { return first_.size() - 1; }
  [[nodiscard]] std::span<const std::uint32_t> members(std::size_t group) const {
    return {members_.data() + first_[group], first_[group + 1] - first_[group]};
  }

 private:
  std::vector<std::uint32_t> first_;
  std::vector<std::uint32_t> members_;
};

// What the flows of every fit are grouped by: worked out once.
struct DelayGroupings {
  DelayGroupings(const ObservationSet& set, const DelayFlows& flows);

  std::size_t ends = 0;  // hosts, as ends of one-way flows and of round trips
  DelayGroups by_shape;
  DelayGroups by_src;
  DelayGroups by_dst;
};

// `values` are by flow, NaN where not measured.
[[nodiscard]] DelayFit fit_delay(const DelayFlows& flows, const DelayGroupings& groupings,
                                 std::vector<float> values, Clocks clocks, Levels levels);

// 1.4826 times the median of absolute differences to `center`; 0 without values.
[[nodiscard]] double robust_sigma(std::vector<float> values, float center);
// Rearranges `values`, which is not empty.
[[nodiscard]] float quantile_of(std::vector<float>& values, double share);

}  // namespace faultline::localize
