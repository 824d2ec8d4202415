#include "controller/plan/selection.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "controller/plan/footprints.h"
#include "controller/plan/mix.h"
#include "controller/plan/separation.h"

namespace faultline::plan {
namespace {

// Of a masked link, how many flows that would unmask it are compared.
constexpr std::size_t kUnmaskersCompared = 32;

// What the budgets have left.
class Budgets {
 public:
  Budgets(const FlowRoutes& routes, const SelectionConfig& config)
      : routes_(routes), config_(config), on_link_(routes.links(), 0) {}

  [[nodiscard]] bool allow(FlowNumber flow) const {
    const auto& ends = routes_.ends(flow);
    return count(sent_, ends.source) < config_.flows_per_node_max &&
           count(answered_, ends.target) < config_.flows_per_node_max &&
           std::ranges::all_of(routes_.crossings(flow), [&](const Crossing& crossing) {
             return on_link_[crossing.link] < config_.flows_per_link_max;
           });
  }
  void take(FlowNumber flow) {
    ++sent_[routes_.ends(flow).source];
    ++answered_[routes_.ends(flow).target];
    for (const auto& crossing : routes_.crossings(flow)) ++on_link_[crossing.link];
  }
  void give_back(FlowNumber flow) {
    --sent_[routes_.ends(flow).source];
    --answered_[routes_.ends(flow).target];
    for (const auto& crossing : routes_.crossings(flow)) --on_link_[crossing.link];
  }

 private:
  using Counts = std::unordered_map<std::uint32_t, std::uint32_t>;
  static std::uint32_t count(const Counts& counts, std::uint32_t node) {
    const auto at = counts.find(node);
    return at == counts.end() ? 0 : at->second;
  }

  const FlowRoutes& routes_;
  const SelectionConfig& config_;
  Counts sent_;
  Counts answered_;
  std::vector<std::uint32_t> on_link_;
};

class Selector {
 public:
  Selector(const FlowRoutes& routes, const SelectionConfig& config)
      : routes_(routes),
        config_(config),
        budgets_(routes, config),
        separation_(routes.links()),
        footprints_(routes),
        chosen_(routes.size(), false),
        pinned_(routes.size(), false) {}

  Selection run(const StandingFlows& standing) {
    const auto in_force = standing.in_force;
    for (const auto flow : standing.pinned) {
      take(flow);
      pinned_[flow] = true;
    }
    for (const auto flow : in_force) {
      if (!chosen_[flow] && budgets_.allow(flow)) take(flow);
    }
    order_candidates();
    separate();
    if (config_.host_pairs_min > 1) add_host_pairs();
    if (config_.unmask) unmask();
    prune(in_force);
    return result(in_force);
  }

 private:
  struct LinkState {
    std::uint32_t pairs = 0;
    bool masked = false;
  };

  void take(FlowNumber flow) {
    chosen_[flow] = true;
    taken_.push_back(flow);
    budgets_.take(flow);
    separation_.add(routes_.crossings(flow));
    footprints_.add(flow);
  }

  bool take_if_allowed(FlowNumber flow) {
    if (!budgets_.allow(flow)) {
      budget_met_ = true;
      return false;
    }
    take(flow);
    return true;
  }

  // By a hash of the ends, so that no node or rack is always first, and none changes its place when
  // others come and go.
  void order_candidates() {
    std::vector<std::pair<std::uint64_t, FlowNumber>> keyed;
    std::uint32_t longest = 0;
    for (FlowNumber flow = 0; flow < routes_.size(); ++flow) {
      longest = std::max(longest, static_cast<std::uint32_t>(routes_.crossings(flow).size()));
      if (chosen_[flow]) continue;
      const auto& ends = routes_.ends(flow);
      keyed.emplace_back(mix(mix(ends.source) + ends.target), flow);
    }
    std::ranges::sort(keyed);
    for (const auto& [key, flow] : keyed) order_.push_back(flow);
    crossings_most_ = longest;
  }

  struct Gain {
    std::uint32_t now = 0;
    std::uint32_t most = 0;  // in all rounds to come
  };

  // Rounds of falling gain. Flows whose gain can no longer be what is wanted are not looked at, by
  // far the most in late rounds.
  template <typename GainOf>
  void in_rounds(std::uint32_t gain_most, GainOf gain_of) {
    std::vector<std::uint32_t> most(order_.size(), gain_most);  // as order_: read in one sweep
    for (auto wanted = gain_most; wanted > 0; --wanted) {
      for (std::size_t i = 0; i < order_.size(); ++i) {
        if (most[i] < wanted || chosen_[order_[i]]) continue;
        const Gain gain = gain_of(order_[i]);
        most[i] = gain.most;
        if (gain.now >= wanted) take_if_allowed(order_[i]);
      }
    }
  }

  // At most all links are new, in two new classes.
  void separate() {
    in_rounds(crossings_most_ + 2, [&](FlowNumber flow) {
      if (separation_.classes() == routes_.links()) return Gain{};
      const auto crossings = routes_.crossings(flow);
      return Gain{.now = separation_.gain(crossings), .most = separation_.gain_most(crossings)};
    });
  }

