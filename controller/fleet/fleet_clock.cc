// Fleet's side of clocks: nodes' offsets from ours.
#include <algorithm>

#include "controller/fleet/fleet.h"

namespace faultline::fleet {

void Fleet::note_clock(Node& node, WallTime sent_at, Moment now) {
  auto& offsets = offsets_[node.record.id];
  offsets.add(sent_at - now.wall);
  node.clock_offset = offsets.believed();
  node.clock_settled = offsets.settled();
}

void Fleet::our_clock_was_set(Duration by) {
  for (auto& [id, offsets] : offsets_) {
    offsets.our_clock_was_set(by);
    auto* node = present_node(id);
    if (node == nullptr || !node->clock_offset) continue;
    node->clock_offset = offsets.believed();
    node->clock_settled = offsets.settled();
  }
}

void Fleet::set_back(WallTime now) {
  for (auto& [id, node] : nodes_) {
    fleet::set_back(node.record.absences, now);
    node.heard.wall = std::min(node.heard.wall, now);
  }
}

}  // namespace faultline::fleet
