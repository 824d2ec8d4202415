// The shapes of network that the campaign runs on: data centers, wide areas, clouds, and any other
// from a file.
#pragma once

#include <cstdint>
#include <istream>

#include "common/base/random.h"
#include "common/base/result.h"
#include "tests/campaign/localize/fabric.h"

namespace faultline::campaign {

// k pods of k/2 edge and k/2 aggregation switches, (k/2)^2 cores, `hosts` per edge switch.
[[nodiscard]] Fabric fat_tree(std::uint32_t k, std::uint32_t hosts);
// Oversubscribed hosts : spines.
[[nodiscard]] Fabric leaf_spine(std::uint32_t leaves, std::uint32_t spines, std::uint32_t hosts);

struct ThreeTier {
  std::uint32_t cores = 2;
  std::uint32_t blocks = 4;  // each a pair of aggregation switches
  std::uint32_t access = 4;  // access switches per block, each on both of the pair
  std::uint32_t hosts = 4;   // per access switch
};
[[nodiscard]] Fabric three_tier(const ThreeTier& shape);

struct Wan {
  std::uint32_t routers = 40;
  std::uint32_t cables = 60;   // a random tree first, then the shortest that are missing
  std::uint32_t vantages = 8;  // routers with a probing host
};
[[nodiscard]] Fabric wan(const Wan& shape, Rng& rng);

struct Vpc {
  std::uint32_t zones = 3;
  std::uint32_t hypervisors = 4;  // per zone, each a vSwitch
  std::uint32_t vms = 3;          // per hypervisor
};
// vSwitches on their zone's gateway; the gateways are joined by tunnels, each a device of its own.
[[nodiscard]] Fabric vpc(const Vpc& shape);

// Lines "a b [cost]", '#' starts a comment. Devices with one cable are the probing hosts; when
// there are none, each device gets one. kInvalid names the line.
[[nodiscard]] Result<Fabric> read_edges(std::istream& input);

}  // namespace faultline::campaign
