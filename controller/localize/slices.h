// Slices: which flows a black hole swallows, in words an operator can test.
//
// Compares the flows that died with those that lived on the same component, by source, destination,
// pair of these, DSCP and the numbers in the flow's name (addresses and ports). A property is named
// when the values that it takes tell nearly all dead flows from the living ones; otherwise the
// slice is a share of the flows, as of a hash bucket, with the first few of them.
//
// Thread safety: pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/localize/problem.h"

namespace faultline::localize {

// "destination port 443: 12 % of flows (12 of 96 that cross)", "9 % of flows (2 of 22 that cross):
// h1:50003>h9:862, h2:50001>h9:862".
[[nodiscard]] std::string name_slice(const ObservationSet& set, const Problem& problem,
                                     const std::vector<std::uint32_t>& dead,
                                     const std::vector<std::uint32_t>& alive);

}  // namespace faultline::localize
