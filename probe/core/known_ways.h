// KnownWays: the routers that each flow was seen to cross last, and whether it now goes another
// way.
//
// Why it exists: what passed on the old way may be too large for the new one, so the size of a
// flow's packets is looked at again when its path changes. That a hop was silent this time is no
// change, and a trace that did not reach the far end, or did not hear the last hop, says nothing.
//
// Pure. Thread safety: none. Bounded by the flows that keep_only() lets stay, two ways each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "common/model/path.h"

namespace faultline::probe_core {

class KnownWays {
 public:
  using FlowKey = std::pair<NodeId, std::uint16_t>;  // target and source port

  // Takes in what a trace saw. True: the flow goes another way than before. The first way that is
  // seen is no change.
  [[nodiscard]] bool changed(const FlowKey& flow, Direction direction, bool complete,
                             const std::vector<Hop>& hops);
  void keep_only(const std::function<bool(const FlowKey&)>& stays);
  [[nodiscard]] std::size_t size() const { return ways_.size(); }

 private:
  std::map<std::pair<FlowKey, Direction>, std::vector<Hop>> ways_;
};

}  // namespace faultline::probe_core
