#include "controller/localize/delay_search.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace faultline::localize {
namespace {

// How often a flow is slow for no reason: at least, and at most, this is believed.
constexpr double kChanceMin = 1e-3;
constexpr double kChanceMax = 2e-2;
constexpr std::uint32_t kSlowFlowsMin = 3;
constexpr double kPenaltyMin = 6;
constexpr double kPenaltyCable = 1.0;
constexpr double kPenaltyDevice = 0.5;
constexpr double kLogRivalMax = 8;

struct Count {
  std::uint32_t slow = 0;
  std::uint32_t all = 0;
};

double log_bayes(Count count, double chance) {
  const double k = count.slow;
  const double rest = count.all - count.slow;
  return std::lgamma(k + 1) + std::lgamma(rest + 1) - std::lgamma(k + rest + 2) -
         k * std::log(chance) - rest * std::log1p(-chance);
}

class Search {
 public:
  Search(const ObservationSet& set, const DelayFlows& flows, const DelayFit& fit,
         const ComponentTable& components)
      : set_(set),
        flows_(flows),
        fit_(fit),
        components_(components),
        stamps_(components.size()),
        counts_(components.size()) {
    result_.threshold_us = std::max(kSlowMinUs, kSlowSigmas * fit.sigma);
    penalty_ = std::max(kPenaltyMin, std::log(std::max(1U, components.directed_links())) - 1);
  }

  SlowSearch run() {
    count();
    if (slow_.size() < kSlowFlowsMin) return std::move(result_);
    chance_ =
        std::clamp(static_cast<double>(result_.slow_flows) / static_cast<double>(result_.flows),
                   kChanceMin, kChanceMax);
    index();
    while (result_.found.size() < kSlowComponentsMax && choose()) {
    }
    return std::move(result_);
  }

 private:
  struct Slow {
    std::uint32_t flow = 0;
    std::uint32_t first = 0;  // into over_
    std::uint32_t count = 0;
    bool explained = false;
  };

  template <typename Visitor>
  void visit_components(const DelayFlow& flow, Visitor visit) {
    ++stamp_;
    DelayFlows::visit_links(set_, flow, [&](std::uint32_t link) {
      for (const std::uint32_t component : components_.over_link(link)) {
        if (std::exchange(stamps_[component], stamp_) != stamp_) visit(component);
      }
    });
  }

  // Flows with these devices next to their ends are alike but for the way between.
  [[nodiscard]] std::uint64_t edges_of(const DelayFlow& flow) const {
    const auto links = set_.at(flow.forward);
    return (std::uint64_t{set_.at(links.front()).to.value()} << 32) |
           set_.at(links.back()).from.value();
  }

  void count() {
    for (std::uint32_t i = 0; i < flows_.flows.size(); ++i) {
      const float residual = fit_.residual[i];
      if (!std::isfinite(residual)) continue;
      ++result_.flows;
      if (residual <= result_.threshold_us) continue;
      ++result_.slow_flows;
      const DelayFlow& flow = flows_.flows[i];
      Slow record{i, static_cast<std::uint32_t>(over_.size()), 0, false};
      visit_components(flow, [&](std::uint32_t component) {
        ++counts_[component].slow;
        over_.push_back(component);
      });
      record.count = static_cast<std::uint32_t>(over_.size()) - record.first;
      slow_.push_back(record);
      clean_by_edges_.try_emplace(edges_of(flow), 0);
    }
    if (slow_.size() >= kSlowFlowsMin) count_all();
  }

