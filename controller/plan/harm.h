// What plans must not do to others: to one host, one rack, a switch's or a kernel's tables, a
// router.
//
// Why it exists: the probe has limits of its own, compiled in (plan_limits.h), and refuses or puts
// off what exceeds them. A plan that met them would measure less than it says, so the planner stays
// below.
//
// Neighbors. On a flat segment each peer is an entry of the kernel's neighbor table, which by
// default collects garbage from 512 entries on (gc_thresh2) and refuses at 1,024. The planner does
// not know netmasks. Nodes that could share a segment are those of one rack (label), or without one
// of one zone, and of one /16 or /64. Where these are more than neighbors_per_node_max, no node has
// more *peers* than that, whatever segment they are on: it tracks at most a third as many flows.
//
// Traces. See trace_loads.h. A node shares its worst router's limit evenly with that router's other
// tracers. Nodes of unknown ways are taken to meet all others at one router.
//
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "controller/plan/planner.h"

namespace faultline::plan {

// PlanPeer::group: its rack as a number, 0 without the label. Two racks may share one, and then a
// budget.
[[nodiscard]] std::uint16_t rack_number(const FleetMember& member);

// How many nodes could be neighbors on one segment, the most.
[[nodiscard]] std::size_t largest_segment(const FleetView& fleet);

// As long as it takes to keep below what a probe sends to one host, to one rack, and in bytes.
[[nodiscard]] Duration spare_destinations(Duration interval, const std::vector<Plan>& plans,
                                          const PlannerConfig& config);

// Sets how often each node traces. A sentence when any does so less often than configured; it says
// so where even kTraceIntervalMax, which no plan can exceed, is more than the limit of routers
// allows.
[[nodiscard]] std::string space_traces(std::vector<Plan>& plans, const PlannerConfig& config,
                                       const TracerCounts* tracers);

}  // namespace faultline::plan
