// PathTimeline: the paths of sessions over a span of time, as they were stored.
//
// Why it exists: a question about last night must see each window with the path that its packets
// took, whoever asks and however much later, or the same windows would give two answers.
//
// Thread safety: const calls may be shared once everything is added.
#pragma once

#include <map>
#include <vector>

#include "controller/topology/path_book.h"

namespace faultline::topology {

// A session is measured before it is traced: its first path stands for this long before.
inline constexpr Duration kFirstTraceWithin = std::chrono::minutes{10};

class PathTimeline {
 public:
  // In any order.
  void add(NodeId reporter, PathRecord path);

  // What was traced last at or before `time`; else what was traced first within kFirstTraceWithin
  // after it. So what was traced later still never changes the answer.
  [[nodiscard]] PathAt find(const PathKey& key, WallTime time) const;

 private:
  std::map<PathKey, std::vector<PathRecord>> paths_;  // in order of traced_at
};

}  // namespace faultline::topology
