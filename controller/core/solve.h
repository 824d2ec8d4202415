// What the solver is asked and what it answers, as values; LiveLocalizer does the work.
//
// A job brings the windows that are new since the one before: late reports of judged windows, then
// the window that is to be judged. Nothing comes twice.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/model/control.h"
#include "controller/core/contested.h"
#include "controller/core/window_book.h"
#include "controller/detect/folding.h"
#include "controller/incident/incident.h"
#include "controller/localize/localizer.h"
#include "controller/topology/path_book.h"
#include "controller/topology/topology.h"

namespace faultline::core {

// By start of the window: nodes that were away. What was observed to or from them is left out.
using ExcusedNodes = std::map<WallTime, std::set<NodeId>>;

// What became of the controller's clock since the job before.
struct ClockSet {
  Duration by{};
  bool back = false;  // it was once: the windows to come are of times that were taken already
};

struct SolveJob {
  RipeWindow ripe;
  Duration window{};
  ExcusedNodes excused;  // of the new windows, and of those before that may have been taken wrongly
  // Components of incidents that are not over.
  std::vector<incident::Component> watched;
  bool asks = false;  // Solution::open is wanted
  ClockSet clock_set{};
  std::shared_ptr<const topology::Topology> topology;  // settled
  std::shared_ptr<const topology::PathBook> paths;
};

// What was durable when the process began, or the clock was set back.
using DurableBatches = std::map<std::pair<NodeId, BootId>, std::vector<SequenceInterval>>;

// At a start, or when the clock was set back: one of the windows that were judged before, from the
// journal. Entries that became durable since are left out, for they come as reports too.
struct RecallJob {
  WallTime window_start{};
  Duration window{};
  std::set<NodeId> excused;  // in that window
  bool again = false;        // this process has judged it
  ClockSet clock_set{};
  std::shared_ptr<const DurableBatches> durable;
  std::shared_ptr<const topology::Topology> topology;  // settled
  std::shared_ptr<const topology::PathBook> paths;
};
// Whether a journaled batch was durable at the start.
[[nodiscard]] bool is_recalled(const RecallJob& job, NodeId node, BootId boot,
                               std::uint64_t sequence);

// What the solver holds, and what it could not take.
struct LiveFigures {
  std::uint64_t flows = 0;         // rows of one window
  std::uint64_t sessions = 0;      // names and paths known
  std::uint64_t rows_late = 0;     // older than the longest horizon
  std::uint64_t rows_refused = 0;  // no room for their flows
  std::uint64_t rows_taken_out = 0;
  std::uint64_t renewals = 0;  // of all names

  bool operator==(const LiveFigures&) const = default;
};

// What is abnormal between two nodes, or of a node, against its own past.
struct Abnormal {
  detect::Finding finding;
  std::string explained_by;  // the suspect that it crosses; empty: no component explains it
  std::string text;          // one sentence
  std::string src;           // of the worst pair
  std::string dst;
  std::string node;  // of findings about a node
};

struct GroupTable;  // group_series.h

struct Solution {
  WallTime window_start{};
  Duration window{};
  std::size_t nodes_expected = 0;
  std::size_t nodes_reported = 0;
  localize::Verdict verdict;
  // By suspect id: the ends of lossy flows that cross it, by name.
  std::map<std::string, std::vector<std::string>> affected;
  // Probers that spoiled their own measurements in the newest window, 0 to 1, by name; and why.
  std::map<std::string, std::pair<double, std::string>> sick;
  // What is wrong with the clocks of those that reported the newest window, by name.
  std::map<std::string, std::string> clocks{};
  std::uint64_t sessions_without_path = 0;
  std::uint64_t observations_excused = 0;  // sessions of the newest window, left out
  // Of the watched: components that nothing in the newest window crosses, because who would have
  // measured them is away. That is no sign of health.
  std::vector<std::string> unmeasured;
  // Of the verdict's suspects: a window or two lost it all, and the newest does not bear it out.
  std::set<std::string> bursts;
  OpenQuestions open;  // for adaptive probing
  // Nodes and what the paths of their flows show beside them, by name; only where there are
  // suspects.
  std::vector<std::pair<std::string, std::string>> attachments{};
  std::vector<Abnormal> abnormal{};  // the worst first; LiveDetector's
  detect::DetectorCounters detection{};
  LiveFigures live;
  std::shared_ptr<const GroupTable> groups{};  // GroupSeries'; null: none are wanted
};

}  // namespace faultline::core
