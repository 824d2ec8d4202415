#include "controller/core/solve.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "controller/core/horizons.h"
#include "controller/core/observations.h"

namespace faultline::core {
namespace {

using localize::ObservationSet;
using localize::Suspect;
using localize::SuspectKind;

// A newest window as clean as this, were the fault still there, means that it is healed.
constexpr double kHealedChance = 0.01;

// Whether a component is the suspect or a part of it.
class Crossing {
 public:
  Crossing(const ObservationSet& set, const Suspect& suspect) : set_(set), suspect_(suspect) {
    for (const auto& it : set.memberships()) {
      if (set.at(it.container).id == suspect.id) members_.insert(it.member);
    }
    crossed_.resize(set.path_count());
    for (std::uint32_t i = 0; i < set.path_count(); ++i) {
      crossed_[i] = std::ranges::any_of(set.at(localize::PathIndex{i}),
                                        [&](auto link) { return covers(set.at(link)); });
    }
  }

  [[nodiscard]] bool operator()(const localize::Observation& observation) const {
    return crosses(observation.forward) || crosses(observation.back);
  }

 private:
  [[nodiscard]] bool covers(const localize::Link& link) const {
    const auto& from = set_.at(link.from).id;
    const auto& to = set_.at(link.to).id;
    switch (suspect_.kind) {
      case SuspectKind::kLink:
        return link.id == suspect_.id;
      case SuspectKind::kCable:
        return (from == suspect_.from && to == suspect_.to) ||
               (from == suspect_.to && to == suspect_.from);
      default:
        return from == suspect_.id || to == suspect_.id || members_.contains(link.from) ||
               members_.contains(link.to);
    }
  }
  [[nodiscard]] bool crosses(localize::RouteIndex route) const {
    if (route == localize::kNoRoute) return false;
    return std::ranges::any_of(set_.at(route), [&](const localize::WeightedPath& candidate) {
      return crossed_[candidate.path.value()];
    });
  }

  const ObservationSet& set_;
  const Suspect& suspect_;
  std::set<localize::DeviceIndex> members_;  // of a hypervisor or zone
  std::vector<bool> crossed_;                // by path
};

// P(X <= count) for X ~ Poisson(mean); beyond 100 by the normal approximation.
double poisson_at_most(std::uint64_t count, double mean) {
  if (mean > 100) {
    return 0.5 * std::erfc((mean - static_cast<double>(count) - 0.5) / std::sqrt(2 * mean));
  }
  double term = std::exp(-mean);
  double sum = term;
  for (std::uint64_t k = 1; k <= count; ++k) {
    term *= mean / static_cast<double>(k);
    sum += term;
  }
  return sum;
}

// Whether the newest window still bears the suspect out: it loses at least what the low end of the
// suspect's interval predicts, but for chance. Packets that cross what the newest window itself
// accuses say nothing: their losses are explained.
bool borne_out(const ObservationSet& set, const Suspect& suspect, const localize::Verdict& newest,
               std::int64_t window_end_s) {
  std::vector<Crossing> explained;
  for (const auto& other : newest.suspects) {
    if (same_suspect(suspect, other)) return true;
    if (other.loss > 0) explained.emplace_back(set, other);
  }
  // Delays are judged by the last windows of any horizon.
  if (suspect.loss == 0) return true;
  const Crossing crosses(set, suspect);
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  for (const auto& observation : set.observations()) {
    if (observation.time_s != window_end_s || !crosses(observation)) continue;
    if (std::ranges::any_of(explained, [&](const Crossing& it) { return it(observation); })) {
      continue;
    }
    sent += observation.sent;
    lost += observation.lost;
  }
  const double expected = suspect.loss_low * static_cast<double>(sent);
  // The estimate is diluted by the windows since the healing: no loss at all is never a fault.
  return lost > 0 && poisson_at_most(lost, expected) >= kHealedChance;
}

std::vector<std::string> affected_by(const ObservationSet& set, const Suspect& suspect) {
  const Crossing crosses(set, suspect);
  std::set<std::string> names;
  for (const auto& observation : set.observations()) {
    if ((suspect.loss > 0 && observation.lost == 0) || !crosses(observation)) continue;
    names.insert(set.at(observation.src).id);
    names.insert(set.at(observation.dst).id);
  }
  return {names.begin(), names.end()};
}

Suspect as_suspect(const incident::Component& component) {
  Suspect suspect;
  suspect.id = component.id;
  suspect.from = component.from;
  suspect.to = component.to;
  const bool is_cable = component.id == component.from + "=" + component.to ||
                        component.id == component.to + "=" + component.from;
  suspect.kind = component.from.empty() ? SuspectKind::kDevice
                 : is_cable             ? SuspectKind::kCable
                                        : SuspectKind::kLink;
  return suspect;
}

std::vector<std::string> unmeasured_of(const ObservationSet& set, const SolveJob& job) {
  std::vector<std::string> unmeasured;
  const std::int64_t end_s = unix_seconds(job.ripe.window_start + job.window);
  for (const auto& component : job.watched) {
    const auto suspect = as_suspect(component);
    const Crossing crosses(set, suspect);
    const bool measured = std::ranges::any_of(set.observations(), [&](const auto& observation) {
      return observation.time_s == end_s && crosses(observation);
    });
    if (!measured) unmeasured.push_back(component.id);
  }
  return unmeasured;
}

}  // namespace

Solution solve(const SolveJob& job) {
  ObservationBuilder builder(*job.topology, *job.paths);
  std::uint64_t left_out = 0;  // of the newest window, which comes last
  for (const auto& window : job.ripe.windows) {
    left_out = 0;
    for (const auto& [node, report] : window) {
      const auto excused = job.excused.find(window_start(report->window_start, job.window));
      left_out += builder.add(node, *report,
                              excused == job.excused.end() ? std::set<NodeId>{} : excused->second);
    }
  }
  const auto& set = builder.set();
  const std::int64_t end_s = unix_seconds(job.ripe.window_start + job.window);
  const std::int64_t start_s = unix_seconds(job.ripe.window_start);

  const auto newest = localize::localize(set, {.after_s = start_s, .until_s = end_s});
  auto verdict = localize::localize(set, {.near_misses_max = job.asks ? kNearMissesMax : 0});
  std::erase_if(verdict.suspects,
                [&](const Suspect& suspect) { return !borne_out(set, suspect, newest, end_s); });
  add_newest(verdict, newest);
  verdict.enough_data = newest.enough_data;

  Solution solution{.window_start = job.ripe.window_start,
                    .window = job.window,
                    .nodes_expected = job.ripe.nodes_expected,
                    .nodes_reported = job.ripe.nodes_reported,
                    .verdict = std::move(verdict),
                    .affected = {},
                    .sessions_without_path = builder.sessions_without_path(),
                    .observations_excused = left_out,
                    .unmeasured = {},
                    .open = {}};
  if (left_out > 0) solution.unmeasured = unmeasured_of(set, job);
  if (job.asks) solution.open = open_questions(set, solution.verdict, builder.sessions());
  for (const auto& suspect : solution.verdict.suspects) {
    solution.affected[suspect.id] = affected_by(set, suspect);
  }
  return solution;
}

}  // namespace faultline::core
