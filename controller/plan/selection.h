// Selection: which of many possible flows are worth their packets.
//
// Why it exists: a fleet that cannot afford all pairs must choose, and choosing blindly leaves
// links that nobody crosses and links that nobody can tell apart. Coverage matters as much as
// inference: from 97.3 to 99.5 % of links covered took missed faults from 10.5 to 3.3 % (RD-Probe,
// SIGCOMM'24).
//
// In this order, each goal on top of the ones before, as far as the candidates and budgets allow:
//   1. every link is crossed, and no two links have equal footprints: single faults are named.
//      Greedy by covered links plus classes split (deTector, ATC'17), in rounds of falling gain;
//      the gain is not submodular, so each round looks at all candidates anew.
//   2. every link is crossed by flows of `host_pairs_min` pairs of hosts: a sick host blames
//   nobody.
//   3. no link is masked by two others (footprints.h): pairs of faults are told apart. Guided by
//      counter-examples: a flow is taken because it avoids the very two that mask.
//   4. flows without which all that still holds are dropped again.
//
// Flows in force come first, and stay unless a share of them is superfluous, so that a small change
// of the fleet or of its paths changes few flows.
//
// How few flows can do (the lower bound that tests/bench/plan prints). Of n rows at most n links
// can be crossed by one row alone, all others need two; a row crosses at most h links. So for L
// links n h >= 2 L - n, n >= 2 L / (h + 1), and a flow has two rows. deTector's k^3 / 5 is the same
// with its undirected switch links of a fat tree (L = k^3 / 2, h = 4). With both directions of all
// links, hosts' included, L = 3 k^3 / 2 and h = 6: n >= 3 k^3 / 7 rows, 3 k^3 / 14 flows.
//
// Pure and deterministic: the order of candidates only decides between equals that have equal ends.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "controller/plan/flow_routes.h"

namespace faultline::plan {

struct SelectionConfig {
  std::uint32_t host_pairs_min = 1;
  bool unmask = false;  // goal 3
  // Sent by a node, and also answered by it.
  std::uint32_t flows_per_node_max = 512;
  std::uint32_t flows_per_link_max = std::numeric_limits<std::uint32_t>::max();
  // So few superfluous flows in force are left alone, of all in force: their packets are worth less
  // than a change. 0: every superfluous one goes.
  double superfluous_share_max = 0.05;
};

struct Selection {
  std::vector<FlowNumber> flows{};  // ascending, the pinned ones among them
  std::uint32_t kept = 0;           // of those in force
  std::uint32_t dropped = 0;        // of those in force: superfluous, or beyond a budget
  bool budget_met = false;          // a flow that would have helped was refused

  bool operator==(const Selection&) const = default;
};

// Both lists: no flow twice, and none in both.
struct StandingFlows {
  std::span<const FlowNumber> pinned{};  // they stay whatever they are worth, and cost budget
  std::span<const FlowNumber> in_force{};
};

[[nodiscard]] Selection select_flows(const FlowRoutes& candidates, const StandingFlows& standing,
                                     const SelectionConfig& config);

// The bound above: no fewer flows tell `links` directed links apart with at most `row_links_max` on
// one row.
[[nodiscard]] double flows_lower_bound(std::uint32_t links, std::uint32_t row_links_max);

}  // namespace faultline::plan
