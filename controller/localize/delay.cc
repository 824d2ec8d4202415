#include "controller/localize/delay.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "controller/localize/congestion.h"

namespace faultline::localize {
namespace {

// Fewer flows with delays than this have no baseline.
constexpr std::size_t kFlowsMin = 20;
// Without a past, this share of a component's slow flows must have peers that are not slow.
constexpr double kPeersMin = 0.5;
// Added latency moves p50 and p95 alike; queueing moves p95 by more than this share more.
constexpr double kSpreadShareMax = 0.5;
// What a host adds below this is its own load. Its only cable counts as the host.
constexpr double kHostDelayMinUs = 500;
constexpr double kLogAmbiguousOdds = 1.791759469228055;  // log 6, as suspects.h
constexpr double kLogAlternativeMax = 7;
constexpr std::size_t kAlternativesMax = 3;

std::vector<float> values_of(const DelayFlows& flows, float (*value)(const DelayFlow&)) {
  std::vector<float> values;
  values.reserve(flows.flows.size());
  for (const DelayFlow& flow : flows.flows) values.push_back(value(flow));
  return values;
}

class Judge {
 public:
  Judge(const ObservationSet& set, const LocalizeOptions& options, const ComponentTable& components,
        Verdict& verdict)
      : set_(set),
        options_(options),
        components_(components),
        verdict_(verdict),
        flows_(collect_delays(set, options)) {}

  void run() {
    if (flows_.flows.size() < kFlowsMin) return;
    groupings_.emplace(set_, flows_);
    spread_fit_ = fit_delay(flows_, *groupings_,
                            values_of(flows_, [](const DelayFlow& it) { return it.now.spread; }),
                            Clocks::kCancel, Levels::kLow);
    find_shifts();
    queues_ = find_slow(set_, flows_, spread_fit_, components_);
    find_components();
    measure();
    judge_losses();
    for (std::size_t i = 0; i < shifts_.size(); ++i) add_shift(i);
    for (std::size_t i = 0; i < queues_.found.size(); ++i) add_queue(i);
    trim();
  }

 private:
  struct Shift {
    SlowComponent slow;
    std::uint64_t slow_flows = 0;  // in its whole search
    std::uint64_t flows = 0;
    bool by_queues = false;  // most of its slow flows queue, there or elsewhere
  };

  void find_shifts() {
    const DelayFit now = fit_delay(
        flows_, *groupings_, values_of(flows_, [](const DelayFlow& it) { return it.now.p50; }),
        Clocks::kMatter, Levels::kLow);
    add_shifts(now, kPeersMin);
    if (!flows_.has_past) return;
    const DelayFit change =
        fit_delay(flows_, *groupings_,
                  values_of(flows_, [](const DelayFlow& it) { return it.now.p50 - it.before.p50; }),
                  Clocks::kMatter, Levels::kLeast);
    add_shifts(change, 0);
  }

  void add_shifts(const DelayFit& fit, double peers_min) {
    const SlowSearch search = find_slow(set_, flows_, fit, components_);
    for (const SlowComponent& slow : search.found) {
      if (slow.peers < peers_min || is_busy_host(slow)) continue;
      const auto same = std::ranges::find_if(shifts_, [&](const Shift& known) {
        return known.slow.component == slow.component || rivals(known.slow, slow) ||
               rivals(slow, known.slow);
      });
      if (same != shifts_.end()) continue;
      shifts_.push_back(
          {slow, search.slow_flows, search.flows, is_by_queues(slow, fit, search.threshold_us)});
    }
  }

  // A queue that is full for half of the time moves p50 too, more or less by flow, and far less
  // than p95. Flows over several such queues may meet in a link that has none.
  [[nodiscard]] bool is_by_queues(const SlowComponent& slow, const DelayFit& fit,
                                  double threshold_us) const {
    const auto links = components_.links_of(slow.component);
    std::uint64_t all = 0;
    std::uint64_t queueing = 0;
    for (std::size_t i = 0; i < flows_.flows.size(); ++i) {
      const double excess_us = fit.residual[i];
      if (!(excess_us > threshold_us) || !crosses(set_, flows_.flows[i], links)) continue;
      ++all;
      queueing += spread_fit_.residual[i] > kSpreadShareMax * excess_us ? 1 : 0;
    }
    return 2 * queueing > all;
  }

  // Hosts delay their own packets when they work; that is nothing to send anyone to.
  [[nodiscard]] bool is_busy_host(const SlowComponent& slow) const {
    const SuspectKind kind = components_.at(slow.component).names.front().kind;
    const bool host = kind == SuspectKind::kHost || kind == SuspectKind::kVm;
    return host && slow.excess_us < kHostDelayMinUs;
  }

