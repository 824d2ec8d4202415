#include <algorithm>
#include <cmath>
#include <set>

#include "tests/campaign/localize/baselines.h"

namespace faultline::campaign {
namespace {

constexpr double kDevicePriorFactor = 5;
constexpr double kTie = 1e-3;

using Failed = std::vector<std::uint32_t>;  // components, in order

struct Hypothesis {
  Failed failed;
  double log_likelihood = 0;
  std::vector<double> gains;  // by component: of adding it, its prior included
};

// Components of the flow, each once.
void components_of(const FlowTable& table, const FlowTable::Flow& flow,
                   std::vector<std::uint32_t>& result) {
  result.clear();
  for (const FlowTable::Path& path : table.paths_of(flow)) {
    const auto all = table.all_of(path);
    result.insert(result.end(), all.begin(), all.end());
  }
  if (flow.paths.count > 1) {
    std::ranges::sort(result);
    result.erase(std::unique(result.begin(), result.end()), result.end());
  }
}

class JointExploration {
 public:
  JointExploration(const FlowTable& table, const FlockSearch& search,
                   const FlockParameters& parameters)
      : table_(table),
        search_(search),
        parameters_(parameters),
        log_lost_(std::log(parameters.bad_loss / parameters.good_loss)),
        log_passed_(std::log((1 - parameters.bad_loss) / (1 - parameters.good_loss))),
        is_failed_(table.component_count()) {}

  Names run() {
    std::vector<Hypothesis> beam{empty()};
    best_ = {{{}, 0.0}};
    for (double before = -1e300, now = 0; now > before;) {
      before = now;
      beam = next_stage(beam);
      if (beam.empty()) break;
      now = beam.front().log_likelihood;
      for (const Hypothesis& it : beam) best_.emplace_back(it.failed, it.log_likelihood);
    }
    return united();
  }

 private:
  [[nodiscard]] double prior(std::uint32_t component) const {
    return (table_.is_device(component) ? kDevicePriorFactor : 1) * parameters_.log_prior;
  }

  // Of all its paths bad against all good.
  [[nodiscard]] double log_ratio(std::uint32_t flow) const {
    const FlowTable::Flow& it = table_.flows[flow];
    return it.lost * log_lost_ + (it.sent - it.lost) * log_passed_;
  }

  // log(a + b e^ratio), b the share of the flow's paths that hold a failed component.
  [[nodiscard]] double log_value(std::uint32_t flow, std::uint32_t bad_paths) const {
    const std::uint32_t all = table_.flows[flow].paths.count;
    if (bad_paths == 0) return 0;
    const double ratio = log_ratio(flow);
    if (bad_paths == all) return ratio;
    const double share = static_cast<double>(bad_paths) / all;
    const double high = std::max(0.0, ratio);
    return high + std::log((1 - share) * std::exp(-high) + share * std::exp(ratio - high));
  }

  [[nodiscard]] bool is_bad(const FlowTable::Path& path) const {
    const auto all = table_.all_of(path);
    return std::ranges::any_of(all, [&](std::uint32_t it) { return is_failed_[it] != 0; });
  }

  // Adds `sign` times what the flow contributes to each component's gain under is_failed_.
  void contribute(std::uint32_t index, double sign, std::vector<double>& gains) {
    const FlowTable::Flow& flow = table_.flows[index];
    const auto paths = table_.paths_of(flow);
    if (paths.size() == 1) {
      if (is_bad(paths.front())) return;
      for (const std::uint32_t it : table_.all_of(paths.front())) {
        gains[it] += sign * log_ratio(index);
      }
      return;
    }
    std::uint32_t bad = 0;
    crossed_.clear();
    for (const FlowTable::Path& path : paths) {
      if (is_bad(path)) {
        ++bad;
        continue;
      }
      const auto all = table_.all_of(path);
      crossed_.insert(crossed_.end(), all.begin(), all.end());
    }
    std::ranges::sort(crossed_);
    const double now = log_value(index, bad);
    for (std::size_t i = 0; i < crossed_.size();) {
      std::size_t end = i;
      while (end < crossed_.size() && crossed_[end] == crossed_[i]) ++end;
      const auto more = static_cast<std::uint32_t>(end - i);
      gains[crossed_[i]] += sign * (log_value(index, bad + more) - now);
      i = end;
    }
  }

  Hypothesis empty() {
    Hypothesis result{{}, 0, std::vector<double>(table_.component_count())};
    for (std::uint32_t i = 0; i < result.gains.size(); ++i) {
      const FlockSearch::Counts& counts = search_.counts()[i];
      result.gains[i] = prior(i) + counts.lost * log_lost_ + counts.passed * log_passed_;
    }
    for (const std::uint32_t flow : search_.unknown_flows()) contribute(flow, 1, result.gains);
    return result;
  }

