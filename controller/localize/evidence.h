// Evidence: the flows that speak for and against each finding, counted once per flow.
//
// A flow is bad when it lost more than the background explains (one chance in twenty); everything
// else is good. A flow of unknown path counts as crossing when it is bad and may have crossed, or
// good and probably did.
//
// Thread safety: pure.
#pragma once

#include <cstdint>
#include <vector>

#include "controller/localize/findings.h"

namespace faultline::localize {

struct Tally {
  Evidence evidence;
  std::uint64_t clean_despite =
      0;  // flows that cross, lost nothing, and should have lost three packets or more
  std::vector<std::uint32_t> dead_flows;  // into Problem::flows; only for black holes
  std::vector<std::uint32_t> alive_flows;
};

struct EvidenceCount {
  std::vector<Tally> tallies;  // one per finding
  std::uint64_t unexplained_bad_flows = 0;
};

[[nodiscard]] EvidenceCount count_evidence(const Problem& problem, const Selection& selection,
                                           const std::vector<Finding>& findings);

}  // namespace faultline::localize
