#include "controller/topology/path_timeline.h"

#include <algorithm>
#include <utility>

namespace faultline::topology {

void PathTimeline::add(NodeId reporter, PathRecord path) {
  auto& known = paths_[key_of(reporter, path)];
  const auto after = std::ranges::upper_bound(known, path.traced_at, {}, &PathRecord::traced_at);
  known.insert(after, std::move(path));
}

PathAt PathTimeline::find(const PathKey& key, WallTime time) const {
  const auto found = paths_.find(key);
  if (found == paths_.end()) return {};
  const auto& known = found->second;
  auto at = std::ranges::upper_bound(known, time, {}, &PathRecord::traced_at);
  if (at != known.begin()) {
    --at;
  } else if (at->traced_at > time + kFirstTraceWithin) {
    return {};
  }
  return {&*at, static_cast<std::uint32_t>(at - known.begin()) + 1};
}

}  // namespace faultline::topology
