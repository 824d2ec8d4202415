#include "controller/localize/screen.h"

#include <algorithm>
#include <cmath>

namespace faultline::localize {
namespace {

// From this share on a reason of its own may be what explains a flow, and the simple bound on its
// gain would be far too high.
constexpr double kOwnShare = 0.02;
// Kinds of clean flows that are told apart per component; leaving some out only raises the bound.
constexpr std::size_t kCleanKindsMax = 24;
constexpr double kAlike = 1e-3;
// One lossy flow among more clean ones than this is nobody's fault.
constexpr double kFewFlows = 3;

bool alike(double a, double b) { return std::abs(a - b) <= kAlike * b; }

}  // namespace

CrossedComponents::CrossedComponents(const Problem& problem, const ComponentTable& components)
    : problem_(problem), components_(components), place_(components.size()) {}

const std::vector<CrossedComponents::Crossed>& CrossedComponents::of(const Likelihood& likelihood,
                                                                     std::uint32_t record) {
  crossed_.clear();
  on_way_.clear();
  const auto arms = problem_.arms_of(problem_.active[record].route);
  const std::uint32_t first = likelihood.first_way(record);
  for (std::uint32_t i = 0; i < arms.size(); ++i) {
    const double weight = arms.size() == 1 ? 1 : std::exp(arms[i].log_weight);
    const double share = likelihood.share(first + i);
    std::ranges::fill(on_way_, 0);
    for (const std::uint32_t link : problem_.links_of(arms[i].path)) {
      for (const std::uint32_t over : components_.over_link(link)) {
        std::uint32_t& place = place_[over];
        if (place >= crossed_.size() || crossed_[place].component != over) {
          place = static_cast<std::uint32_t>(crossed_.size());
          crossed_.push_back({over, 0, 0, 0});
          on_way_.push_back(0);
        }
        Crossed& it = crossed_[place];
        if (++on_way_[place] == 1) {
          it.weight += weight;
          it.share += share;
        }
        it.crossings = std::max(it.crossings, on_way_[place]);
      }
    }
  }
  return crossed_;
}

Screen::Screen(const Problem& problem, const ComponentTable& components,
               const Likelihood& likelihood)
    : problem_(problem), components_(components), crossed_(problem, components) {
  clean_packets_.resize(components.size());
  clean_flows_.resize(components.size());
  for (std::uint32_t i = 0; i < components.size(); ++i) {
    for (const std::uint32_t link : components.links_of(i)) {
      clean_packets_[i] += problem.clean_packets[link];
      clean_flows_[i] += problem.clean_flows[link];
    }
  }
  if (problem.lossy_count < problem.active.size()) count_clean(likelihood);
}

void Screen::count_clean(const Likelihood& likelihood) {
  clean_.resize(components_.size());
  for (std::uint32_t i = problem_.lossy_count; i < problem_.active.size(); ++i) {
    const ActiveRecord& flow = problem_.active[i];
    for (const auto& it : crossed_.of(likelihood, i)) {
      add_clean(it.component,
                {flow.sent * static_cast<double>(it.crossings), it.weight, flow.copies});
    }
  }
}

void Screen::add_clean(std::uint32_t component, const Clean& clean) {
  auto& kinds = clean_[component];
  for (Clean& kind : kinds) {
    if (!alike(kind.packets, clean.packets) || !alike(kind.weight, clean.weight)) continue;
    kind.copies += clean.copies;
    return;
  }
  if (kinds.size() < kCleanKindsMax) kinds.push_back(clean);
}

void Screen::add_grid(Sum& sum, const ActiveRecord& flow, double own_share, double odds,
                      const CrossedComponents::Crossed& crossed) {
  auto known = std::ranges::find_if(cache_, [&](const Cached& it) {
    return it.crossings == crossed.crossings && it.share == crossed.share;
  });
  if (known == cache_.end()) {
    const double crossings = crossed.crossings;
    const double rest = std::max(own_share, 1 - crossed.share);
    Cached fresh{crossed.share, crossed.crossings, {}};
    for (std::size_t i = 0; i < rates_.size(); ++i) {
      const double left = crossed.crossings == 1 ? survival_[i] : std::pow(survival_[i], crossings);
      const double log_ratio = flow.lost * std::log(1 + (1 - left) * odds) -
                               (flow.sent - flow.lost) * crossings * rates_[i];
      fresh.gain[i] = static_cast<float>(std::log(rest + crossed.share * std::exp(log_ratio)));
    }
    known = cache_.insert(cache_.end(), fresh);
  }
  if (sum.grid == kNone) {
    sum.grid = static_cast<std::uint32_t>(grids_.size());
    grids_.emplace_back();
  }
  Grid& grid = grids_[sum.grid];
  for (std::size_t i = 0; i < grid.size(); ++i) grid[i] += known->gain[i];
}

void Screen::add_record(const Likelihood& likelihood, std::uint32_t record) {
  const ActiveRecord& flow = problem_.active[record];
  const double own_share = likelihood.own_share(record);
  const double dead_gain = likelihood.dead_bound(record);
  const std::uint32_t first = likelihood.first_way(record);
  double odds = 0;
  for (std::uint32_t way = first; way < first + likelihood.way_count(record); ++way) {
    odds = std::max(odds, likelihood.odds(way));
  }
  cache_.clear();
  for (const auto& it : crossed_.of(likelihood, record)) {
    Sum& sum = sums_[it.component];
    ++sum.lossy_flows;
    sum.dead_flows += flow.dead > 0;
    sum.dead_gain += dead_gain;
    if (own_share > kOwnShare) {
      add_grid(sum, flow, own_share, odds, it);
      continue;
    }
    // Of a share p of a flow, by Minkowski's inequality: 1 - p + p (1 + u)^d is at most
    // (1 + p^(1/d) u)^d.
    const double part = it.share > 0.999 ? 1 : std::pow(it.share, 1 / flow.lost);
    sum.losses += flow.lost;
    sum.slopes += flow.lost * it.crossings * odds * part;
  }
}

double Screen::bound(std::uint32_t component, double gain_min) const {
  const Sum& sum = sums_[component];
  const double packets = clean_packets_[component];
  const double dead =
      sum.dead_flows < kDeadFlowsMin ? -1e9 : sum.dead_gain - clean_flows_[component] * dead_min_;
  if (sum.grid == kNone) {
    // The highest point of D log(1 + S a / D) - N a.
    const double ratio = packets > 0 ? sum.slopes / packets : 1e9;
    const double most = ratio <= 1 ? 0 : sum.losses * (std::log(ratio) - 1 + 1 / ratio);
    if (std::max(most, dead) < gain_min) return -1e9;
  }
  double best = -1e9;
  for (std::size_t i = 0; i < rates_.size(); ++i) {
    double gain = -packets * rates_[i];
    if (sum.grid != kNone) gain += grids_[sum.grid][i];
    if (sum.losses > 0) gain += sum.losses * std::log(1 + sum.slopes / sum.losses * rates_[i]);
    if (gain <= best) continue;
    if (!clean_.empty()) {
      for (const Clean& it : clean_[component]) {
        const double left =
            std::max(0.0, 1 - it.weight) + it.weight * std::exp(-it.packets * rates_[i]);
        gain += it.copies * std::log(std::max(left, 1e-300));
      }
    }
    best = std::max(best, gain);
  }
  return std::max(best, dead);
}

const std::vector<Candidate>& Screen::scan(const Likelihood& likelihood, const RateRange& range,
                                           double gain_min) {
  rates_ = coarse_exponents(FaultMode::kLoss, range);
  for (std::size_t i = 0; i < rates_.size(); ++i) survival_[i] = std::exp(-rates_[i]);
  dead_min_ = range.dead_min;
  sums_.assign(components_.size(), {});
  grids_.clear();
  for (std::uint32_t i = 0; i < problem_.lossy_count; ++i) add_record(likelihood, i);
  candidates_.clear();
  for (std::uint32_t i = 0; i < sums_.size(); ++i) {
    const std::uint32_t flows = sums_[i].lossy_flows;
    if (flows == 0 || (flows == 1 && clean_flows_[i] >= kFewFlows)) continue;
    const double gain = bound(i, gain_min);
    if (gain >= gain_min) candidates_.push_back({i, gain});
  }
  return candidates_;
}

}  // namespace faultline::localize
