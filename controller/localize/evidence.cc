#include "controller/localize/evidence.h"

#include <algorithm>
#include <cmath>

#include "controller/localize/flow_names.h"

namespace faultline::localize {
namespace {

constexpr double kBadTail = 0.05;
// Flows in a whole network that may look unexplained by chance.
constexpr double kUnexplainedByChance = 0.01;
// Losses that were expected of a flow, and did not come, before that counts as evidence.
constexpr double kDespiteMin = 3;
// A way less likely than this explains nothing.
constexpr double kWayWeightMin = 1e-3;

// P(at least `lost` of `sent`) when each is lost with exponent x; Poisson, as rates here are small.
double tail(double lost, double sent, double x) {
  const double mean = sent * -std::expm1(-x);
  if (lost <= 0) return 1;
  if (mean <= 0) return 0;
  // Above the mean the tail is at most a geometric series from its first term.
  if (lost <= mean) return 1;
  const double log_first = lost * std::log(mean) - mean - std::lgamma(lost + 1);
  return std::min(1.0, std::exp(log_first) / (1 - mean / (lost + 1)));
}

class Counter {
 public:
  Counter(const ObservationSet& set, const Problem& problem, const Selection& selection,
          const std::vector<Finding>& findings)
      : set_(set),
        problem_(problem),
        likelihood_(selection.likelihood()),
        stamps_(findings.size(), 0) {
    by_link_.resize(problem.crossed.size());
    is_suspect_.resize(problem.crossed.size());
    result_.tallies.resize(findings.size());
    for (std::uint32_t i = 0; i < findings.size(); ++i) {
      for (const std::uint32_t link : findings[i].links) {
        by_link_[link].push_back(i);
        is_suspect_[link] = 1;
      }
      const Score& score = selection.chosen()[findings[i].members.front()].score;
      own_.push_back(score.exponents());
    }
  }

  EvidenceCount run() {
    std::uint64_t bad_flows = 0;
    for (std::uint32_t i = 0; i < problem_.flows.size(); ++i) {
      if (matters(problem_.flows[i])) bad_flows += count(i);
    }
    for (Tally& tally : result_.tallies) {
      tally.evidence.bad_flows = bad_flows;
      tally.evidence.good_flows = problem_.flow_count - bad_flows;
    }
    return std::move(result_);
  }

 private:
  // Most flows lost nothing and cross no suspect.
  [[nodiscard]] bool matters(const FlowRecord& flow) const {
    return flow.lost > 0 || std::ranges::any_of(problem_.arms_of(flow.route), [&](const Arm& arm) {
             return std::ranges::any_of(problem_.links_of(arm.path),
                                        [&](std::uint32_t link) { return is_suspect_[link] != 0; });
           });
  }

  bool count(std::uint32_t index) {
    const FlowRecord& flow = problem_.flows[index];
    const auto sent = static_cast<double>(flow.sent);
    const auto lost = static_cast<double>(flow.lost);
    double explained = 0;
    double background_tail = 0;
    crossing_.clear();
    const auto arms = problem_.arms_of(flow.route);
    Exponents all;
    for (const Arm& arm : arms) {
      all = {};
      double background = 0;
      ++stamp_;
      for (const std::uint32_t link : problem_.links_of(arm.path)) {
        all.loss += likelihood_.exponents(link).loss;
        all.dead += likelihood_.exponents(link).dead;
        background += likelihood_.background()[link];
        for (const std::uint32_t finding : by_link_[link]) cross(finding, std::exp(arm.log_weight));
      }
      if (lost == 0 || arm.log_weight < std::log(kWayWeightMin)) continue;
      const bool swallowed = all.dead > 0 && flow.dead > 0;
      const auto dead = swallowed ? static_cast<double>(flow.dead) : 0;
      explained = std::max(explained, tail(lost - dead, sent - dead, all.loss));
      background_tail = std::max(background_tail, tail(lost, sent, background));
    }
    const bool bad = lost > 0 && background_tail < kBadTail;
    const double by_chance = kUnexplainedByChance / static_cast<double>(problem_.flow_count);
    if (bad && explained < by_chance) ++result_.unexplained_bad_flows;
    for (const Crossing& it : crossing_) {
      add(it, index, bad);
      if (arms.size() == 1) add_sized(it, flow, all);
    }
    return bad;
  }