  // Of the components that could be chosen, how many flows cross them; of edges with slow flows,
  // how many that are not.
  void count_all() {
    std::vector<std::vector<std::uint32_t>> wanted(set_.links().size());
    for (std::uint32_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i].slow < kSlowFlowsMin) continue;
      for (const std::uint32_t link : components_.links_of(i)) wanted[link].push_back(i);
    }
    for (std::uint32_t i = 0; i < flows_.flows.size(); ++i) {
      const float residual = fit_.residual[i];
      if (!std::isfinite(residual)) continue;
      const DelayFlow& flow = flows_.flows[i];
      ++stamp_;
      DelayFlows::visit_links(set_, flow, [&](std::uint32_t link) {
        for (const std::uint32_t component : wanted[link]) {
          if (std::exchange(stamps_[component], stamp_) != stamp_) ++counts_[component].all;
        }
      });
      if (residual > result_.threshold_us) continue;
      const auto edges = clean_by_edges_.find(edges_of(flow));
      if (edges != clean_by_edges_.end()) ++edges->second;
    }
  }

  void index() {
    first_.resize(components_.size() + 1);
    for (const std::uint32_t component : over_) ++first_[component + 1];
    for (std::size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
    crossing_.resize(over_.size());
    std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
    for (std::uint32_t i = 0; i < slow_.size(); ++i) {
      for (const std::uint32_t component : over_of(slow_[i])) crossing_[next[component]++] = i;
    }
  }

  [[nodiscard]] std::span<const std::uint32_t> over_of(const Slow& record) const {
    return {over_.data() + record.first, record.count};
  }
  [[nodiscard]] std::span<const std::uint32_t> crossing(std::uint32_t component) const {
    return {crossing_.data() + first_[component], first_[component + 1] - first_[component]};
  }

  [[nodiscard]] double log_prior(std::uint32_t component) const {
    switch (components_.at(component).names.front().kind) {
      case SuspectKind::kLink:
        return -penalty_;
      case SuspectKind::kCable:
        return -penalty_ - kPenaltyCable;
      default:
        return -penalty_ - kPenaltyDevice;
    }
  }

  [[nodiscard]] double total(std::uint32_t component) const {
    const Count count = counts_[component];
    if (count.slow < kSlowFlowsMin) return -1e9;
    const bool many = components_.links_of(component).size() > 1;
    if (count.slow < (many ? kSlowShareOfManyMin : kSlowShareMin) * count.all) return -1e9;
    return log_bayes(count, chance_) + log_prior(component);
  }

  bool choose() {
    SlowComponent best;
    for (std::uint32_t i = 0; i < components_.size(); ++i) {
      const double value = total(i);
      if (value > best.total) best = {.component = i, .total = value, .rivals = {}};
    }
    if (best.total <= 0) return false;
    describe(best);
    explain(best.component);
    result_.found.push_back(std::move(best));
    return true;
  }

  void describe(SlowComponent& best) {
    best.slow_crossing = counts_[best.component].slow;
    best.crossing = counts_[best.component].all;
    std::vector<float> residuals;
    std::vector<std::uint32_t> rivals;
    double with_peers = 0;
    for (const std::uint32_t i : crossing(best.component)) {
      const Slow& record = slow_[i];
      if (record.explained) continue;
      residuals.push_back(fit_.residual[record.flow]);
      with_peers += clean_by_edges_.at(edges_of(flows_.flows[record.flow])) > 0 ? 1 : 0;
      const auto over = over_of(record);
      rivals.insert(rivals.end(), over.begin(), over.end());
    }
    best.peers = with_peers / static_cast<double>(residuals.size());
    best.excess_us = quantile_of(residuals, 0.5);
    std::ranges::sort(rivals);
    rivals.erase(std::unique(rivals.begin(), rivals.end()), rivals.end());
    for (const std::uint32_t rival : rivals) {
      const double against = best.total - total(rival);
      if (rival != best.component && against < kLogRivalMax) {
        best.rivals.emplace_back(rival, against);
      }
    }
    std::ranges::sort(best.rivals, [](const auto& a, const auto& b) {
      return a.second != b.second ? a.second < b.second : a.first < b.first;
    });
  }

  void explain(std::uint32_t component) {
    for (const std::uint32_t i : crossing(component)) {
      Slow& record = slow_[i];
      if (std::exchange(record.explained, true)) continue;
      for (const std::uint32_t over : over_of(record)) {
        --counts_[over].slow;
        if (counts_[over].all > 0) --counts_[over].all;  // others were never counted
      }
    }
  }

  const ObservationSet& set_;
  const DelayFlows& flows_;
  const DelayFit& fit_;
  const ComponentTable& components_;
  double penalty_ = 0;
  double chance_ = kChanceMin;
  std::vector<std::uint32_t> stamps_;
  std::uint32_t stamp_ = 0;
  std::vector<Count> counts_;
  std::vector<Slow> slow_;
  std::vector<std::uint32_t> over_;      // components of the slow flows
  std::vector<std::uint32_t> first_;     // by component, into crossing_
  std::vector<std::uint32_t> crossing_;  // slow flows
  std::unordered_map<std::uint64_t, std::uint32_t> clean_by_edges_;
  SlowSearch result_;
};

}  // namespace

SlowSearch find_slow(const ObservationSet& set, const DelayFlows& flows, const DelayFit& fit,
                     const ComponentTable& components) {
  return Search(set, flows, fit, components).run();
}

bool crosses(const ObservationSet& set, const DelayFlow& flow,
             std::span<const std::uint32_t> links) {
  bool result = false;
  DelayFlows::visit_links(set, flow, [&](std::uint32_t link) {
    result = result || std::ranges::binary_search(links, link);
  });
  return result;
}

}  // namespace faultline::localize
