#include "controller/localize/evidence.h"

#include <algorithm>
#include <cmath>

namespace faultline::localize {
namespace {

constexpr double kBadTail = 0.05;
// Flows in a whole network that may look unexplained by chance.
constexpr double kUnexplainedByChance = 0.01;
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
  Counter(const Problem& problem, const Selection& selection, const std::vector<Finding>& findings)
      : problem_(problem), likelihood_(selection.likelihood()), stamps_(findings.size(), 0) {
    by_link_.resize(problem.crossed.size());
    result_.tallies.resize(findings.size());
    for (std::uint32_t i = 0; i < findings.size(); ++i) {
      for (const std::uint32_t link : findings[i].links) by_link_[link].push_back(i);
      const Score& score = selection.chosen()[findings[i].members.front()].score;
      keeps_flows_.push_back(score.mode == FaultMode::kDead);
      exponent_.push_back(score.exponent);
    }
  }

  EvidenceCount run() {
    std::uint64_t bad_flows = 0;
    for (std::uint32_t i = 0; i < problem_.flows.size(); ++i) bad_flows += count(i);
    for (Tally& tally : result_.tallies) {
      tally.evidence.bad_flows = bad_flows;
      tally.evidence.good_flows = problem_.flows.size() - bad_flows;
    }
    return std::move(result_);
  }

 private:
  bool count(std::uint32_t index) {
    const FlowRecord& flow = problem_.flows[index];
    const auto sent = static_cast<double>(flow.sent);
    const auto lost = static_cast<double>(flow.lost);
    double explained = 0;
    double background_tail = 0;
    crossing_.clear();
    for (const Arm& arm : problem_.arms_of(flow.route)) {
      Exponents all;
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
    const double by_chance = kUnexplainedByChance / static_cast<double>(problem_.flows.size());
    if (bad && explained < by_chance) ++result_.unexplained_bad_flows;
    for (const auto& [finding, weight] : crossing_) add(finding, weight, index, bad);
    return bad;
  }

  void cross(std::uint32_t finding, double weight) {
    if (std::exchange(stamps_[finding], stamp_) == stamp_) return;
    const auto it = std::ranges::find(crossing_, finding, &Crossing::first);
    if (it == crossing_.end()) {
      crossing_.emplace_back(finding, weight);
    } else {
      it->second += weight;
    }
  }

  void add(std::uint32_t finding, double weight, std::uint32_t index, bool bad) {
    const FlowRecord& flow = problem_.flows[index];
    Tally& tally = result_.tallies[finding];
    if (!bad && weight < 0.5) return;
    ++(bad ? tally.evidence.bad_flows_crossing : tally.evidence.good_flows_crossing);
    tally.evidence.packets_crossing += flow.sent;
    tally.evidence.lost_crossing += flow.lost;
    const bool dead = bad && flow.dead > 0;
    if (keeps_flows_[finding]) (dead ? tally.dead_flows : tally.alive_flows).push_back(index);
    const bool despite = static_cast<double>(flow.sent) * exponent_[finding] >= 3;
    if (!keeps_flows_[finding] && flow.lost == 0 && despite) ++tally.clean_despite;
  }

  using Crossing = std::pair<std::uint32_t, double>;

  const Problem& problem_;
  const Likelihood& likelihood_;
  std::vector<std::vector<std::uint32_t>> by_link_;
  std::vector<bool> keeps_flows_;
  std::vector<double> exponent_;
  std::vector<std::uint64_t> stamps_;
  std::uint64_t stamp_ = 0;
  std::vector<Crossing> crossing_;
  EvidenceCount result_;
};

}  // namespace

EvidenceCount count_evidence(const Problem& problem, const Selection& selection,
                             const std::vector<Finding>& findings) {
  return Counter(problem, selection, findings).run();
}

}  // namespace faultline::localize