  static bool rivals(const SlowComponent& a, const SlowComponent& b) {
    return std::ranges::any_of(a.rivals, [&](const auto& it) { return it.first == b.component; });
  }

  [[nodiscard]] std::vector<std::uint32_t> links_of(std::uint32_t component) const {
    const auto links = components_.links_of(component);
    return {links.begin(), links.end()};
  }

  // Of the suspects so far. Names are many, and to write them all out costs more than a search.
  void find_components() {
    std::set<SuspectKind> kinds;
    for (const Suspect& suspect : verdict_.suspects) {
      kinds.insert(suspect.kind);
      component_by_id_.try_emplace(suspect.id, std::nullopt);
    }
    for (std::uint32_t i = 0; i < components_.size(); ++i) {
      for (const ComponentName& name : components_.at(i).names) {
        if (!kinds.contains(name.kind)) continue;
        const auto it = component_by_id_.find(components_.id(name));
        if (it != component_by_id_.end() && !it->second) it->second = i;
      }
    }
  }

  // The component of a suspect; a device of parts has its device's.
  [[nodiscard]] std::optional<std::uint32_t> component_of(const Suspect& suspect) const {
    const auto it = component_by_id_.find(suspect.id);
    return it == component_by_id_.end() ? std::nullopt : it->second;
  }

  // Spreads of the loss suspects, then of the shifts.
  void measure() {
    std::vector<std::vector<std::uint32_t>> footprints;
    for (const Suspect& suspect : verdict_.suspects) {
      const auto component = component_of(suspect);
      footprints.push_back(component ? links_of(*component) : std::vector<std::uint32_t>{});
    }
    losses_ = footprints.size();
    for (const Shift& shift : shifts_) footprints.push_back(links_of(shift.slow.component));
    spreads_ = measure_spreads(set_, flows_, spread_fit_, components_, queues_, footprints);
  }

  void judge_losses() {
    std::vector<Suspect> kept;
    for (std::size_t i = 0; i < losses_; ++i) {
      Suspect& suspect = verdict_.suspects[i];
      const bool congested = suspect.fault_class == FaultClass::kLoss && spreads_.excess[i] &&
                             is_congestion(spreads_, i, suspect.loss);
      if (congested) {
        suspect.fault_class = FaultClass::kCongestion;
        suspect.delay_p95_us = *spreads_.excess[i];
      }
      (congested && is_mild(suspect) ? verdict_.congested : kept).push_back(std::move(suspect));
    }
    verdict_.suspects = std::move(kept);
  }

  static bool is_mild(const Suspect& suspect) { return suspect.loss < kCongestionLossMin; }

  // The suspect, or the congested component, that is this component or shares its group.
  Suspect* known(const SlowComponent& slow) {
    for (auto* list : {&verdict_.suspects, &verdict_.congested}) {
      for (Suspect& suspect : *list) {
        if (is_same(suspect, slow)) return &suspect;
      }
    }
    return nullptr;
  }

  [[nodiscard]] bool is_same(const Suspect& suspect, const SlowComponent& slow) const {
    if (component_of(suspect) == slow.component) return true;
    const std::string id = components_.id(slow.component);
    return std::ranges::find(suspect.ambiguous_with, id) != suspect.ambiguous_with.end();
  }

  void add_shift(std::size_t index) {
    const Shift& shift = shifts_[index];
    const double spread = spreads_.excess[losses_ + index].value_or(0);
    const bool queues = spread > kSpreadShareMax * shift.slow.excess_us;
    if (shift.by_queues && !queues) return;
    if (Suspect* suspect = known(shift.slow)) {
      suspect->delay_us = shift.slow.excess_us;
      suspect->delay_p95_us = shift.slow.excess_us + std::max(0.0, spread);
      return;
    }
    Suspect suspect = describe(shift.slow, shift.slow_flows, shift.flows);
    suspect.delay_us = shift.slow.excess_us;
    suspect.delay_p95_us = shift.slow.excess_us + std::max(0.0, spread);
    suspect.fault_class = queues ? FaultClass::kCongestion : FaultClass::kDelay;
    suspect.since_s = since(shift.slow);
    add(std::move(suspect));
  }

  void add_queue(std::size_t index) {
    const SlowComponent& slow = queues_.found[index];
    if (Suspect* suspect = known(slow)) {
      if (!suspect->delay_p95_us) suspect->delay_p95_us = slow.excess_us;
      return;
    }
    Suspect suspect = describe(slow, queues_.slow_flows, queues_.flows);
    suspect.delay_p95_us = slow.excess_us;
    suspect.fault_class = FaultClass::kCongestion;
    add(std::move(suspect));
  }

