// Hierarchy: who measures whom where all pairs cannot be afforded.
//
// Why it exists: n nodes have n (n - 1) pairs. What counts is that every link is crossed from many
// places, and racks are what links lead to. After Pingmesh (SIGCOMM 2015), whose three complete
// graphs these are:
//   1. in a rack every node measures every other;
//   2. every node measures one node of every other rack; where that is too much, racks measure
//      racks: of each pair of racks one node measures one, and the duty goes round by a hash of the
//      two, so that all nodes of a rack share it;
//   3. where even that is too much, racks measure all racks of their own zone and one of each other
//      zone; and at last as many racks as they may, the next ones by hash of the name.
// A node without the label `rack` is a rack of its own, so in a fleet without labels each node
// measures its next ones by hash of the name (as kubenurse does).
//
// Every choice is by highest random weight (rendezvous hashing, Thaler and Ravishankar, 1998): a
// node that comes or goes moves no duty but those that it takes or had.
//
// No node is measured by more others than it may measure itself: a rack of one among large ones
// would answer the whole fleet. What that leaves out is counted.
//
// Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/plan/planner.h"

namespace faultline::plan {

// For each node some others, ascending by id.
using Targets = std::map<NodeId, std::vector<const FleetMember*>>;

struct Mesh {
  Targets targets{};              // every member has an entry; they point into the fleet
  std::size_t targets_most = 0;   // of any node; at most what was allowed
  std::size_t busiest = 0;        // targets, or nodes that measure it, of any node; as bounded
  std::uint64_t pairs_mixed = 0;  // left out: one end speaks IPv4, the other IPv6
  std::uint64_t unanswered = 0;   // left out: all of the rack are measured by enough others
  std::string pattern{};          // "its rack, and one node of each of 12 other racks"
};

// `fleet` must outlive the result; `targets_max` is positive.
[[nodiscard]] Mesh make_mesh(const FleetView& fleet, std::size_t targets_max);

// FNV-1a with a final mix, for FNV leaves similar names close together.
[[nodiscard]] std::uint64_t hash_name(std::string_view name);

[[nodiscard]] inline bool can_talk(const FleetMember& left, const FleetMember& right) {
  return left.profile.address.is_v4() == right.profile.address.is_v4();
}

}  // namespace faultline::plan
