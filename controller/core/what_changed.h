// WhatChanged: notices what changes in the controller's own state, and tells incidents of it.
//
// Why it exists: paths, members, plans, clocks and the inventory change in different places of the
// core; an incident wants them in one list, in words (controller/changes ranks them).
//
// A changed path waits until the topology is settled, for only then do its hops have names. At most
// kPathsWaitingMax wait; more are counted, not told.
//
// Thread safety: none; owned by the core. The history is shared with snapshots.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/model/path.h"
#include "controller/changes/history.h"
#include "controller/incident/incident.h"
#include "controller/topology/topology.h"

namespace faultline::core {

inline constexpr std::size_t kPathsWaitingMax = 4096;
inline constexpr std::size_t kPathsAtOnceMax = 512;  // that one step names
// A clock that is further off than this has stepped; probes' windows are aligned by it.
inline constexpr Duration kClockOffsetTold = std::chrono::milliseconds{500};
inline constexpr std::size_t kFactsToldMax = 16;
// For so long after its onset, an incident's changes are looked up anew.
inline constexpr Duration kChangesSettled = std::chrono::minutes{5};

class WhatChanged {
 public:
  void note(changes::Change change);
  // `before` was known to hold until then; both of one session and direction.
  void path_changed(NodeId reporter, const PathRecord& before, const PathRecord& after);
  // `what` it is now: joined, live, silent, removed ... ; what it was before is remembered.
  void member_changed(const std::string& node, const std::string& what, WallTime time);
  void node_restarted(const std::string& node, WallTime time);
  // Of a node's own configuration; at most kFactsToldMax of one update.
  void facts_changed(const std::string& node, std::vector<changes::Change> changes);
  void clock_read(const std::string& node, Duration offset, WallTime time);

  // Names what waits. `topology` is settled.
  void name_paths(const topology::Topology& topology);

  // What has to do with the incident's onset; empty when it lies too far back to ask.
  [[nodiscard]] std::vector<incident::Change> of(const incident::Incident& incident,
                                                 Duration window) const;
  [[nodiscard]] static bool is_settled(const incident::Incident& incident);

  [[nodiscard]] std::shared_ptr<const changes::History> history() const { return history_; }
  [[nodiscard]] std::uint64_t paths_untold() const { return paths_untold_; }

 private:
  struct PathChange {
    NodeId reporter;
    PathRecord before;
    PathRecord after;
  };

  std::shared_ptr<changes::History> history_ = std::make_shared<changes::History>();
  std::vector<PathChange> paths_waiting_;  // oldest first
  std::map<std::string, std::string> members_;
  std::map<std::string, bool> clocks_off_;
  std::uint64_t paths_untold_ = 0;
};

}  // namespace faultline::core
