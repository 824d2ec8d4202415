// SloBook: sums what was measured between pairs of nodes into service levels (api/slo.h has the
// definitions).
//
// Why it exists: a month of a fleet is read once, from the store's minutes, and is never in memory:
// what is kept is a row per group.
//
// Pure. Thread safety: none; one per question.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/model/ids.h"
#include "common/stats/histogram.h"
#include "controller/api/slo.h"
#include "controller/store/history.h"

namespace faultline::app {

// The groups of a pair, one or two.
using GroupsOf = std::function<std::set<std::string>(NodeId source, NodeId target)>;

class SloBook {
 public:
  // `step`: of what is added, whole minutes.
  explicit SloBook(GroupsOf groups_of, Duration step = std::chrono::minutes{1})
      : groups_of_(std::move(groups_of)), step_(step) {}

  // A step of a pair. One that comes in two pieces, because results came late, counts twice.
  void add(const store::Rollup& step);
  // `from` and `to` are the caller's.
  [[nodiscard]] api::SloView finish(api::SloGrouping by);

 private:
  struct Group {
    api::SloRow row;
    stats::Histogram loss;  // of pair-minutes, in millionths
    stats::Histogram rtt;
  };

  [[nodiscard]] const std::vector<Group*>& groups_of(NodeId source, NodeId target);
  static void complete(Group& group);

  GroupsOf groups_of_;
  Duration step_;
  Group all_;
  std::map<std::string, Group> groups_;
  std::pair<NodeId, NodeId> pair_;  // the newest, whose groups are these
  std::vector<Group*> pairs_groups_;
  std::optional<WallTime> measured_from_;
};

}  // namespace faultline::app
