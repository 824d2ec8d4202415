// Random fleets and budgets: what must hold for every plan, whatever the numbers.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "common/base/random.h"
#include "controller/plan/planner.h"
#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

constexpr std::uint64_t kSeeds = 30;

std::uint32_t draw(Rng& rng, std::uint32_t low, std::uint32_t high) {
  return low + static_cast<std::uint32_t>(uniform_below(rng, high - low + 1));
}

FleetMember random_member(Rng& rng, std::uint32_t id) {
  FleetMember member{
      .id = NodeId{id}, .name = fmt::format("node-{}", id), .key = {}, .profile = {}};
  member.profile.address = IpAddress::v4(0x0a000000 + id);
  member.profile.source_port_first = 40'000;
  member.profile.source_port_count = static_cast<std::uint16_t>(draw(rng, 1, 16));
  return member;
}

FleetView random_fleet(Rng& rng) {
  std::set<std::uint32_t> ids;  // with gaps, as removals leave them
  const auto size = draw(rng, 2, 60);
  while (ids.size() < size) ids.insert(draw(rng, 1, 200));
  FleetView fleet;
  for (const auto id : ids) fleet.push_back(random_member(rng, id));
  return fleet;
}

PlannerConfig random_config(Rng& rng) {
  return {.flows_per_pair = draw(rng, 1, 16),
          .tracked_flows_per_node_max = draw(rng, 1, 600),
          .packets_per_second_per_node_max = draw(rng, 61, 1500)};
}

std::set<NodeId> targets_of(const Plan& plan) {
  std::set<NodeId> targets;
  for (const auto& flow : plan.flows) targets.insert(plan.peers[flow.peer].node);
  return targets;
}

// The flows of a plan in a form that does not depend on the peers' indexes.
std::set<std::pair<NodeId, std::uint16_t>> flows_of(const Plan& plan) {
  std::set<std::pair<NodeId, std::uint16_t>> flows;
  for (const auto& flow : plan.flows) flows.emplace(plan.peers[flow.peer].node, flow.source_port);
  return flows;
}

TEST_CASE("all pairs are covered in both directions, or every node has its fan-out", "[plan]") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    const auto fleet = random_fleet(rng);
    const auto set = make_plans(fleet, random_config(rng), PlanRevision{1}, {});
    REQUIRE(set.plans.size() == fleet.size());
    std::map<NodeId, std::set<NodeId>> sources;
    for (const auto& plan : set.plans) {
      const auto targets = targets_of(plan);
      REQUIRE(!targets.contains(plan.node));
      if (set.all_pairs) REQUIRE(targets.size() == fleet.size() - 1);
      REQUIRE(!targets.empty());
      for (const auto target : targets) sources[target].insert(plan.node);
    }
    for (const auto& plan : set.plans) {  // measured by others as much as it measures
      REQUIRE(sources[plan.node].size() == targets_of(plan).size());
    }
  }
}

TEST_CASE("no plan exceeds a budget, repeats a flow or leaves its ports", "[plan]") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    const auto fleet = random_fleet(rng);
    const auto config = random_config(rng);
    const auto set = make_plans(fleet, config, PlanRevision{1}, {});
    for (std::size_t i = 0; i < set.plans.size(); ++i) {
      const auto& plan = set.plans[i];
      const auto& profile = std::ranges::find(fleet, plan.node, &FleetMember::id)->profile;
      REQUIRE(plan.flows.size() <= config.tracked_flows_per_node_max);
      REQUIRE(plan.peers.size() <= kPlanPeersMax);
      REQUIRE(plan.flow_interval >= config.flow_interval);
      REQUIRE(plan.flow_interval <= plan.window);
      REQUIRE(set.budgets[i].packets_per_second_sent <=
              config.packets_per_second_per_node_max + 1e-9);
      REQUIRE(flows_of(plan).size() == plan.flows.size());
      REQUIRE(std::ranges::all_of(plan.flows, [&](const PlanFlow& flow) {
        return flow.source_port >= profile.source_port_first &&
               flow.source_port < profile.source_port_first + profile.source_port_count;
      }));
    }
  }
}

