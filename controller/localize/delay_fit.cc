#include "controller/localize/delay_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace faultline::localize {
namespace {

// Sweeps go on until no baseline moves by more than this, or so many were made. What moves less
// changes no verdict: nothing below 50 us is slow (delay_search.h).
constexpr int kSweepsMax = 8;
constexpr float kSettledUs = 1;
// Baselines are this quantile: right while fewer than .7 of the flows are slow.
constexpr double kBaseline = 0.3;
// Hosts differ; what one adds beyond the median of all by so many of their scatter is its own.
constexpr double kHostScatter = 5;

// Of values whose quantile was last near 0, within `near_us`: those far from it need only be
// counted. Exact; rearranges `values`.
float quantile_near_zero(std::vector<float>& values, double share, float near_us,
                         std::vector<float>& scratch) {
  const auto rank = std::min(static_cast<std::size_t>(share * static_cast<double>(values.size())),
                             values.size() - 1);
  scratch.resize(values.size());
  std::size_t below = 0;
  std::size_t inside = 0;
  for (const float value : values) {  // without a branch that could be mispredicted
    below += value < -near_us ? 1 : 0;
    scratch[inside] = value;
    inside += std::abs(value) <= near_us ? 1 : 0;
  }
  if (rank < below || rank >= below + inside) return quantile_of(values, share);
  const auto it = scratch.begin() + static_cast<std::ptrdiff_t>(rank - below);
  std::nth_element(scratch.begin(), it, scratch.begin() + static_cast<std::ptrdiff_t>(inside));
  return *it;
}

float level_of(std::vector<float>& values, double share, Levels levels) {
  const float level = quantile_of(values, share);
  if (levels == Levels::kLow || level >= 0) return level;
  return std::min(0.0F, quantile_of(values, 1 - kBaseline));
}

// Takes baselines away, sweep by sweep.
class Sweeper {
 public:
  Sweeper(std::vector<float>& values, Levels levels) : values_(values), levels_(levels) {}

  // Takes the baseline of each group from its members' values and adds it to `sums`; returns the
  // largest, either way. `near_us`: what the largest may be, most likely.
  float sweep(const DelayGroups& groups, std::vector<float>& sums, float near_us) {
    float largest = 0;
    for (std::size_t group = 0; group < groups.size(); ++group) {
      const auto members = groups.members(group);
      group_.resize(members.size());
      std::size_t measured = 0;
      for (const std::uint32_t member : members) {  // no branch: members are anywhere in memory
        group_[measured] = values_[member];
        measured += std::isfinite(values_[member]) ? 1 : 0;
      }
      group_.resize(measured);
      if (group_.empty()) continue;
      const float baseline = levels_ == Levels::kLow
                                 ? quantile_near_zero(group_, kBaseline, near_us, scratch_)
                                 : level_of(group_, kBaseline, levels_);
      if (baseline == 0) continue;
      sums[group] += baseline;
      largest = std::max(largest, std::abs(baseline));
      for (const std::uint32_t member : members) values_[member] -= baseline;
    }
    return largest;
  }

 private:
  std::vector<float>& values_;
  Levels levels_;
  std::vector<float> group_;
  std::vector<float> scratch_;
};

constexpr std::size_t kHopsMax = 256;

std::size_t shape_of(const ObservationSet& set, const DelayFlow& flow) {
  const std::size_t there = std::min(kHopsMax - 1, set.at(flow.forward).size());
  if (!flow.round_trip) return there;
  return kHopsMax + std::min(2 * kHopsMax - 1, there + set.at(flow.back).size());
}

// Hosts are numbered twice: as ends of one-way flows and of round trips.
std::size_t end_of(const DelayFlow& flow, DeviceIndex device) {
  return 2 * std::size_t{device.value()} + (flow.round_trip ? 1 : 0);
}

// Of `own`, by end: how much those that stand out are above the middle; 0 for all others.
std::vector<float> outstanding(const std::vector<float>& own) {
  std::vector<float> excess(own.size());
  for (std::size_t kind = 0; kind < 2; ++kind) {
    std::vector<float> known;
    for (std::size_t i = kind; i < own.size(); i += 2) {
      if (!std::isnan(own[i])) known.push_back(own[i]);
    }
    if (known.empty()) continue;
    const float middle = quantile_of(known, 0.5);
    const double usual = kHostScatter * robust_sigma(std::move(known), middle);
    for (std::size_t i = kind; i < own.size(); i += 2) {
      if (own[i] - middle > usual) excess[i] = own[i] - middle;
    }
  }
  return excess;
}

// Makes both directions of each end the mean of them, which no clock changes.
void cancel_clocks(std::vector<float>& out, std::vector<float>& in) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!std::isnan(out[i]) && !std::isnan(in[i])) out[i] = in[i] = (out[i] + in[i]) / 2;
  }
}

