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

#include "controller/localize/dscp_classes.h"
#include "controller/localize/findings.h"
#include "controller/localize/size_classes.h"

namespace faultline::localize {

// Numbers of flows are indexes of Problem::flows.
struct Tally {
  Evidence evidence;
  // Flows that cross, lost nothing, and should have lost three packets or more.
  std::uint64_t clean_despite = 0;
  // The one of these that should have lost the most, and how many.
  std::optional<std::uint32_t> cleanest;
  double cleanest_expected = 0;
  // The busiest flow that crosses this finding and no other one; the first by name of several.
  std::optional<std::uint32_t> own_flow;
  std::uint64_t own_packets = 0;
  std::vector<std::uint32_t> dead_flows;  // only for black holes
  std::vector<std::uint32_t> alive_flows;
  std::vector<SizedFlow> sized_flows;      // of known path and size
  std::vector<ClassedFlow> classed_flows;  // of known path and DSCP
};

struct EvidenceCount {
  std::vector<Tally> tallies;  // one per finding
  std::uint64_t unexplained_bad_flows = 0;
};

[[nodiscard]] EvidenceCount count_evidence(const ObservationSet& set, const Problem& problem,
                                           const Selection& selection,
                                           const std::vector<Finding>& findings);

}  // namespace faultline::localize
