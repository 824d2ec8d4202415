#include "controller/core/solve.h"

#include <algorithm>
#include <set>

#include "controller/core/observations.h"

namespace faultline::core {
namespace {

using localize::ObservationSet;
using localize::Suspect;
using localize::SuspectKind;

// Whether a component is the suspect or a part of it.
class Crossing {
 public:
  Crossing(const ObservationSet& set, const Suspect& suspect) : set_(set), suspect_(suspect) {
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
        return from == suspect_.id || to == suspect_.id;
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
  std::vector<bool> crossed_;  // by path
};

bool same_suspect(const Suspect& left, const Suspect& right) {
  return left.id == right.id ||
         std::ranges::find(left.ambiguous_with, right.id) != left.ambiguous_with.end();
}

// Before the onset a component that is down now let packets pass, which the long horizon still
// remembers: what is total now is total.
void adopt_down(Suspect& suspect, const Suspect& newest) {
  if (newest.fault_class != localize::FaultClass::kDown) return;
  suspect.fault_class = newest.fault_class;
  suspect.slice.reset();
  suspect.loss = newest.loss;
  suspect.loss_low = newest.loss_low;
  suspect.loss_high = newest.loss_high;
}

// Adds to `verdict` what only the newest window shows: a fault that began in it can be too diluted
// in the long horizon.
void add_newest(localize::Verdict& verdict, const localize::Verdict& newest) {
  for (const auto& suspect : newest.suspects) {
    const auto known = std::ranges::find_if(
        verdict.suspects, [&](const Suspect& other) { return same_suspect(other, suspect); });
    if (known == verdict.suspects.end()) {
      verdict.suspects.push_back(suspect);
    } else if (known->id == suspect.id) {
      adopt_down(*known, suspect);
    }
  }
}

bool lost_in_window(const ObservationSet& set, const Suspect& suspect, std::int64_t window_end_s) {
  const Crossing crosses(set, suspect);
  return std::ranges::any_of(set.observations(), [&](const localize::Observation& observation) {
    return observation.time_s == window_end_s && observation.lost > 0 && crosses(observation);
  });
}

std::vector<std::string> affected_by(const ObservationSet& set, const Suspect& suspect) {
  const Crossing crosses(set, suspect);
  std::set<std::string> names;
  for (const auto& observation : set.observations()) {
    if (observation.lost == 0 || !crosses(observation)) continue;
    names.insert(set.at(observation.src).id);
    names.insert(set.at(observation.dst).id);
  }
  return {names.begin(), names.end()};
}

}  // namespace

Solution solve(const SolveJob& job) {
  ObservationBuilder builder(*job.topology, *job.paths);
  for (const auto& window : job.ripe.windows) {
    for (const auto& [node, report] : window) builder.add(node, *report);
  }
  const auto& set = builder.set();
  const std::int64_t end_s = unix_seconds(job.ripe.window_start + job.window);
  const std::int64_t start_s = unix_seconds(job.ripe.window_start);

  const auto newest = localize::localize(set, {.after_s = start_s, .until_s = end_s});
  auto verdict = localize::localize(set, {});
  std::erase_if(verdict.suspects,
                [&](const Suspect& suspect) { return !lost_in_window(set, suspect, end_s); });
  add_newest(verdict, newest);
  verdict.enough_data = newest.enough_data;

  Solution solution{.window_start = job.ripe.window_start,
                    .window = job.window,
                    .nodes_expected = job.ripe.nodes_expected,
                    .nodes_reported = job.ripe.nodes_reported,
                    .verdict = std::move(verdict),
                    .affected = {},
                    .sessions_without_path = builder.sessions_without_path()};
  for (const auto& suspect : solution.verdict.suspects) {
    solution.affected[suspect.id] = affected_by(set, suspect);
  }
  return solution;
}

}  // namespace faultline::core
