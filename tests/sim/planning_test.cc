// Planning in a whole fleet that cannot afford all pairs: what it covers in the end, that it rests,
// and what it does when nodes and routes change.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "controller/plan/coverage.h"
#include "controller/plan/reports.h"
#include "tests/sim/controller.h"
#include "tests/sim/probe.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kSeedFirst = 5001;
constexpr std::uint64_t kSeeds = 20;
constexpr std::uint32_t kHosts = 40;
constexpr std::uint32_t kLeaves = 8;
constexpr std::uint32_t kSpines = 8;
constexpr std::uint32_t kFlowsMax = 16;

// Every leaf hashes in a way of its own.
std::unique_ptr<SimFleet> large_fleet(std::uint64_t seed) {
  auto fleet = std::make_unique<SimFleet>(
      seed, kHosts, kLeaves, kSpines,
      SimFleet::Options{
          .tracked_flows_per_node_max = kFlowsMax, .traces_per_second = 1, .labels = true});
  for (std::uint32_t leaf = 0; leaf < kLeaves; ++leaf) {
    fleet->fabric.rehash(leaf, seed * kLeaves + leaf);
  }
  return fleet;
}

const core::PlanningNumbers& numbers(const SimFleet& fleet) {
  const auto& found = fleet.controller->core().planning_numbers();
  REQUIRE(found.has_value());
  return *found;
}

// Until nothing is tried any more; how long it took.
Duration settle(SimFleet& fleet, Duration at_most) {
  Duration passed{};
  while (passed < at_most) {
    fleet.run(minutes{1});
    passed += minutes{1};
    const auto& found = fleet.controller->core().planning_numbers();
    if (found && found->explored && found->tried == 0 && found->gaps.total() == 0) break;
  }
  return passed;
}

TEST_CASE("a fleet that cannot afford all pairs learns to cover and tell apart every link",
          "[sim][plan]") {
  for (std::uint64_t seed = getenv("SEED") ? atoi(getenv("SEED")) : kSeedFirst;
       seed < kSeedFirst + kSeeds; ++seed) {
    CAPTURE(seed);
    const auto fleet = large_fleet(seed);
    const auto took = settle(*fleet, minutes{60});
    const auto& found = numbers(*fleet);
    CAPTURE(core::sentence(found), took / minutes{1});
    CHECK(found.gaps.total() == 0);
    CHECK(found.covered == found.links);
    CHECK(found.links == 2 * (kHosts + kLeaves * kSpines));
  }
}

}  // namespace
}  // namespace faultline::sim
