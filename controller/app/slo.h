// SloBook: sums what was measured between pairs of nodes into service levels (api/slo.h has the
// definitions).
//
// Why it exists: a month of a fleet is read once, in order of time, and is never in memory: what is
// kept is a row per group, and the counts of the pairs in the minute that is being read. A minute
// is judged when a later one begins; of what comes out of order, each piece is judged by itself.
//
// Pure. Thread safety: none; one per question.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/model/ids.h"
#include "common/model/report.h"
#include "common/stats/histogram.h"
#include "controller/api/slo.h"

namespace faultline::app {

// The groups of a pair, one or two.
using GroupsOf = std::function<std::set<std::string>(NodeId source, NodeId target)>;

class SloBook {
 public:
  explicit SloBook(GroupsOf groups_of) : groups_of_(std::move(groups_of)) {}

  void add(NodeId reporter, const Report& report);
  // Ends the last minute. `from` and `to` are the caller's.
  [[nodiscard]] api::SloView finish(api::SloGrouping by);

 private:
  using Pair = std::pair<NodeId, NodeId>;
  struct Count {
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
  };
  struct Group {
    api::SloRow row;
    stats::Histogram loss;  // of pair-minutes, in millionths
    stats::Histogram rtt;
  };

  [[nodiscard]] const std::vector<Group*>& groups_of(NodeId source, NodeId target);
  void judge_minute();
  static void complete(Group& group);

  GroupsOf groups_of_;
  Group all_;
  std::map<std::string, Group> groups_;
  std::map<Pair, std::vector<Group*>> known_;  // of the pairs of the present minute
  WallTime minute_{};
  std::map<Pair, Count> pairs_;  // in the present minute
  std::optional<WallTime> measured_from_;
};

}  // namespace faultline::app
