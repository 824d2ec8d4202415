// Planning: what traces taught of the flows in force becomes a better choice of flows.
//
// Why it exists: choosing flows looks at every known path, which takes longer than a slice of the
// loop. The job holds immutable snapshots and is worked on elsewhere, one at a time; what one must
// know of the ones before is its memory, a value that the core keeps. Where all pairs are
// affordable there is nothing to choose, and only the fullest link is looked for.
//
// How paths change: a flow whose route changed says that forwarding changed at the devices it
// crosses. What was traced through these before is forgotten, and the gaps beside them are tried
// for anew, as often as if they were new.
//
// Pure and reentrant.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "controller/incident/incident.h"
#include "controller/plan/planner.h"
#include "controller/plan/refinement.h"
#include "controller/topology/path_book.h"
#include "controller/topology/topology.h"

namespace faultline::core {

// A flow that is tried and not traced by then is given up for kFruitlessFor.
inline constexpr Duration kTriedForMin = std::chrono::minutes{5};
inline constexpr Duration kFruitlessFor = std::chrono::hours{6};
inline constexpr std::size_t kFruitlessMax = 65'536;  // the oldest are forgotten
// Paths of flows that are planned no more are worth knowing for so long.
inline constexpr Duration kSpareKeptFor = std::chrono::hours{24};

struct PlanningMemory {
  std::vector<plan::PairPort> useful{};
  std::map<plan::PairPort, WallTime> tried{};      // since when
  std::map<plan::PairPort, WallTime> fruitless{};  // since when
  std::map<std::string, std::uint32_t> tries{};    // by id of a link with a gap: flows tried so far
  std::uint32_t fullest_link_flows = 0;            // plan::Learned
  plan::TracerCounts tracers{};                    // likewise
  WallTime thought_at{};                           // of the last job
  std::uint32_t gaps_least = 0;                    // since something moved or the fleet changed
  std::uint32_t vain_rounds = 0;                   // jobs in a row that explored and closed no gap

  // What is to be planned beyond the mesh, useful ones first.
  [[nodiscard]] std::vector<plan::PairPort> flows() const;
  bool operator==(const PlanningMemory&) const = default;
};

struct PlanningJob {
  WallTime now{};
  std::shared_ptr<const plan::PlanSet> plans;      // in force
  std::shared_ptr<const plan::FleetView> members;  // that they were made for
  std::shared_ptr<const topology::Topology> topology;
  std::shared_ptr<const topology::PathBook> paths;
  PlanningMemory memory;
  std::uint32_t link_packets_per_second_max = 1;
  // Components of incidents that are not over: no flow across them is dropped.
  std::vector<incident::Component> held;
  // Though many paths are not traced yet: they had their time.
  bool explore_anyway = false;
};

// What one job found, in numbers.
struct PlanningNumbers {
  std::uint64_t useful = 0;
  std::uint64_t tried = 0;
  plan::Gaps gaps;
  std::uint32_t links = 0;
  std::uint32_t covered = 0;
  std::uint64_t mesh_flows = 0;
  std::uint64_t paths_unknown = 0;  // of the mesh's flows, both directions
  std::uint32_t dropped = 0;        // of the useful flows
  std::uint32_t held = 0;           // useful flows that stay because of incidents
  std::string fullest_link;         // id
  std::uint32_t fullest_link_flows = 0;
  bool budget_met = false;  // a flow that would have helped found no room
  bool explored = false;    // enough was known

  bool operator==(const PlanningNumbers&) const = default;
};
// "216 flows of the mesh, 12 useful beyond it, 8 tried: 140 of 144 links covered; gaps: ..."
[[nodiscard]] std::string sentence(const PlanningNumbers& numbers);

struct PlanningResult {
  PlanningMemory memory;
  PlanningNumbers numbers;
  std::vector<topology::PathKey> outdated{};  // paths that nobody needs any more
};

[[nodiscard]] PlanningResult plan_flows(const PlanningJob& job);

}  // namespace faultline::core
