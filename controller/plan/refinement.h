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
// stays until it is), or dropped. When routes change, the same call re-explores: what no longer
// helps goes, the gaps that opened are tried for. It comes to rest: without gaps nothing is tried,
// and after a port of a pair was traced it is not tried again.
//
// Whom to try for a gap a>b: packets that leave a are sent by somebody, packets that enter b reach
// somebody; a flow from one of the former to one of the latter crosses a>b for some of its ports.
//
// Pure and deterministic.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "common/model/ids.h"
#include "controller/plan/coverage.h"
#include "controller/plan/selection.h"

namespace faultline::plan {

// One port from one node to another.
struct PairPort {
  NodeId source{};
  NodeId target{};
  std::uint16_t port = 0;

  auto operator<=>(const PairPort&) const = default;
};

struct TracedFlow {
  PairPort flow{};
  bool known = false;  // traced in both directions
  std::vector<LinkNumber> forward{};
  std::vector<LinkNumber> back{};
};

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t count = 0;
};

struct RefinementConfig {
  SelectionConfig goals{.host_pairs_min = 3, .unmask = true};
  std::uint32_t tried_max = 256;  // flows of unknown way at a time, over all nodes
  std::uint32_t tried_per_gap = 4;
};

struct RefinementInput {
  std::vector<DirectedLink> links{};           // by LinkNumber
  std::vector<std::optional<NodeId>> nodes{};  // by device: the node there; empty: a switch
  std::span<const TracedFlow> mesh{};          // stays whatever happens
  std::span<const TracedFlow> spare{};         // other flows whose way is known, in force or not
  std::span<const PairPort> useful{};          // of the last refinement
  std::span<const PairPort> tried{};           // of the last refinement
  std::map<NodeId, PortRange> ports{};         // of every node
};

struct Refinement {
  std::vector<PairPort> useful{};  // ascending
  std::vector<PairPort> tried{};   // ascending
  std::uint32_t dropped = 0;       // of those that were useful
  std::uint32_t gaps = 0;          // links that still want something, for all the useful ones

  bool operator==(const Refinement&) const = default;
};

[[nodiscard]] Refinement refine(const RefinementInput& input, const RefinementConfig& config);

}  // namespace faultline::plan
