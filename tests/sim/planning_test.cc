// Planning in a whole fleet that cannot afford all pairs: what it covers in the end, that it rests,
// and what it does when nodes and routes change.
#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "tests/sim/controller.h"
#include "tests/sim/probe.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kSeedFirst = 5001;
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kSeeds = 3;  // several times as slow
#else
constexpr std::uint64_t kSeeds = 20;
#endif
constexpr std::uint32_t kHosts = 40;
constexpr std::uint32_t kLeaves = 8;
constexpr std::uint32_t kSpines = 8;
constexpr std::uint32_t kFlowsMax = 16;
constexpr Duration kSettledWithin = minutes{60};

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

std::set<plan::PairPort> flows_of(const SimFleet& fleet) {
  std::set<plan::PairPort> flows;
  for (const auto& plan : fleet.controller->core().plans().plans) {
    for (const auto& flow : plan.flows) {
      flows.insert({plan.node, plan.peers[flow.peer].node, flow.source_port});
    }
  }
  return flows;
}

const core::PlanningNumbers& numbers(const SimFleet& fleet) {
  const auto& found = fleet.controller->core().planning_numbers();
  REQUIRE(found.has_value());
  return *found;
}

// Until every gap is closed and nothing is tried any more.
void settle(SimFleet& fleet) {
  for (Duration passed{}; passed < kSettledWithin; passed += minutes{1}) {
    fleet.run(minutes{1});
    const auto& core = fleet.controller->core();
    const auto& found = core.planning_numbers();
    if (found && found->explored && found->tried == 0 && found->gaps.total() == 0 &&
        found->mesh_flows + core.plans().extra.size() == flows_of(fleet).size()) {
      return;
    }
  }
}

void check_settled(const SimFleet& fleet, std::uint32_t hosts) {
  const auto& found = numbers(fleet);
  CAPTURE(core::sentence(found));
  CHECK(found.gaps.total() == 0);
  CHECK(found.tried == 0);
  CHECK(found.covered == found.links);
  CHECK(found.links == 2 * (hosts + kLeaves * kSpines));
}

// Flows beyond the mesh that came or went, without those of `host`.
std::size_t extra_changed(const std::vector<plan::PairPort>& before,
                          const std::vector<plan::PairPort>& after, NodeId host) {
  std::vector<plan::PairPort> changed;
  std::ranges::set_symmetric_difference(before, after, std::back_inserter(changed));
  return static_cast<std::size_t>(std::ranges::count_if(changed, [&](const plan::PairPort& flow) {
    return flow.source != host && flow.target != host;
  }));
}

NodeId node_of(const SimFleet& fleet, std::uint32_t host) {
  for (const auto& [id, node] : fleet.controller->core().fleet().nodes()) {
    if (node.record.name == "h" + std::to_string(host)) return id;
  }
  return {};
}

TEST_CASE(
    "a fleet that cannot afford all pairs learns to cover and tell apart every link, rests, "
    "and does so again after hosts and routes changed",
    "[sim][plan]") {
  for (std::uint64_t seed = kSeedFirst; seed < kSeedFirst + kSeeds; ++seed) {
    CAPTURE(seed);
    const auto fleet = large_fleet(seed);
    settle(*fleet);
    check_settled(*fleet, kHosts);
    const auto first = flows_of(*fleet);
    const auto extra = fleet->controller->core().plans().extra;
    fleet->run(minutes{3});
    CHECK(flows_of(*fleet) == first);

    fleet->add_host();
    settle(*fleet);
    check_settled(*fleet, kHosts + 1);
    const auto added = node_of(*fleet, kHosts + 1);
    const auto more = fleet->controller->core().plans().extra;
    // The share of one host. Of all flows at most 1 % change where a host is that little of the
    // fleet: tests/property/controller/plan.
    const auto of_one_host = first.size() / kHosts;
    CHECK(extra_changed(extra, more, added) <= of_one_host);

    fleet->remove_host(kHosts + 1);
    settle(*fleet);
    check_settled(*fleet, kHosts);
    CHECK(extra_changed(more, fleet->controller->core().plans().extra, added) <= of_one_host);

    const auto changes = fleet->controller->core().paths()->route_changes();
    fleet->fabric.rehash(seed % kLeaves, seed + 1'000'000);
    settle(*fleet);
    fleet->run(minutes{3});
    settle(*fleet);
    CHECK(fleet->controller->core().paths()->route_changes() > changes);
    check_settled(*fleet, kHosts);
  }
}

TEST_CASE("a controller that starts again plans the same flows", "[sim][plan]") {
  const auto fleet = large_fleet(kSeedFirst + 3);
  settle(*fleet);
  const auto before = flows_of(*fleet);
  REQUIRE_FALSE(fleet->controller->core().plans().extra.empty());
  fleet->crash_controller();
  fleet->run(seconds{5});
  fleet->start_controller();
  fleet->run(seconds{20});
  CHECK(flows_of(*fleet) == before);
}

// Flows on the fullest link, in the fabric's own terms. A link between routers is known by where it
// comes in; the first hop of all hosts at a leaf is one address.
std::uint32_t fullest_link_flows(const SimFleet& fleet) {
  std::map<std::string, std::uint32_t> flows;
  for (const auto& [source, target, port] : flows_of(fleet)) {
    for (const auto direction : {Direction::kForward, Direction::kReturn}) {
      const auto hops = fleet.fabric.hops(source.value(), target.value(), port, direction);
      for (std::size_t i = 1; i < hops.size(); ++i) {
        if (hops[i].address) ++flows[hops[i].address->to_string()];
      }
    }
    ++flows["to host " + std::to_string(source.value())];
    ++flows["to host " + std::to_string(target.value())];
  }
  std::uint32_t most = 0;
  for (const auto& [link, count] : flows) most = std::max(most, count);
  return most;
}

TEST_CASE("a fleet that affords all pairs looks for its fullest link only", "[sim][plan]") {
  SimFleet fleet(kSeedFirst, 8, 4, 2);
  const auto& core = fleet.controller->core();
  for (Duration passed{}; passed < kSettledWithin; passed += minutes{1}) {
    fleet.run(minutes{1});
    if (core.planning_numbers() && core.planning_numbers()->paths_unknown == 0) break;
  }
  REQUIRE(core.plans().all_pairs);
  CHECK(core.plans().extra.empty());
  CHECK(numbers(fleet).tried == 0);
  CHECK(numbers(fleet).fullest_link_flows == fullest_link_flows(fleet));
  CHECK(core.plans().flow_interval == seconds{1});  // it carries far less than it may
}

}  // namespace
}  // namespace faultline::sim
