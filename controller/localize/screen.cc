#include "controller/localize/screen.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace faultline::localize {
namespace {

// From this share on a reason of its own may be what explains a flow, and the simple bound on its
// gain would be far too high.
constexpr double kOwnShare = 0.02;
// A flow of which so small a share has its own reason, r, loses by m passed packets at the rate a
// at least kPassedPart min(ma, kPassedMost): log(r + (1 - r) e^-y) is convex in y, and at y = 3 it
// is -2.68. A way may cross a component four times before that is too much.
constexpr double kPassedPart = 0.89;
constexpr double kPassedMost = 0.75;
// Kinds of clean flows that are told apart per component; leaving some out only raises the bound.
constexpr std::size_t kCleanKindsMax = 24;
constexpr double kAlike = 1e-3;
// One lossy flow among more clean ones than this is nobody's fault.
constexpr double kFewFlows = 3;

bool alike(double a, double b) { return std::abs(a - b) <= kAlike * b; }

}  // namespace

CrossedComponents::CrossedComponents(const Problem& problem, const ComponentTable& components)
    : problem_(problem),
      components_(components),
      place_(components.size()),
      visited_(components.size()) {}

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
    : problem_(problem),
      components_(components),
      crossed_(problem, components),
      share_(problem.crossed.size()) {
  clean_packets_.resize(components.size());
  clean_flows_.resize(components.size());
  for (std::uint32_t i = 0; i < components.size(); ++i) {
    for (const std::uint32_t link : components.links_of(i)) {
      clean_packets_[i] += problem.clean[link].packets;
      clean_flows_[i] += problem.clean[link].flows;
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

const Screen::Grid& Screen::grid_of(const ActiveRecord& flow, double own_share, double odds,
                                    double share) {
  const auto known = std::ranges::find(cache_, share, &Cached::share);
  if (known != cache_.end()) return known->gain;
  const double rest = std::max(own_share, 1 - share);
  Cached& fresh = cache_.emplace_back();
  fresh.share = share;
  for (std::size_t i = 0; i < rates_.size(); ++i) {
    const double log_ratio =
        flow.lost * std::log(1 + (1 - survival_[i]) * odds) - (flow.sent - flow.lost) * rates_[i];
    fresh.gain[i] = static_cast<float>(std::log(rest + share * std::exp(log_ratio)));
  }
  return fresh.gain;
}

void Screen::add_to_link(std::uint32_t link, const ActiveRecord& flow, const Explained& it,
                         double share) {
  Sum& sum = sums_[link];
  ++sum.lossy_flows;
  sum.dead_flows += flow.dead > 0;
  sum.dead_gain += static_cast<float>(it.dead_gain);
  if (it.own_share > kOwnShare) {
    if (sum.grid == kNone) {
      sum.grid = static_cast<std::uint32_t>(grids_.size());
      grids_.emplace_back();
    }
    const Grid& gain = grid_of(flow, it.own_share, it.odds, share);
    Grid& grid = grids_[sum.grid];
    for (std::size_t i = 0; i < grid.size(); ++i) grid[i] += gain[i];
    return;
  }
  // Of a share p of a flow, by Minkowski's inequality: 1 - p + p (1 + u)^d is at most
  // (1 + p^(1/d) u)^d.
  const double part = share > 0.999 ? 1 : std::pow(share, 1 / flow.lost);
  if (share > 1 - kOwnShare) {
    const auto passed = static_cast<float>(flow.sent - flow.lost);
    sum.passed += passed;
    sum.passed_most = std::max(sum.passed_most, passed);
  }
  sum.losses += static_cast<float>(flow.lost);
  sum.slopes += static_cast<float>(flow.lost * it.odds * part);
}

void Screen::add_record(const Likelihood& likelihood, std::uint32_t record) {
  const ActiveRecord& flow = problem_.active[record];
  Explained it{likelihood.own_share(record), likelihood.dead_bound(record), 0};
  const std::uint32_t first = likelihood.first_way(record);
  const std::uint32_t ways = likelihood.way_count(record);
  for (std::uint32_t way = first; way < first + ways; ++way) {
    it.odds = std::max(it.odds, likelihood.odds(way));
  }
  cache_.clear();
  if (ways == 1) {
    for (const std::uint32_t link : likelihood.links_of_way(first)) {
      add_to_link(link, flow, it, likelihood.share(first));
    }
    return;
  }
  on_record_.clear();
  for (std::uint32_t way = first; way < first + ways; ++way) {
    for (const std::uint32_t link : likelihood.links_of_way(way)) {
      if (share_[link] == 0) on_record_.push_back(link);
      share_[link] += std::max(likelihood.share(way), 1e-30);
    }
  }
  for (const std::uint32_t link : on_record_) {
    add_to_link(link, flow, it, std::min(1.0, std::exchange(share_[link], 0.0)));
  }
}

Screen::Sum Screen::sum_of(std::uint32_t component) const {
  const auto links = components_.links_of(component);
  Sum sum = sums_[links[0]];
  for (const std::uint32_t link : links.subspan(1)) {
    sum.losses += sums_[link].losses;
    sum.slopes += sums_[link].slopes;
    sum.passed += sums_[link].passed;
    sum.passed_most = std::max(sum.passed_most, sums_[link].passed_most);
    sum.dead_gain += sums_[link].dead_gain;
    sum.lossy_flows += sums_[link].lossy_flows;
    sum.dead_flows += sums_[link].dead_flows;
    if (sums_[link].grid != kNone) sum.grid = sums_[link].grid;
  }
  return sum;
}

double Screen::bound(std::uint32_t component, const Sum& sum, double gain_min) const {
  const double packets = clean_packets_[component];
  const double dead =
      sum.dead_flows < kDeadFlowsMin ? -1e9 : sum.dead_gain - clean_flows_[component] * dead_min_;
  if (sum.grid == kNone) {
    // The highest point of D log(1 + S a / D) - N a.
    const double ratio = packets > 0 ? sum.slopes / packets : 1e9;
    const double most = ratio <= 1 ? 0 : sum.losses * (std::log(ratio) - 1 + 1 / ratio);
    if (std::max(most, dead) < gain_min) return -1e9;
  }
  Grid unexplained{};
  for (const std::uint32_t link : components_.links_of(component)) {
    if (sum.grid == kNone || sums_[link].grid == kNone) continue;
    const Grid& own = grids_[sums_[link].grid];
    for (std::size_t i = 0; i < own.size(); ++i) unexplained[i] += own[i];
  }
  double best = -1e9;
  for (std::size_t i = 0; i < rates_.size(); ++i) {
    double gain = unexplained[i] - packets * rates_[i];
    if (sum.passed > 0) {
      gain -= kPassedPart * sum.passed * std::min(rates_[i], kPassedMost / sum.passed_most);
    }
    if (sum.losses > 0) gain += sum.losses * std::log(1 + sum.slopes / sum.losses * rates_[i]);
    if (gain > best) best = std::max(best, gain + clean_gain(component, rates_[i]));
  }
  return std::max(best, dead);
}

double Screen::clean_gain(std::uint32_t component, double rate) const {
  double gain = 0;
  if (clean_.empty()) return gain;
  for (const Clean& it : clean_[component]) {
    const double left = std::max(0.0, 1 - it.weight) + it.weight * std::exp(-it.packets * rate);
    gain += it.copies * std::log(std::max(left, 1e-300));
  }
  return gain;
}

const std::vector<Candidate>& Screen::scan(const Likelihood& likelihood, const RateRange& range,
                                           double gain_min) {
  rates_ = coarse_exponents(FaultMode::kLoss, range);
  for (std::size_t i = 0; i < rates_.size(); ++i) survival_[i] = std::exp(-rates_[i]);
  dead_min_ = range.dead_min;
  sums_.assign(problem_.crossed.size(), {});
  grids_.clear();
  for (std::uint32_t i = 0; i < problem_.lossy_count; ++i) add_record(likelihood, i);
  candidates_.clear();
  for (std::uint32_t i = 0; i < components_.size(); ++i) {
    const Sum sum = sum_of(i);
    const bool one = sum.lossy_flows == 1 && clean_flows_[i] >= kFewFlows;
    if (sum.lossy_flows == 0 || one) continue;
    const double gain = bound(i, sum, gain_min);
    if (gain >= gain_min) candidates_.push_back({i, gain});
  }
  return candidates_;
}

}  // namespace faultline::localize
