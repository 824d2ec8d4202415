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

class PathTimeline {
 public:
  // In any order.
  void add(NodeId reporter, PathRecord path);

  // What was traced last at or before `time`; else what was traced first after it.
  [[nodiscard]] PathAt find(const PathKey& key, WallTime time) const;

 private:
  std::map<PathKey, std::vector<PathRecord>> paths_;  // in order of traced_at
};

}  // namespace faultline::topology
