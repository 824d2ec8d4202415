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
#include "controller/topology/path_book.h"
#include "controller/topology/topology.h"

namespace faultline::core {

// kInvalid names the value that nothing has, and the nearest ones. Components are those of the
// topology (settled), of `paths`, the fleet and `incidents`; while no link at all is known, one
// between known ends is taken at its word. Labels are those of nodes that are not removed.
[[nodiscard]] Status check_selector(const incident::Selector& selector, const fleet::Fleet& fleet,
                                    const topology::Topology& topology,
                                    const topology::PathBook& paths,
                                    const std::vector<incident::Incident>& incidents);

}  // namespace faultline::core
