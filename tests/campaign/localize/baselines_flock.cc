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

class JointExploration {
 public:
  JointExploration(const FlowTable& table, const FlockParameters& parameters)
      : table_(table), parameters_(parameters), is_failed_(table.component_count()) {
    for (const FlowTable::Flow& flow : table.flows) {
      const double worse = std::log(parameters.bad_loss / parameters.good_loss);
      const double less = std::log((1 - parameters.bad_loss) / (1 - parameters.good_loss));
      log_ratio_.push_back(flow.lost * worse + (flow.sent - flow.lost) * less);
    }
    index_flows();
  }

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
  // Components of the flow, each once.
  void components_of(const FlowTable::Flow& flow, std::vector<std::uint32_t>& result) const {
    result.clear();
    for (const FlowTable::Path& path : table_.paths_of(flow)) {
      const auto all = table_.all_of(path);
      result.insert(result.end(), all.begin(), all.end());
    }
    if (flow.paths.count > 1) {
      std::ranges::sort(result);
      result.erase(std::unique(result.begin(), result.end()), result.end());
    }
  }

  void index_flows() {
    first_.assign(table_.component_count() + 1, 0);
    std::vector<std::uint32_t> over;
    for (const FlowTable::Flow& flow : table_.flows) {
      components_of(flow, over);
      for (const std::uint32_t component : over) ++first_[component + 1];
    }
    for (std::size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
    flows_over_.resize(first_.back());
    std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
    for (std::uint32_t i = 0; i < table_.flows.size(); ++i) {
      components_of(table_.flows[i], over);
      for (const std::uint32_t component : over) flows_over_[next[component]++] = i;
    }
  }

  [[nodiscard]] double prior(std::uint32_t component) const {
    return (table_.is_device(component) ? kDevicePriorFactor : 1) * parameters_.log_prior;
  }

  // log(a + b e^ratio), b the share of the flow's paths that hold a failed component.
  [[nodiscard]] double log_value(std::uint32_t flow, std::uint32_t bad_paths) const {
    const std::uint32_t all = table_.flows[flow].paths.count;
    if (bad_paths == 0) return 0;
    const double ratio = log_ratio_[flow];
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
        gains[it] += sign * log_ratio_[index];
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
    for (std::uint32_t i = 0; i < table_.flows.size(); ++i) contribute(i, 1, result.gains);
    for (std::uint32_t i = 0; i < result.gains.size(); ++i) result.gains[i] += prior(i);
    return result;
  }

  // Joint likelihood exploration: all gains after `component` fails too.
  Hypothesis with(const Hypothesis& base, std::uint32_t component, Failed failed) {
    Hypothesis result{std::move(failed), base.log_likelihood + base.gains[component], base.gains};
    for (const std::uint32_t it : base.failed) is_failed_[it] = 1;
    const auto visit = [&](double sign) {
      for (std::uint32_t i = first_[component]; i < first_[component + 1]; ++i) {
        contribute(flows_over_[i], sign, result.gains);
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
        const bool crossed = first_[i + 1] > first_[i];
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
  const FlockParameters& parameters_;
  std::vector<double> log_ratio_;  // by flow: of all its paths bad against all good
  std::vector<std::uint32_t> first_;
  std::vector<std::uint32_t> flows_over_;
  std::vector<std::uint8_t> is_failed_;
  std::vector<std::uint32_t> crossed_;  // scratch
  std::vector<std::pair<Failed, double>> best_;
};

}  // namespace

Names flock(const localize::ObservationSet& set, const FlockParameters& parameters) {
  return flock(FlowTable(set), parameters);
}

Names flock(const FlowTable& table, const FlockParameters& parameters) {
  return JointExploration(table, parameters).run();
}

}  // namespace faultline::campaign
