// The planner: who measures whom, on which source ports, how often.
//
// Why it exists: the whole fleet's load is decided here and nowhere else, so this is where it is
// bounded. Same input, same plans; a node whose plan did not change in content keeps its revision,
// so that adding one node does not restart every session of the fleet.
//
// Flows: every node measures every other on `flows_per_pair` consecutive ports of its range,
// starting at ((source id + target id) * flows) modulo the range: a function of the two ids alone,
// so that other nodes' coming and going changes nothing, and neighbours in id share all ports.
//
// At the limits, in this order, each said in PlanSet::reduced:
//   1. fewer flows per pair, the same for all, so that no node tracks more than its maximum;
//   2. below one flow per pair, racks measure racks (hierarchy.h), or without labels each node its
//      next k in the order of hash(name): O(k n) flows, and a node more or less changes few others.
//      This mesh has one port of each pair. A quarter of the flows that a node may track is kept
//      for *extra* flows: other ports and pairs, chosen by what traces taught (refinement.h);
//   3. flows are sent less often, so that packets per second stay within the budget. Of a mesh as
//      if the extra flows were all there, so that these come and go without changing the interval.
// What others are protected from (one host or rack, neighbor tables, routers that answer traces) is
// in harm.h.
//
// Source ports do not rotate: README.md says why.
//
// What a flow's packets look like (large ones, for MTU black holes; other DSCP classes) is a
// function of its ends and port alone, so that it stays what it is whatever else changes.
//
// Pure and reentrant.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/ids.h"
#include "common/model/node.h"
#include "common/model/plan.h"

namespace faultline::plan {

struct PlannerConfig {
  Duration window = std::chrono::seconds{10};
  Duration flow_interval = std::chrono::seconds{1};  // as short as the budget allows
  Duration reply_timeout = std::chrono::seconds{2};
  Duration lease = std::chrono::hours{1};
  std::uint32_t flows_per_pair = 8;
  std::uint32_t tracked_flows_per_node_max = 512;
  // Over all that a node sends of its own accord: flows, its own traces, and the traces that peers
  // ask of it.
  std::uint32_t packets_per_second_per_node_max = 1000;
  // Of flows and their answers, on any directed link, as far as traces show who crosses it.
  std::uint32_t packets_per_second_per_link_max = 10'000;
  std::uint32_t traces_per_second = 1;
  // What any router is made to send by the traces of all nodes together.
  std::uint32_t router_packets_per_second_max = 100;
  // What one node sends to any one rack.
  std::uint32_t packets_per_second_per_rack_max = kPacketsPerSecondPerGroupMax;
  // Peers, where more nodes than that may share a segment: half of gc_thresh2.
  std::uint32_t neighbors_per_node_max = 256;
  // Of all flows, one in so many has packets of this size (PlanFlow::size; 0: none), and one in
  // kClassFlowsOneIn is of each of these DSCP classes.
  std::uint16_t large_packet_bytes = 1500;
  std::uint32_t large_flows_one_in = 8;
  std::vector<std::uint8_t> dscp_classes{};

  bool operator==(const PlannerConfig&) const = default;
};

inline constexpr std::uint32_t kClassFlowsOneIn = 8;
inline constexpr std::uint32_t kNeighborsPerNodeMin = 16;
inline constexpr std::size_t kDscpClassesMax = 4;  // half of the flows stay what most traffic is

// kInvalid with one sentence that names the field; make_plans() requires a valid config.
[[nodiscard]] Status validate(const PlannerConfig& config);

// A node as the planner sees it. Silent nodes belong in: not being heard by the controller does not
// mean that they cannot be measured.
struct FleetMember {
  NodeId id{};
  std::string name{};
  PublicKey key{};
  std::optional<PublicKey> second_key{};  // while it changes keys
  NodeProfile profile{};
  bool authenticates = false;  // its STAMP sessions can be authenticated

  bool operator==(const FleetMember&) const = default;
};
using FleetView = std::vector<FleetMember>;  // any order; ids are unique

// One source port from one node to another.
struct PairPort {
  NodeId source{};
  NodeId target{};
  std::uint16_t port = 0;

  auto operator<=>(const PairPort&) const = default;
};

// The worst case of one node under its plan, IP headers included.
struct NodeBudget {
  NodeId node{};
  std::uint32_t peers = 0;
  std::uint32_t flows = 0;
  double packets_per_second_sent = 0;       // own flows and traces
  double packets_per_second_reflected = 0;  // answers to others' flows
  double bytes_per_second = 0;              // both
  Duration trace_cycle{};                   // until every flow was traced once

  bool operator==(const NodeBudget&) const = default;
};

struct PlanSet {
  std::vector<Plan> plans{};          // ascending by node
  std::vector<NodeId> changed{};      // whose plan has the new revision, ascending
  std::vector<NodeBudget> budgets{};  // ascending by node
  std::uint32_t flows_per_pair = 0;   // a node with fewer ports has as many as ports
  Duration flow_interval{};
  bool all_pairs = true;          // false: the hierarchy
  std::vector<PairPort> extra{};  // flows beyond the mesh, ascending
  // No node sends or answers more flows than this, of which so many are for those of unknown way.
  std::uint32_t flows_per_node_max = 0;
  std::uint32_t tried_per_node = 0;
  std::uint64_t pairs_mixed = 0;       // left out: one end speaks IPv4, the other IPv6
  std::vector<std::string> reduced{};  // one sentence for each limit that was met

  bool operator==(const PlanSet&) const = default;
};

// TraceLoads::most_tracers(): nodes of unknown ways are missing.
using TracerCounts = std::map<NodeId, std::uint32_t>;

// What traces taught of the plans in force.
struct Learned {
  std::span<const PairPort> extra{};      // wanted beyond the mesh, in the order of importance
  std::uint32_t fullest_link_flows = 0;   // cross the same directed link, either way of theirs
  const TracerCounts* tracers = nullptr;  // null: nothing is known
};

// `previous`: the plans in force, any order; a plan that equals its predecessor but for the
// revision keeps that revision, all others get `revision`. Of `learned.extra`, what names a node or
// port that is not there, is in the mesh already or exceeds flows_per_node_max is left out, and all
// of it where all pairs can be afforded.
[[nodiscard]] PlanSet make_plans(const FleetView& fleet, const PlannerConfig& config,
                                 PlanRevision revision, const std::vector<Plan>& previous,
                                 const Learned& learned = {});

}  // namespace faultline::plan