  void add(Suspect suspect) {
    const bool mild = suspect.fault_class == FaultClass::kCongestion && is_mild(suspect);
    (mild ? verdict_.congested : verdict_.suspects).push_back(std::move(suspect));
  }

  [[nodiscard]] Suspect describe(const SlowComponent& slow, std::uint64_t slow_flows,
                                 std::uint64_t flows) {
    const auto& names = components_.at(slow.component).names;
    Suspect suspect;
    suspect.kind = names.front().kind;
    suspect.id = components_.id(names.front());
    component_by_id_.try_emplace(suspect.id, slow.component);
    if (suspect.kind <= SuspectKind::kCable) {
      const Link& link = set_.links()[names.front().index];
      suspect.from = set_.at(link.from).id;
      suspect.to = set_.at(link.to).id;
    }
    for (std::size_t i = 1; i < names.size(); ++i) {
      suspect.ambiguous_with.push_back(components_.id(names[i]));
    }
    suspect.evidence = {.bad_flows = slow_flows,
                        .bad_flows_crossing = slow.slow_crossing,
                        .good_flows_crossing = slow.crossing - slow.slow_crossing,
                        .good_flows = flows - slow_flows};
    weigh(slow, suspect);
    return suspect;
  }

  void weigh(const SlowComponent& slow, Suspect& suspect) const {
    double group = 1;
    double all = 1;
    for (const auto& [rival, against] : slow.rivals) {
      const double weight = std::exp(-against);
      all += weight;
      if (against < kLogAmbiguousOdds) {
        group += weight;
        for (const ComponentName& name : components_.at(rival).names) {
          suspect.ambiguous_with.push_back(components_.id(name));
        }
      } else if (suspect.alternatives.size() < kAlternativesMax && against < kLogAlternativeMax) {
        const ComponentName& name = components_.at(rival).names.front();
        suspect.alternatives.push_back({name.kind, components_.id(name), std::exp(against)});
      }
    }
    suspect.posterior = group / (all + std::exp(-slow.total));
  }

  // The first window from which on most flows that cross it are slow.
  [[nodiscard]] std::optional<std::int64_t> since(const SlowComponent& slow) const {
    std::map<std::int64_t, std::vector<float>> by_time;
    const auto links = components_.links_of(slow.component);
    for (const DelayFlow& flow : flows_.flows) {
      if (!crosses(set_, flow, links)) continue;
      for (std::uint32_t i = flow.first_row; i < flow.first_row + flow.row_count; ++i) {
        const Observation& row = set_.observations()[flows_.rows[i]];
        const float p50 = middle_us(set_.delay(row.delay));
        const bool inside = row.time_s != kNoTime && row.time_s > options_.after_s;
        if (inside && std::isfinite(p50)) by_time[row.time_s].push_back(p50 - flow.now.p50);
      }
    }
    std::optional<std::int64_t> first;
    for (auto it = by_time.rbegin(); it != by_time.rend(); ++it) {
      if (quantile_of(it->second, 0.5) < -slow.excess_us / 2) break;
      first = it->first - std::int64_t{set_.window_s()};
    }
    return first;
  }

  void trim() {
    if (verdict_.suspects.size() > options_.suspects_max) {
      verdict_.suspects_omitted += verdict_.suspects.size() - options_.suspects_max;
      verdict_.suspects.resize(options_.suspects_max);
    }
    if (verdict_.congested.size() > options_.suspects_max) {
      verdict_.congested.resize(options_.suspects_max);
    }
  }

  const ObservationSet& set_;
  const LocalizeOptions& options_;
  const ComponentTable& components_;
  Verdict& verdict_;
  DelayFlows flows_;
  std::optional<DelayGroupings> groupings_;
  DelayFit spread_fit_;
  std::vector<Shift> shifts_;
  SlowSearch queues_;
  std::unordered_map<std::string, std::optional<std::uint32_t>> component_by_id_;
  std::size_t losses_ = 0;  // suspects by loss, the first of spreads_
  Spreads spreads_;
};

}  // namespace

void judge_delays(const ObservationSet& set, const LocalizeOptions& options,
                  const ComponentTable& components, Verdict& verdict) {
  if (set.observations().empty() || set.delays().size() <= 1) return;  // the first is "none"
  Judge(set, options, components, verdict).run();
}

}  // namespace faultline::localize