TEST_CASE("no plan harms a host, a rack, a neighbor table or a router", "[plan]") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    auto fleet = random_fleet(rng);
    TracerCounts tracers;
    const auto racks = draw(rng, 1, 10);
    for (auto& member : fleet) {
      if (draw(rng, 0, 3) > 0) {
        member.profile.labels["rack"] = fmt::format("r{}", draw(rng, 1, racks));
      }
      if (draw(rng, 0, 1) > 0) tracers.emplace(member.id, draw(rng, 0, 200));
    }
    auto config = random_config(rng);
    config.packets_per_second_per_rack_max = draw(rng, 1, 200);
    config.neighbors_per_node_max = draw(rng, kNeighborsPerNodeMin, 40);
    config.router_packets_per_second_max = draw(rng, 1, 100);
    const auto set = make_plans(fleet, config, PlanRevision{1}, {}, {.tracers = &tracers});
    const bool flat = std::ranges::any_of(set.reduced, [](const std::string& sentence) {
      return sentence.find("may share one segment") != std::string::npos;
    });
    double unknown_rate = 0;
    for (const auto& plan : set.plans) {
      const double interval = std::chrono::duration<double>(plan.flow_interval).count();
      std::map<DestinationGroup, double> to_rack;
      for (const auto& flow : plan.flows) to_rack[destination_group(plan.peers[flow.peer])] += 1;
      for (const auto& [rack, flows] : to_rack) {
        REQUIRE(flows / interval <= config.packets_per_second_per_rack_max);
      }
      if (flat) REQUIRE(plan.peers.size() <= config.neighbors_per_node_max);
      const auto known = tracers.find(plan.node);
      const double rate = trace_probes_per_second(plan);
      if (known != tracers.end()) {
        REQUIRE(rate * known->second <= config.router_packets_per_second_max + 1e-6);
      } else {
        unknown_rate += rate;
      }
    }
    REQUIRE(unknown_rate <= config.router_packets_per_second_max + 1e-6);
  }
}

TEST_CASE("whoever sends to a node is among its peers", "[plan]") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    const auto set = make_plans(random_fleet(rng), random_config(rng), PlanRevision{1}, {});
    std::set<std::pair<NodeId, NodeId>> known;
    for (const auto& plan : set.plans) {
      for (const auto& peer : plan.peers) known.emplace(plan.node, peer.node);
    }
    for (const auto& [node, peer] : known) REQUIRE(known.contains({peer, node}));
  }
}

TEST_CASE("one node more leaves the others' flows alone, but for one peer of each fan-out",
          "[plan]") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    auto fleet = random_fleet(rng);
    const auto config = random_config(rng);
    const auto before = make_plans(fleet, config, PlanRevision{1}, {});
    fleet.push_back(random_member(rng, 201));
    const auto after = make_plans(fleet, config, PlanRevision{2}, before.plans);
    if (before.flows_per_pair != after.flows_per_pair) continue;  // a limit was met in between
    for (std::size_t i = 0; i < before.plans.size(); ++i) {
      const auto old_flows = flows_of(before.plans[i]);
      const auto new_flows = flows_of(after.plans[i]);
      std::set<NodeId> gone;
      for (const auto& flow : old_flows) {
        if (!new_flows.contains(flow)) gone.insert(flow.first);
      }
      REQUIRE(gone.size() <= (after.all_pairs ? 0 : 1));
    }
  }
}

TEST_CASE("the same fleet in any order gets the same plans", "[plan]") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    auto fleet = random_fleet(rng);
    const auto config = random_config(rng);
    const auto first = make_plans(fleet, config, PlanRevision{1}, {});
    std::shuffle(fleet.begin(), fleet.end(), rng);
    const auto second = make_plans(fleet, config, PlanRevision{2}, first.plans);
    REQUIRE(second.changed.empty());
    REQUIRE(second.plans == first.plans);
  }
}

}  // namespace
}  // namespace faultline::plan
