// A cloud's elements as devices and ways of the topology, so that tomography can suspect them.
//
// Why it is here: controller/vpc and controller/topology are pure leaves that do not know each
// other. Pure itself.
#pragma once

#include <cstddef>
#include <cstdint>

#include "controller/topology/inventory.h"
#include "controller/vpc/model.h"

namespace faultline::cli {

// What fleet measurements take (RFC 8762's port). Routes do not depend on it, rules may.
inline constexpr std::uint16_t kStampPort = 862;

struct CloudTopology {
  topology::Inventory inventory{};
  std::size_t ends = 0;      // addresses of machines, and networks beyond the snapshot's own
  std::size_t denied = 0;    // directed pairs between which nothing may be measured
  std::size_t left_out = 0;  // ways beyond topology::kWaysMax
};

// Devices are those that some way crosses, under their ids (with "_" for what a name may not have).
// A way that crosses none is left out: the two are joined by the cloud's own network, which has no
// name.
[[nodiscard]] CloudTopology cloud_topology(const vpc::Model& model);

}  // namespace faultline::cli
