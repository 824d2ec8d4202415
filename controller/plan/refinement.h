// Refinement: a few flows on top of a mesh, for the links that the mesh sees too little of.
//
// Why it exists: the mesh chooses pairs and knows nothing of ECMP; where flows go shows only when
// they are traced. Some links then turn out to be crossed by nobody, or by too few hosts to be told
// apart. Other source ports of well-chosen pairs mend that. The placement is learned: a flow that
// is tried is traced like any other, and after that it is a candidate with a known way.
//
// Use, again and again, each time with what traces have taught since:
//   refine() -> useful and tried flows; plan them; wait until the tried are traced; refine()
//
// An extra flow is *useful* (its known way closes a gap: it stays), *tried* (not traced yet: it
// stays until it is), or dropped: as soon as it is in the way of what would help, otherwise when
// enough are superfluous to be worth a change. When routes change, the same call re-explores: what
// no longer helps goes, the gaps that opened are tried for. It comes to rest: without gaps nothing
// is tried, after a port of a pair was traced it is not tried again, and a gap for which
// tries_per_gap_max flows were tried in vain is given up until something changes around it.
//
// Whom to try for a gap a>b: packets that leave a are sent by somebody, packets that enter b reach
// somebody; a flow from one of the former to one of the latter crosses a>b for some of its ports.
//
// No gap is what no flow could close: links in series (chains.h), and masking where the network
// itself branches in two only, so that every way over the link leads over one of the two.
//
// Pure and deterministic.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "common/model/ids.h"
#include "controller/plan/coverage.h"
#include "controller/plan/planner.h"
#include "controller/plan/selection.h"

namespace faultline::plan {

struct TracedFlow {
  PairPort flow{};
  std::vector<LinkNumber> forward{};  // empty: not known
  std::vector<LinkNumber> back{};
};

// A node as the source and target of flows.
struct Prober {
  std::uint16_t port_first = 0;
  std::uint16_t ports = 0;
  bool v4 = true;

  bool operator==(const Prober&) const = default;
};

struct RefinementConfig {
  SelectionConfig goals{.host_pairs_min = 3, .unmask = true};
  // With the tried ones. Above goals.flows_per_node_max, or a fleet full of useful flows has no
  // room left to look for better ones.
  std::uint32_t flows_per_node_max = 512;
  std::uint32_t tried_max = 256;  // flows of unknown way at a time, over all nodes
  std::uint32_t tried_per_gap_min = 4;
  std::uint32_t tried_per_gap_max = 32;  // where there are few gaps
  std::uint32_t tries_per_gap_max = 512;
};

struct RefinementInput {
  std::span<const DirectedLink> links{};           // by LinkNumber
  std::span<const std::optional<NodeId>> nodes{};  // by device: the node there; empty: a switch
  std::span<const TracedFlow> mesh{};              // stays whatever happens
  std::span<const TracedFlow> spare{};            // other flows whose way is known, in force or not
  std::span<const PairPort> useful{};             // of the last refinement
  std::span<const PairPort> held{};               // of the useful ones: not to be dropped now
  std::span<const PairPort> tried{};              // of the last refinement, and not given up
  const std::set<PairPort>* fruitless = nullptr;  // tried before and never traced: not again
  std::span<const std::uint32_t> tries{};  // by link: flows tried for it in vain; may be short
  const std::map<NodeId, Prober>* probers = nullptr;  // every node that may be planned; required
  bool explore = true;  // false: too little is known to tell gaps from ignorance
};

// Links that still want something, by what it is; a link counts once.
struct Gaps {
  std::uint32_t uncovered = 0;
  std::uint32_t few_pairs = 0;
  std::uint32_t alike = 0;  // has the footprint of another
  std::uint32_t masked = 0;
  std::uint32_t given_up = 0;  // of all these

  [[nodiscard]] std::uint32_t total() const { return uncovered + few_pairs + alike + masked; }
  bool operator==(const Gaps&) const = default;
};

struct Refinement {
  std::vector<PairPort> useful{};  // ascending
  std::vector<PairPort> tried{};   // ascending
  std::uint32_t dropped = 0;       // of those that were useful
  bool budget_met = false;         // a flow that would have helped was refused
  Gaps gaps{};
  std::uint32_t covered = 0;         // links
  std::vector<std::uint32_t> tries;  // by link, with those of now; 0 for links without a gap

  bool operator==(const Refinement&) const = default;
};

[[nodiscard]] Refinement refine(const RefinementInput& input, const RefinementConfig& config);

}  // namespace faultline::plan
