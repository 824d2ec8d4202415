#include "controller/localize/suspects.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "controller/localize/slices.h"

namespace faultline::localize {
namespace {

// Above this share lost, everything is lost: the rest is what still was in flight.
constexpr double kDownMin = 0.95;
constexpr double kSickMin = 0.5;
constexpr double kLogSplitOdds = 2.995732273553991;  // log 20
constexpr std::size_t kAlternativesMax = 3;
constexpr double kLogAlternativeMax = 7;  // odds beyond 1000 : 1 are not worth naming
constexpr double kQuantile975 = 1.96;

double lost_share(double exponent) { return -std::expm1(-exponent); }

bool is_link(SuspectKind kind) { return kind <= SuspectKind::kCable; }

class Maker {
 public:
  Maker(const ObservationSet& set, const OnsetFinder& onsets, const Problem& problem,
        const ComponentTable& components, Selection& selection, const Finding& finding,
        const Tally& tally)
      : set_(set),
        onsets_(onsets),
        problem_(problem),
        components_(components),
        selection_(selection),
        finding_(finding),
        tally_(tally),
        lead_(finding.members.front()),
        choice_(selection.chosen()[lead_]) {}

  Suspect make() {
    suspect_.evidence = tally_.evidence;
    rate();
    classify();
    name();
    judge();
    counter();
    return std::move(suspect_);
  }

 private:
  // The leading member stands for a device of parts; its interval spans all of them.
  void rate() {
    Score score = choice_.score;
    double low = score.exponent * std::exp(-kQuantile975 * score.log_width);
    double high = score.exponent * std::exp(kQuantile975 * score.log_width);
    if (finding_.of_parts) {
      std::vector<double> exponents;
      for (const std::size_t member : finding_.members) {
        const Score& part = selection_.chosen()[member].score;
        exponents.push_back(part.exponent);
        low = std::min(low, part.exponent * std::exp(-kQuantile975 * part.log_width));
        high = std::max(high, part.exponent * std::exp(kQuantile975 * part.log_width));
      }
      std::ranges::sort(exponents);
      score.exponent = exponents[exponents.size() / 2];
    }
    const auto onset =
        onsets_.find(selection_.likelihood(), finding_.links, choice_.score.exponents());
    double ratio = 1;
    if (onset) {
      suspect_.since_s = onset->since_s;
      // The share of flows that a black hole swallows does not depend on when it began.
      if (score.mode == FaultMode::kLoss) ratio = onset->rate_ratio;
    }
    suspect_.loss = std::min(1.0, ratio * lost_share(score.exponent));
    suspect_.loss_low = std::min(1.0, ratio * lost_share(low));
    suspect_.loss_high = std::min(1.0, ratio * lost_share(high));
  }

  void classify() {
    const bool dead = choice_.score.mode == FaultMode::kDead;
    if (selection_.sickness(choice_.component) >= kSickMin) {
      suspect_.fault_class = FaultClass::kSickHost;
    } else if (suspect_.loss >= kDownMin) {
      suspect_.fault_class = FaultClass::kDown;
    } else if (dead) {
      Slice slice = name_slice(set_, problem_, tally_.dead_flows, tally_.alive_flows);
      suspect_.fault_class = slice.mtu ? FaultClass::kMtu : FaultClass::kBlackhole;
      suspect_.slice = std::move(slice.text);
      suspect_.mtu = slice.mtu;
    }
  }

  // A host that still reports is not dead, so it is its cable that is down.
  [[nodiscard]] bool reports(std::uint32_t device) const {
    return std::ranges::any_of(problem_.flows,
                               [&](const FlowRecord& flow) { return flow.src.value() == device; });
  }

  void name() {
    std::vector<ComponentName> names = components_.at(finding_.component).names;
    const bool down = suspect_.fault_class == FaultClass::kDown;
    if (down && names.front().kind == SuspectKind::kHost && reports(names.front().index)) {
      std::ranges::stable_partition(names,
                                    [](const ComponentName& it) { return is_link(it.kind); });
    }
    suspect_.kind = names.front().kind;
    suspect_.id = components_.id(names.front());
    if (is_link(suspect_.kind)) {
      const Link& link = set_.links()[names.front().index];
      suspect_.from = set_.at(link.from).id;
      suspect_.to = set_.at(link.to).id;
    }
    for (std::size_t i = 1; i < names.size(); ++i) {
      suspect_.ambiguous_with.push_back(components_.id(names[i]));
    }
  }