  void add_host_pairs() {
    const auto wanted = config_.host_pairs_min;
    std::vector<bool> enough(routes_.links());
    for (LinkNumber link = 0; link < routes_.links(); ++link) {
      enough[link] = footprints_.host_pairs(link, wanted) >= wanted;
    }
    in_rounds(crossings_most_, [&](FlowNumber flow) {
      const auto pair = routes_.ends(flow).pair();
      std::uint32_t gained = 0;
      for (const auto& crossing : routes_.crossings(flow)) {
        if (enough[crossing.link]) continue;
        if (footprints_.host_pairs(crossing.link, wanted) >= wanted) {
          enough[crossing.link] = true;
        } else if (!footprints_.has_pair(crossing.link, pair)) {
          ++gained;
        }
      }
      return Gain{.now = gained, .most = gained};  // what has enough, and who was there, remains
    });
  }

  // The candidates that cross each link, in their order.
  void index_candidates() {
    by_link_.resize(routes_.links());
    for (const auto flow : order_) {
      for (const auto& crossing : routes_.crossings(flow)) by_link_[crossing.link].push_back(flow);
    }
  }

  void unmask() {
    std::vector<bool> masked(routes_.links());
    for (LinkNumber link = 0; link < routes_.links(); ++link) {
      masked[link] = footprints_.maskers(link).has_value();
    }
    index_candidates();
    for (LinkNumber link = 0; link < routes_.links(); ++link) {
      while (masked[link]) {
        const auto maskers = footprints_.maskers(link);
        masked[link] = maskers.has_value();
        if (maskers && !take_unmasker(link, *maskers, masked)) break;
      }
    }
  }

  // Of the flows that unmask this link, one that crosses most other masked ones.
  bool take_unmasker(LinkNumber link, const Footprints::Maskers& maskers,
                     const std::vector<bool>& masked) {
    std::optional<FlowNumber> best;
    std::ptrdiff_t best_gain = -1;
    std::size_t compared = 0;
    for (const auto flow : by_link_[link]) {
      if (chosen_[flow] || !footprints_.unmasks(flow, link, maskers)) continue;
      if (!budgets_.allow(flow)) {
        budget_met_ = true;
        continue;
      }
      const auto gain = std::ranges::count_if(
          routes_.crossings(flow), [&](const Crossing& crossing) { return masked[crossing.link]; });
      if (gain > best_gain) std::tie(best, best_gain) = std::pair(flow, gain);
      if (++compared == kUnmaskersCompared) break;
    }
    if (best) take(*best);
    return best.has_value();
  }

  // Whether all goals that hold with the flow hold without it; if so, it is gone.
  bool drop(FlowNumber flow) {
    std::vector<LinkState> before;
    for (const auto& crossing : routes_.crossings(flow)) before.push_back(state_of(crossing.link));
    const auto covered = footprints_.covered();
    const auto distinct = footprints_.distinct();
    footprints_.remove(flow);
    bool same = footprints_.covered() == covered && footprints_.distinct() >= distinct;
    std::size_t i = 0;
    for (const auto& crossing : routes_.crossings(flow)) {
      if (!same) break;
      const auto now = state_of(crossing.link);
      same = now.pairs >= before[i].pairs && (before[i].masked || !now.masked);
      ++i;
    }
    if (!same) {
      footprints_.add(flow);
      return false;
    }
    budgets_.give_back(flow);
    chosen_[flow] = false;
    return true;
  }

  [[nodiscard]] LinkState state_of(LinkNumber link) const {
    return {footprints_.host_pairs(link, config_.host_pairs_min),
            config_.unmask && footprints_.maskers(link).has_value()};
  }

  // Youngest first: the first ones did most.
  std::vector<FlowNumber> drop_superfluous(const std::vector<bool>& of) {
    std::vector<FlowNumber> dropped;
    for (auto at = taken_.rbegin(); at != taken_.rend(); ++at) {
      if (of[*at] && !pinned_[*at] && chosen_[*at] && drop(*at)) dropped.push_back(*at);
    }
    return dropped;
  }

  void prune(std::span<const FlowNumber> in_force) {
    std::vector<bool> old(routes_.size(), false);
    for (const auto flow : in_force) old[flow] = true;
    auto fresh = old;
    fresh.flip();
    drop_superfluous(fresh);
    const auto dropped = drop_superfluous(old);
    const auto few = config_.superfluous_share_max * static_cast<double>(in_force.size());
    if (static_cast<double>(dropped.size()) > few) return;
    for (const auto flow : dropped) {
      chosen_[flow] = true;
      budgets_.take(flow);
      footprints_.add(flow);
    }
  }

  Selection result(std::span<const FlowNumber> in_force) const {
    Selection selection{.budget_met = budget_met_};
    for (FlowNumber flow = 0; flow < routes_.size(); ++flow) {
      if (chosen_[flow]) selection.flows.push_back(flow);
    }
    for (const auto flow : in_force) ++(chosen_[flow] ? selection.kept : selection.dropped);
    return selection;
  }

  const FlowRoutes& routes_;
  const SelectionConfig& config_;
  Budgets budgets_;
  Separation separation_;
  Footprints footprints_;
  std::vector<bool> chosen_;
  std::vector<bool> pinned_;
  std::vector<FlowNumber> taken_;  // in the order of taking
  std::vector<FlowNumber> order_;
  std::uint32_t crossings_most_ = 0;
  std::vector<std::vector<FlowNumber>> by_link_;
  bool budget_met_ = false;
};

}  // namespace

Selection select_flows(const FlowRoutes& candidates, const StandingFlows& standing,
                       const SelectionConfig& config) {
  return Selector(candidates, config).run(standing);
}

double flows_lower_bound(std::uint32_t links, std::uint32_t row_links_max) {
  return static_cast<double>(links) / (static_cast<double>(row_links_max) + 1.0);
}

}  // namespace faultline::plan