  struct Crossing {
    std::uint32_t finding = 0;
    double weight = 0;  // that it crosses
    double links = 0;   // of the finding, on the last way looked at
  };

  void cross(std::uint32_t finding, double weight) {
    auto it = std::ranges::find(crossing_, finding, &Crossing::finding);
    if (it == crossing_.end()) it = crossing_.insert(it, {finding, 0, 0});
    if (std::exchange(stamps_[finding], stamp_) != stamp_) {
      it->weight += weight;
      it->links = 0;
    }
    it->links += 1;
  }

  void add(const Crossing& crossing, std::uint32_t index, bool bad) {
    const FlowRecord& flow = problem_.flows[index];
    Tally& tally = result_.tallies[crossing.finding];
    if (!bad && crossing.weight < 0.5) return;
    ++(bad ? tally.evidence.bad_flows_crossing : tally.evidence.good_flows_crossing);
    if (bad && crossing_.size() == 1) ++tally.evidence.bad_flows_alone;
    tally.evidence.packets_crossing += flow.sent;
    tally.evidence.lost_crossing += flow.lost;
    const Exponents own = own_[crossing.finding];
    if (own.dead > 0) {
      const bool dead = bad && flow.dead > 0;
      (dead ? tally.dead_flows : tally.alive_flows).push_back(index);
    }
    const double expected = static_cast<double>(flow.sent) * -std::expm1(-own.loss);
    if (flow.lost == 0 && expected >= kDespiteMin) {
      ++tally.clean_despite;
      if (is_better(expected, tally.cleanest_expected, flow, tally.cleanest)) {
        tally.cleanest = index;
        tally.cleanest_expected = expected;
      }
    }
    const bool alone = crossing_.size() == 1 && crossing.weight >= 0.5;
    if (alone && is_better(flow.sent, tally.own_packets, flow, tally.own_flow)) {
      tally.own_flow = index;
      tally.own_packets = flow.sent;
    }
  }

  // Among equals the first by name.
  template <typename Value>
  [[nodiscard]] bool is_better(Value value, Value best, const FlowRecord& flow,
                               std::optional<std::uint32_t> known) const {
    return value > best ||
           (known && value == best && named_before(set_, flow, problem_.flows[*known]));
  }

  // `all` are the exponents of the flow's only way. Kept for the classes of size and DSCP.
  void add_sized(const Crossing& crossing, const FlowRecord& flow, const Exponents& all) {
    const Exponents own = own_[crossing.finding];
    Tally& tally = result_.tallies[crossing.finding];
    const auto keep = [&](const SizedFlow& it) {
      if (flow.size != 0) tally.sized_flows.push_back(it);
      if (flow.dscp >= 0) tally.classed_flows.push_back({flow.dscp, it});
    };
    const double dead_elsewhere = std::max(0.0, all.dead - crossing.links * own.dead);
    if (own.dead > 0) {
      keep({flow.size, crossing.links, dead_elsewhere, flow.dead > 0});
      return;
    }
    if (all.dead > 0 && flow.dead > 0) return;  // swallowed, which tells nothing of random loss
    const auto sent = static_cast<double>(flow.sent);
    const double elsewhere = std::max(0.0, all.loss - crossing.links * own.loss);
    keep({flow.size, sent * crossing.links, sent * elsewhere, flow.lost > 0});
  }

  const ObservationSet& set_;
  const Problem& problem_;
  const Likelihood& likelihood_;
  std::vector<std::vector<std::uint32_t>> by_link_;
  std::vector<std::uint8_t> is_suspect_;  // by link
  std::vector<Exponents> own_;            // by finding
  std::vector<std::uint64_t> stamps_;
  std::uint64_t stamp_ = 0;
  std::vector<Crossing> crossing_;
  EvidenceCount result_;
};

}  // namespace

EvidenceCount count_evidence(const ObservationSet& set, const Problem& problem,
                             const Selection& selection, const std::vector<Finding>& findings) {
  return Counter(set, problem, selection, findings).run();
}

}  // namespace faultline::localize