  // Joint likelihood exploration: all gains after `component` fails too.
  Hypothesis with(const Hypothesis& base, std::uint32_t component, Failed failed) {
    Hypothesis result{std::move(failed), base.log_likelihood + base.gains[component], base.gains};
    for (const std::uint32_t it : base.failed) is_failed_[it] = 1;
    const auto visit = [&](double sign) {
      for (const std::uint32_t flow : search_.flows_over(component)) {
        contribute(flow, sign, result.gains);
      }
    };
    visit(-1);
    is_failed_[component] = 1;
    visit(1);
    for (const std::uint32_t it : result.failed) is_failed_[it] = 0;
    return result;
  }

  struct Step {
    double log_likelihood = 0;
    std::uint32_t base = 0;
    std::uint32_t component = 0;
  };

  [[nodiscard]] std::vector<Step> best_steps(const std::vector<Hypothesis>& beam) const {
    std::vector<Step> steps;
    std::vector<std::uint32_t> order;
    for (std::uint32_t b = 0; b < beam.size(); ++b) {
      const Hypothesis& base = beam[b];
      order.clear();
      for (std::uint32_t i = 0; i < base.gains.size(); ++i) {
        const bool crossed = !search_.flows_over(i).empty();
        if (crossed && !std::ranges::binary_search(base.failed, i)) order.push_back(i);
      }
      const auto count = std::min<std::size_t>(parameters_.beam, order.size());
      std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count),
                                std::greater<>{}, [&](std::uint32_t i) { return base.gains[i]; });
      for (std::size_t i = 0; i < count; ++i) {
        steps.push_back({base.log_likelihood + base.gains[order[i]], b, order[i]});
      }
    }
    std::ranges::stable_sort(steps, std::greater<>{}, &Step::log_likelihood);
    return steps;
  }

  std::vector<Hypothesis> next_stage(const std::vector<Hypothesis>& beam) {
    std::vector<Hypothesis> result;
    std::set<Failed> seen;
    for (const Step& step : best_steps(beam)) {
      if (result.size() == parameters_.beam) break;
      Failed failed = beam[step.base].failed;
      failed.insert(std::ranges::upper_bound(failed, step.component), step.component);
      if (!seen.insert(failed).second) continue;
      result.push_back(with(beam[step.base], step.component, std::move(failed)));
    }
    return result;
  }

  [[nodiscard]] Names united() const {
    double highest = 0;
    for (const auto& [_, value] : best_) highest = std::max(highest, value);
    std::set<std::uint32_t> all;
    for (const auto& [failed, value] : best_) {
      if (highest - value <= kTie) all.insert(failed.begin(), failed.end());
    }
    Names names;
    for (const std::uint32_t component : all) names.push_back(table_.id(component));
    return names;
  }

  const FlowTable& table_;
  const FlockSearch& search_;
  const FlockParameters& parameters_;
  double log_lost_ = 0;  // what a lost packet says for a failed path
  double log_passed_ = 0;
  std::vector<std::uint8_t> is_failed_;
  std::vector<std::uint32_t> crossed_;  // scratch
  std::vector<std::pair<Failed, double>> best_;
};

}  // namespace

FlockSearch::FlockSearch(const FlowTable& table)
    : table_(table), first_(table.component_count() + 1), counts_(table.component_count()) {
  std::vector<std::uint32_t> over;
  for (const FlowTable::Flow& flow : table.flows) {
    components_of(table, flow, over);
    for (const std::uint32_t component : over) ++first_[component + 1];
  }
  for (std::size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
  flows_over_.resize(first_.back());
  std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
  for (std::uint32_t i = 0; i < table.flows.size(); ++i) {
    const FlowTable::Flow& flow = table.flows[i];
    components_of(table, flow, over);
    for (const std::uint32_t component : over) {
      flows_over_[next[component]++] = i;
      if (flow.paths.count > 1) continue;
      counts_[component].lost += flow.lost;
      counts_[component].passed += flow.sent - flow.lost;
    }
    if (flow.paths.count > 1) unknown_flows_.push_back(i);
  }
}

Names FlockSearch::run(const FlockParameters& parameters) const {
  return JointExploration(table_, *this, parameters).run();
}

Names flock(const localize::ObservationSet& set, const FlockParameters& parameters) {
  return flock(FlowTable(set), parameters);
}

Names flock(const FlowTable& table, const FlockParameters& parameters) {
  return FlockSearch(table).run(parameters);
}

}  // namespace faultline::campaign
