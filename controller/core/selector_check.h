// Whether the selector of a silence or a maintenance window names anything that there is.
//
// Why it exists: a maintenance window with a typing error covers nothing, and who announced it
// learns that from the page in the night.
//
// Pure.
#pragma once

#include <vector>

#include "common/base/result.h"
#include "controller/fleet/fleet.h"
#include "controller/incident/incident.h"
#include "controller/incident/silence.h"
#include "controller/topology/topology.h"

namespace faultline::core {

// kInvalid names the value that nothing has, and the nearest one. Components are those of the
// topology, the fleet and `incidents`; a link or cable is known when both its ends are, for traces
// may show it later. Labels are those of nodes that are not removed.
[[nodiscard]] Status check_selector(const incident::Selector& selector, const fleet::Fleet& fleet,
                                    const topology::Topology& topology,
                                    const std::vector<incident::Incident>& incidents);

}  // namespace faultline::core
