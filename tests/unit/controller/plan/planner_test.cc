#include "controller/plan/planner.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

FleetMember member(std::uint32_t id) {
  FleetMember member{.id = NodeId{id}, .name = fmt::format("h{}", id), .key = {}, .profile = {}};
  member.key.bytes[0] = static_cast<std::uint8_t>(id);
  member.profile.address = IpAddress::v4(0x0a000000 + id);
  member.profile.source_port_first = 40'000;
  member.profile.source_port_count = 16;
  member.profile.mesh_port = 5001;
  return member;
}

FleetView fleet_of(std::uint32_t nodes) {
  FleetView fleet;
  for (std::uint32_t id = 1; id <= nodes; ++id) fleet.push_back(member(id));
  return fleet;
}

PlanSet plans_for(const FleetView& fleet, const PlannerConfig& config = {}) {
  return make_plans(fleet, config, PlanRevision{1}, {});
}

std::size_t flows_to(const Plan& plan, NodeId target) {
  return static_cast<std::size_t>(std::ranges::count_if(
      plan.flows, [&](const PlanFlow& flow) { return plan.peers[flow.peer].node == target; }));
}

TEST_CASE("every node measures every other on eight ports, and uses all of its sixteen", "[plan]") {
  const auto set = plans_for(fleet_of(16));
  REQUIRE(set.plans.size() == 16);
  CHECK(set.all_pairs);
  CHECK(set.reduced.empty());
  for (const auto& plan : set.plans) {
    std::set<std::uint16_t> ports;
    for (const auto& flow : plan.flows) ports.insert(flow.source_port);
    CHECK(ports.size() == 16);
    CHECK(*ports.begin() == 40'000);
    CHECK(*ports.rbegin() == 40'015);
    for (std::uint32_t id = 1; id <= 16; ++id) {
      CHECK(flows_to(plan, NodeId{id}) == (plan.node == NodeId{id} ? 0 : 8));
    }
  }
}

TEST_CASE("one flow in so many is large, and of each class, whatever else is planned", "[plan]") {
  const PlannerConfig config{.dscp_classes = {46, 10}};
  const auto kinds_of = [&](std::uint32_t nodes) {
    std::map<PairPort, std::pair<std::uint16_t, std::uint8_t>> kinds;
    for (const auto& plan : plans_for(fleet_of(nodes), config).plans) {
      for (const auto& flow : plan.flows) {
        kinds[{plan.node, plan.peers[flow.peer].node, flow.source_port}] = {flow.size, flow.dscp};
      }
    }
    return kinds;
  };
  const auto kinds = kinds_of(16);
  const auto share = [&](auto is_of_kind) {
    return static_cast<double>(std::ranges::count_if(
               kinds, [&](const auto& it) { return is_of_kind(it.second); })) /
           static_cast<double>(kinds.size());
  };
  CHECK(share([](const auto& kind) { return kind.first == 1500; }) == Approx(0.125).margin(0.02));
  CHECK(share([](const auto& kind) { return kind.first == 0; }) == Approx(0.875).margin(0.02));
  CHECK(share([](const auto& kind) { return kind.second == 46; }) == Approx(0.125).margin(0.02));
  CHECK(share([](const auto& kind) { return kind.second == 10; }) == Approx(0.125).margin(0.02));
  const auto more = kinds_of(17);
  for (const auto& [flow, kind] : kinds) CHECK(more.at(flow) == kind);
  for (const auto& plan : plans_for(fleet_of(4), {.large_packet_bytes = 0}).plans) {
    for (const auto& flow : plan.flows) CHECK((flow.size == 0 && flow.dscp == 0));
  }
}

TEST_CASE("large packets are counted in bytes before roll-out", "[plan]") {
  const auto small = plans_for(fleet_of(8), {.large_packet_bytes = 0});
  const auto all_large = plans_for(fleet_of(8), {.large_flows_one_in = 1});
  REQUIRE(small.budgets.size() == 8);
  const double flows = 7 * 8;  // sent, and as many answered
  CHECK(all_large.budgets[0].bytes_per_second - small.budgets[0].bytes_per_second ==
        Approx(2 * flows * (1500 - 72)));
}

TEST_CASE("a link that too many flows cross makes the packets of all flows rarer, in steps",
          "[plan]") {
  const PlannerConfig config{.packets_per_second_per_link_max = 100};
  const auto interval = [&](std::uint32_t flows) {
    return make_plans(fleet_of(4), config, PlanRevision{1}, {}, {.fullest_link_flows = flows})
        .flow_interval;
  };
  CHECK(interval(0) == std::chrono::seconds{1});
  CHECK(interval(100) == std::chrono::seconds{1});
  CHECK(interval(101) == std::chrono::milliseconds{1250});
  CHECK(interval(125) == std::chrono::milliseconds{1250});
  for (std::uint32_t flows = 100; flows < 100'000; flows = flows * 3 / 2 + 1) {
    const double rate = flows / std::chrono::duration<double>(interval(flows)).count();
    CHECK(rate <= 100);
    CHECK(rate > 100 / 1.26);
  }
  const auto set =
      make_plans(fleet_of(4), config, PlanRevision{1}, {}, {.fullest_link_flows = 500});
  REQUIRE(set.reduced.size() == 1);
  CHECK(set.reduced[0].find("500 flows cross one link") != std::string::npos);
  CHECK_FALSE(validate(PlannerConfig{.packets_per_second_per_link_max = 0}));
}

TEST_CASE("a plan names its peers as the probe needs them", "[plan]") {
  auto fleet = fleet_of(2);
  fleet[1].profile.reflector_port = 1862;
  const auto plan = plans_for(fleet).plans[0];
  REQUIRE(plan.peers.size() == 1);
  CHECK(plan.peers[0] == PlanPeer{.node = NodeId{2},
                                  .name = "h2",
                                  .address = fleet[1].profile.address,
                                  .reflector_port = 1862,
                                  .mesh_port = 5001,
                                  .key = fleet[1].key});
}

TEST_CASE("a node without peers gets an empty plan, and an empty fleet none", "[plan]") {
  CHECK(plans_for({}).plans.empty());
  const auto set = plans_for(fleet_of(1));
  REQUIRE(set.plans.size() == 1);
  CHECK(set.plans[0].flows.empty());
  CHECK(set.budgets[0].packets_per_second_sent == 0);
  CHECK(set.reduced.empty());
}

TEST_CASE("past 512 flows every pair gets fewer, all the same", "[plan]") {
  const auto set = plans_for(fleet_of(101));
  CHECK(set.all_pairs);
  CHECK(set.flows_per_pair == 5);
  for (const auto& plan : set.plans) CHECK(plan.flows.size() == 500);
  REQUIRE(set.reduced.size() == 2);  // and traces, for 101 nodes may meet at a router
  CHECK(set.reduced[0].find("5 instead of 8 flows per pair") != std::string::npos);
}

TEST_CASE("past one flow per pair nodes measure the next ones by hash of the name", "[plan]") {
  const PlannerConfig config{.tracked_flows_per_node_max = 4};
  const auto set = plans_for(fleet_of(12), config);
  CHECK(!set.all_pairs);
  CHECK(set.flows_per_pair == 1);
  CHECK(set.flows_per_node_max == 4);
  REQUIRE(set.reduced.size() == 1);
  CHECK(set.reduced[0].find("3 of 11 others") != std::string::npos);
  for (const auto& plan : set.plans) {
    CHECK(plan.flows.size() == 3);  // a quarter is kept for flows beyond the mesh
    CHECK(plan.peers.size() == 6);  // three that it measures, three that measure it
  }
}

// The mesh of the case above, and one flow that is not in it.
struct BeyondMesh {
  PlannerConfig config{.tracked_flows_per_node_max = 4};
  FleetView fleet = fleet_of(12);
  PlanSet before = plans_for(fleet, config);
  PairPort flow{NodeId{1}, {}, 40'003};

  BeyondMesh() {
    for (std::uint32_t id = 2; id <= 12 && flow.target == NodeId{}; ++id) {
      if (flows_to(before.plans[0], NodeId{id}) == 0) flow.target = NodeId{id};
    }
  }
  [[nodiscard]] PlanSet with(const std::vector<PairPort>& extra) const {
    return make_plans(fleet, config, PlanRevision{2}, before.plans, {.extra = extra});
  }
};

TEST_CASE("an extra flow changes the plans of its two ends, adds to them, and nothing else",
          "[plan]") {
  const BeyondMesh mesh;
  const auto after = mesh.with({mesh.flow});
  CHECK(after.extra == std::vector{mesh.flow});
  CHECK(after.flow_interval == mesh.before.flow_interval);
  CHECK(after.plans[0].flows.size() == 4);
  CHECK(flows_to(after.plans[0], mesh.flow.target) == 1);
  for (const auto node : after.changed) CHECK((node == NodeId{1} || node == mesh.flow.target));
  CHECK(mesh.with({}).changed.empty());
}

TEST_CASE("extra flows that cannot be, or find no room, are left out", "[plan]") {
  const BeyondMesh mesh;
  const auto& meshed = mesh.before.plans[0];
  const PairPort in_mesh{NodeId{1}, meshed.peers[meshed.flows[0].peer].node,
                         meshed.flows[0].source_port};
  const auto [source, target, port] = mesh.flow;
  CHECK(mesh.with({in_mesh}).extra.empty());
  CHECK(mesh.with({{source, NodeId{99}, port}}).extra.empty());
  CHECK(mesh.with({{source, source, port}}).extra.empty());
  CHECK(mesh.with({{source, target, 39'999}}).extra.empty());
  CHECK(mesh.with({{source, target, 40'016}}).extra.empty());
  CHECK(mesh.with({mesh.flow, mesh.flow}).extra == std::vector{mesh.flow});
  // One more than there is room for: the first stands.
  CHECK(mesh.with({mesh.flow, {source, target, 40'004}}).extra == std::vector{mesh.flow});
}

TEST_CASE("where all pairs are afforded there is nothing beyond", "[plan]") {
  const std::vector<PairPort> extra{{NodeId{1}, NodeId{2}, 40'015}};
  const auto set = make_plans(fleet_of(4), {}, PlanRevision{1}, {}, {.extra = extra});
  CHECK(set.extra.empty());
  CHECK(set.plans == plans_for(fleet_of(4)).plans);
}

TEST_CASE("packets are sent less often rather than beyond the budget", "[plan]") {
  const PlannerConfig config{.packets_per_second_per_node_max = 100};  // 60 of them for traces
  const auto set = plans_for(fleet_of(16), config);
  CHECK(set.flow_interval == std::chrono::seconds{3});  // 120 flows at 40 per second
  REQUIRE(set.reduced.size() == 1);
  CHECK(set.reduced[0].find("every 3s instead of 1s") != std::string::npos);
  CHECK(set.budgets[0].packets_per_second_sent == Approx(100));
}

TEST_CASE("flows that could not send once in a window are not planned", "[plan]") {
  const PlannerConfig config{.packets_per_second_per_node_max = 61};
  const auto set = plans_for(fleet_of(16), config);
  CHECK(set.flow_interval == config.window);
  CHECK(set.flows_per_node_max == 10);
  CHECK(set.plans[0].flows.size() == 8);  // the rest is kept for flows beyond the mesh
}

TEST_CASE("the budget counts what a node sends, reflects and traces", "[plan]") {
  const auto budget = plans_for(fleet_of(16), {.large_packet_bytes = 0}).budgets[3];
  CHECK(budget.node == NodeId{4});
  CHECK(budget.flows == 120);
  CHECK(budget.packets_per_second_sent == Approx(120 + 60));
  CHECK(budget.packets_per_second_reflected == Approx(120));
  CHECK(budget.bytes_per_second == Approx(300 * 72));
  CHECK(budget.trace_cycle == std::chrono::seconds{240});
}

TEST_CASE("a plan keeps its revision until its content changes", "[plan]") {
  auto fleet = fleet_of(4);
  const auto first = make_plans(fleet, {}, PlanRevision{1}, {});
  CHECK(first.changed.size() == 4);

  std::ranges::reverse(fleet);
  const auto same = make_plans(fleet, {}, PlanRevision{2}, first.plans);
  CHECK(same.changed.empty());
  CHECK(same.plans == first.plans);

  fleet[0].profile.address = IpAddress::v4(0x0a0000ff);  // node 4 moves: all others must know
  const auto moved = make_plans(fleet, {}, PlanRevision{3}, first.plans);
  CHECK(moved.changed == std::vector{NodeId{1}, NodeId{2}, NodeId{3}});
  CHECK(moved.plans[0].revision == PlanRevision{3});
  CHECK(moved.plans[3].revision == PlanRevision{1});
}

TEST_CASE("nodes of different address families do not measure each other", "[plan]") {
  auto fleet = fleet_of(3);
  fleet[2].profile.address = IpAddress::parse("2001:db8::3").value();
  const auto set = plans_for(fleet);
  CHECK(set.pairs_mixed == 4);
  CHECK(set.plans[0].peers.size() == 1);
  CHECK(set.plans[2].peers.empty());
}

TEST_CASE("a node with few ports has as many flows as ports", "[plan]") {
  auto fleet = fleet_of(3);
  fleet[0].profile.source_port_count = 2;
  const auto set = plans_for(fleet);
  CHECK(set.plans[0].flows.size() == 4);
  CHECK(set.plans[1].flows.size() == 16);
}

TEST_CASE("a config that no plan could obey is refused by the name of its field", "[plan]") {
  using std::chrono::milliseconds;
  const std::pair<PlannerConfig, const char*> cases[] = {
      {{.window = std::chrono::seconds{61}}, "window"},
      {{.window = milliseconds{1500}}, "window"},
      {{.flow_interval = milliseconds{1}}, "flow_interval"},
      {{.flow_interval = std::chrono::seconds{11}}, "flow_interval"},
      {{.reply_timeout = {}}, "reply_timeout"},
      {{.lease = {}}, "lease"},
      {{.flows_per_pair = 0}, "flows_per_pair"},
      {{.tracked_flows_per_node_max = 0}, "tracked_flows_per_node_max"},
      {{.tracked_flows_per_node_max = 5000}, "tracked_flows_per_node_max"},
      {{.packets_per_second_per_node_max = 60}, "packets_per_second_per_node_max"},
      {{.packets_per_second_per_node_max = 200'000}, "packets_per_second_per_node_max"},
      {{.large_packet_bytes = 100}, "large_packet_bytes"},
      {{.large_packet_bytes = 9000}, "large_packet_bytes"},
      {{.large_flows_one_in = 0}, "large_flows_one_in"},
      {{.dscp_classes = {64}}, "dscp_classes"},
      {{.dscp_classes = {0}}, "dscp_classes"},
      {{.dscp_classes = {8, 8}}, "dscp_classes"},
      {{.dscp_classes = {1, 2, 3, 4, 5}}, "dscp_classes"},
      {{.traces_per_second = 0}, "traces_per_second"},
      {{.router_packets_per_second_max = 0}, "router_packets_per_second_max"},
      {{.packets_per_second_per_rack_max = 0}, "packets_per_second_per_rack_max"},
      {{.packets_per_second_per_rack_max = 10'001}, "packets_per_second_per_rack_max"},
      {{.neighbors_per_node_max = 15}, "neighbors_per_node_max"},
  };
  CHECK(validate(PlannerConfig{}));
  for (const auto& [config, field] : cases) {
    const auto status = validate(config);
    REQUIRE(!status);
    CHECK(status.error().context.find(field) == 0);
  }
}

}  // namespace
}  // namespace faultline::plan