// Ends that no value speaks of become NaN.
void forget_silent(const std::vector<std::uint8_t>& seen, std::vector<float>& sums) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (seen[i] == 0) sums[i] = std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace

float quantile_of(std::vector<float>& values, double share) {
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  const auto it = values.begin() + static_cast<std::ptrdiff_t>(std::min(rank, values.size() - 1));
  std::ranges::nth_element(values, it);
  return *it;
}

double robust_sigma(std::vector<float> values, float center) {
  if (values.empty()) return 0;
  for (float& value : values) value = std::abs(value - center);
  return 1.4826 * static_cast<double>(quantile_of(values, 0.5));
}

DelayGroupings::DelayGroupings(const ObservationSet& set, const DelayFlows& flows)
    : ends(2 * set.devices().size()),
      by_shape(flows.flows.size(), 3 * kHopsMax,
               [&](std::uint32_t i) { return shape_of(set, flows.flows[i]); }),
      by_src(flows.flows.size(), ends,
             [&](std::uint32_t i) { return end_of(flows.flows[i], flows.flows[i].src); }),
      by_dst(flows.flows.size(), ends,
             [&](std::uint32_t i) { return end_of(flows.flows[i], flows.flows[i].dst); }) {}

DelayFit fit_delay(const DelayFlows& flows, const DelayGroupings& groupings,
                   std::vector<float> values, Clocks clocks, Levels levels) {
  const auto& all = flows.flows;
  const std::size_t ends = groupings.ends;
  std::vector<float> shapes(groupings.by_shape.size());
  std::vector<float> out(ends);
  std::vector<float> in(ends);
  Sweeper sweeper(values, levels);
  float near_us = 0;
  float shape = std::numeric_limits<float>::infinity();
  for (int sweep = 0; sweep < kSweepsMax; ++sweep) {
    // Its groups are few and large: once settled, what hosts take away moves them no more.
    if (shape >= kSettledUs) shape = sweeper.sweep(groupings.by_shape, shapes, near_us);
    const float src = sweeper.sweep(groupings.by_src, out, near_us);
    const float dst = sweeper.sweep(groupings.by_dst, in, near_us);
    near_us = std::max({shape, src, dst});
    if (near_us < kSettledUs) break;
  }
  std::vector<std::uint8_t> sends(ends);
  std::vector<std::uint8_t> receives(ends);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    sends[end_of(all[i], all[i].src)] = 1;
    receives[end_of(all[i], all[i].dst)] = 1;
  }
  forget_silent(sends, out);
  forget_silent(receives, in);
  if (clocks == Clocks::kMatter) cancel_clocks(out, in);
  out = outstanding(out);
  in = outstanding(in);
  for (std::size_t i = 0; i < all.size(); ++i) {
    values[i] += out[end_of(all[i], all[i].src)] + in[end_of(all[i], all[i].dst)];
  }
  std::vector<float> known;
  for (const float value : values) {
    if (std::isfinite(value)) known.push_back(value);
  }
  DelayFit fit;
  if (!known.empty()) {
    const float center = level_of(known, 0.5, levels);
    for (float& value : values) value -= center;
    fit.sigma = robust_sigma(std::move(known), center);
  }
  fit.residual = std::move(values);
  return fit;
}

}  // namespace faultline::localize
