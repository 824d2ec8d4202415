// The topology as the API tells it: what the inventory and traces say, with what nodes say of
// themselves: the switch port that each is in, and which of them are VMs of which.
//
// Thread safety: pure but for `facts_of`; reentrant.
#pragma once

#include <functional>
#include <optional>

#include "common/facts/facts.h"
#include "controller/api/views.h"
#include "controller/app/snapshot.h"

namespace faultline::app {

// Empty: the node sent none.
using FactsOf = std::function<std::optional<facts::Facts>(NodeId)>;

// `snapshot` has a topology. Cost: all nodes' facts are read and kept while it runs.
[[nodiscard]] api::TopologyView topology_view(const Snapshot& snapshot, const FactsOf& facts_of);

}  // namespace faultline::app
