// Slices: which flows a black hole swallows, in words an operator can test.
//
// Compares the flows that died with those that lived on the same component, by source, destination,
// DSCP, packet size and the numbers in the flow's name (addresses and ports). A property is named
// when it holds for nearly all dead flows and hardly any living one; otherwise the slice is a share
// of the flows, as of a hash bucket.
//
// Thread safety: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/localize/problem.h"

namespace faultline::localize {

struct Slice {
  std::string text;  // "dst h9", "12 % of flows (12 of 96 that cross)"
  std::optional<std::uint32_t>
      mtu;  // the largest size that passes, when size is what tells them apart
};

[[nodiscard]] Slice name_slice(const ObservationSet& set, const Problem& problem,
                               const std::vector<std::uint32_t>& dead,
                               const std::vector<std::uint32_t>& alive);

}  // namespace faultline::localize
