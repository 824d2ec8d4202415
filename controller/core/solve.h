// One solve: the newest judged window and the ones before it, explained by the localizer.
//
// Two horizons are solved: the newest window alone, which notices first, and all windows of the
// job, which see weaker faults. A suspect of the long horizon stands only while the newest window
// still shows a loss across it, so that a healed fault disappears at once.
//
// Pure and reentrant; runs on the solver thread on immutable snapshots.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/core/contested.h"
#include "controller/core/window_book.h"
#include "controller/incident/incident.h"
#include "controller/localize/localizer.h"
#include "controller/topology/path_book.h"
#include "controller/topology/topology.h"

namespace faultline::core {

struct SolveJob {
  RipeWindow ripe;
  Duration window{};
  // By start of the window: nodes that were away. What was observed to or from them is left out.
  std::map<WallTime, std::set<NodeId>> excused;
  // Components of incidents that are not over.
  std::vector<incident::Component> watched;
  bool asks = false;                                   // Solution::open is wanted
  std::shared_ptr<const topology::Topology> topology;  // settled
  std::shared_ptr<const topology::PathBook> paths;
};

struct Solution {
  WallTime window_start{};
  Duration window{};
  std::size_t nodes_expected = 0;
  std::size_t nodes_reported = 0;
  localize::Verdict verdict;
  // By suspect id: the ends of lossy flows that cross it, by name.
  std::map<std::string, std::vector<std::string>> affected;
  std::uint64_t sessions_without_path = 0;
  std::uint64_t observations_excused = 0;  // sessions of the newest window, left out
  // Of the watched: components that nothing in the newest window crosses, because who would have
  // measured them is away. That is no sign of health.
  std::vector<std::string> unmeasured;
  OpenQuestions open;  // for adaptive probing
};

[[nodiscard]] Solution solve(const SolveJob& job);

}  // namespace faultline::core