  void judge() {
    if (finding_.of_parts) {
      suspect_.posterior = 1 / (1 + std::exp(-finding_.log_odds_as_links));
      add_alternative(SuspectKind::kLink, joined(finding_.members), finding_.log_odds_as_links);
      return;
    }
    const std::vector<Choice> ranked = selection_.alternatives(lead_);
    const double best = choice_.total;
    double group = 0;
    double all = 0;
    for (const Choice& rival : ranked) {
      const double weight = std::exp(std::min(rival.total - best, 20.0));
      all += weight;
      const bool itself = rival.component == choice_.component;
      const double log_odds = best - rival.total;
      if (itself || log_odds < std::log(kAmbiguousOdds)) {
        group += weight;
        if (!itself) add_group_member(rival.component);
      } else if (suspect_.alternatives.size() < kAlternativesMax && log_odds < kLogAlternativeMax) {
        const ComponentName& name = components_.at(rival.component).names.front();
        add_alternative(name.kind, components_.id(name), log_odds);
      }
    }
    suspect_.posterior = group / (all + std::exp(-best));
    if (!suspect_.ambiguous_with.empty()) suspect_.packets_to_split = packets_to_split();
    if (!is_link(suspect_.kind)) compare_with_links();
  }

  void add_group_member(std::uint32_t component) {
    for (const ComponentName& name : components_.at(component).names) {
      suspect_.ambiguous_with.push_back(components_.id(name));
    }
  }

  void add_alternative(SuspectKind kind, std::string id, double log_odds) {
    suspect_.alternatives.push_back({kind, std::move(id), std::exp(std::min(log_odds, 100.0))});
  }

  [[nodiscard]] std::string joined(const std::vector<std::size_t>& members) const {
    std::string text;
    for (const std::size_t member : members) {
      if (!text.empty()) text += " + ";
      text += components_.id(selection_.chosen()[member].component);
    }
    return text;
  }

  void compare_with_links() {
    const auto [links, total] = selection_.as_links(lead_);
    if (links.size() < 2) return;
    std::string text;
    for (const std::uint32_t link : links) {
      if (!text.empty()) text += " + ";
      text += components_.id(link);
    }
    add_alternative(SuspectKind::kLink, std::move(text), choice_.total - total);
  }

  // Each packet across this one alone is worth the divergence between its rate and the
  // background's.
  [[nodiscard]] std::uint64_t packets_to_split() const {
    const double q = std::clamp(suspect_.loss, 1e-6, 1 - 1e-6);
    const auto& background = selection_.likelihood().background();
    const double b = std::max(1e-6, 4 * background[finding_.links.front()]);
    if (q <= b) return 1'000'000;
    const double divergence = q * std::log(q / b) + (1 - q) * std::log((1 - q) / (1 - b));
    return static_cast<std::uint64_t>(std::ceil(std::max(3.0, kLogSplitOdds / divergence)));
  }

  void counter() {
    if (tally_.clean_despite > 0) {
      suspect_.counter_evidence.push_back(
          std::to_string(tally_.clean_despite) +
          " flows cross it and lost nothing where three lost packets "
          "or more were expected");
    }
    if (finding_.of_parts) {
      const std::size_t all = components_.links_of(finding_.component).size();
      suspect_.counter_evidence.push_back(std::to_string(all - finding_.links.size()) + " of its " +
                                          std::to_string(all) + " links look healthy");
    }
  }

  const ObservationSet& set_;
  const OnsetFinder& onsets_;
  const Problem& problem_;
  const ComponentTable& components_;
  Selection& selection_;
  const Finding& finding_;
  const Tally& tally_;
  std::size_t lead_;
  Choice choice_;
  Suspect suspect_;
};

}  // namespace

Suspect make_suspect(const ObservationSet& set, const OnsetFinder& onsets, const Problem& problem,
                     const ComponentTable& components, Selection& selection, const Finding& finding,
                     const Tally& tally) {
  return Maker(set, onsets, problem, components, selection, finding, tally).make();
}

}  // namespace faultline::localize
