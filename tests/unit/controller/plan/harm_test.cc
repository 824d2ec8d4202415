#include "controller/plan/harm.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

FleetView racks_with(std::uint32_t racks, std::uint32_t hosts) {
  FleetView fleet;
  for (std::uint32_t id = 0; id < racks * hosts; ++id) {
    FleetMember member{
        .id = NodeId{id + 1}, .name = fmt::format("h{}", id), .key = {}, .profile = {}};
    member.profile.address = IpAddress::v4(0x0a000000 + id);
    member.profile.source_port_first = 40'000;
    member.profile.source_port_count = 16;
    member.profile.labels["rack"] = fmt::format("r{}", id / hosts);
    fleet.push_back(std::move(member));
  }
  return fleet;
}

FleetView flat_fleet(std::uint32_t hosts) {
  auto fleet = racks_with(1, hosts);
  for (auto& member : fleet) member.profile.labels.clear();
  return fleet;
}

PlanSet plans_of(const FleetView& fleet, const PlannerConfig& config = {},
                 const TracerCounts* tracers = nullptr) {
  return make_plans(fleet, config, PlanRevision{1}, {}, {.tracers = tracers});
}

std::string said(const PlanSet& set) {
  std::string text;
  for (const auto& sentence : set.reduced) text += sentence + "\n";
  return text;
}

TEST_CASE("a plan tells each peer's rack, the same number to all, none without a label", "[plan]") {
  auto fleet = racks_with(3, 2);
  fleet[5].profile.labels.clear();
  std::map<NodeId, std::set<std::uint16_t>> told;
  for (const auto& plan : plans_of(fleet).plans) {
    for (const auto& peer : plan.peers) told[peer.node].insert(peer.group);
  }
  for (const auto& [node, groups] : told) CHECK(groups.size() == 1);
  CHECK(told[NodeId{1}] == told[NodeId{2}]);
  CHECK(told[NodeId{3}] == told[NodeId{4}]);
  CHECK(told[NodeId{1}] != told[NodeId{3}]);
  CHECK(told[NodeId{1}] != std::set<std::uint16_t>{0});
  CHECK(told[NodeId{6}] == std::set<std::uint16_t>{0});
}

TEST_CASE("what a probe sends to one rack makes flows rarer before it meets the limit", "[plan]") {
  const auto usual = plans_of(racks_with(2, 8));
  CHECK(usual.flow_interval == seconds{1});
  CHECK(usual.plans[0].packets_per_second_per_group_max == 0);  // the probe's own
  const auto set = plans_of(racks_with(2, 8), {.packets_per_second_per_rack_max = 20});
  CHECK(set.flow_interval == seconds{4});  // 64 flows to the other rack at 16 per second
  CHECK(set.plans[0].packets_per_second_per_group_max == 20);
  CHECK(said(set).find("every 4s instead of 1s") != std::string::npos);
}

TEST_CASE(
    "no config makes a plan that probes would refuse for its packets to one host or its bytes",
    "[plan]") {
  const PlannerConfig fast{.flow_interval = milliseconds{10},
                           .flows_per_pair = 64,
                           .packets_per_second_per_node_max = 100'000};
  auto fleet = flat_fleet(2);
  for (auto& member : fleet) member.profile.source_port_count = 64;
  CHECK(plans_of(fleet, fast).flow_interval == milliseconds{32});
  const PlannerConfig heavy{.flow_interval = milliseconds{10},
                            .packets_per_second_per_node_max = 100'000,
                            .large_packet_bytes = 2000,
                            .large_flows_one_in = 1};
  // 512 flows of 2,000 bytes
  CHECK(plans_of(flat_fleet(65), heavy).flow_interval == milliseconds{82});
}

TEST_CASE("where a segment may hold more nodes than a neighbor table should, peers are bounded",
          "[plan]") {
  const PlannerConfig config{.neighbors_per_node_max = 32};
  const auto few = plans_of(flat_fleet(33), config);
  CHECK(few.all_pairs);
  CHECK(said(few).find("segment") == std::string::npos);
  for (const auto& fleet : {flat_fleet(100), racks_with(2, 60)}) {
    const auto many = plans_of(fleet, config);
    CHECK_FALSE(many.all_pairs);
    for (const auto& plan : many.plans) CHECK(plan.peers.size() <= 32);
    CHECK(said(many).find("may share one segment, and no node has more than 32 peers") !=
          std::string::npos);
  }
  CHECK(plans_of(racks_with(4, 20), config).all_pairs);  // routed between the racks
  CHECK(largest_segment(racks_with(4, 20)) == 20);
}

TEST_CASE("nodes of unknown ways trace as if all met at one router", "[plan]") {
  const PlannerConfig config{.router_packets_per_second_max = 10};
  CHECK(plans_of(flat_fleet(10), config).plans[0].trace_interval == Duration{});
  const auto set = plans_of(flat_fleet(20), config);
  double rate = 0;
  for (const auto& plan : set.plans) {
    CHECK(plan.trace_interval == seconds{4});
    CHECK(plan.traces_per_second == 1);
    rate += trace_probes_per_second(plan);
  }
  CHECK(rate == Approx(10));
  CHECK(set.budgets[0].trace_cycle ==
        static_cast<std::int64_t>(set.plans[0].flows.size()) * seconds{4});
  CHECK(said(set).find("20 nodes trace less often than 1 per second, down to one flow every 4s") !=
        std::string::npos);
}

TEST_CASE("where even the rarest traces are too many for a router, the plan says by how much",
          "[plan]") {
  const PlannerConfig config{.router_packets_per_second_max = 1};
  const auto kept = TracerCounts{{NodeId{1}, 1800}, {NodeId{2}, 0}};
  const auto set = plans_of(flat_fleet(2), config, &kept);
  CHECK(set.plans[0].trace_interval == kTraceIntervalMax);
  CHECK(trace_probes_per_second(set.plans[0]) * 1800 == Approx(1));
  CHECK(said(set).find("made to send at most 1 ICMP packets per second") != std::string::npos);
  CHECK(said(set).find("MORE") == std::string::npos);

  const auto broken = TracerCounts{{NodeId{1}, 2700}, {NodeId{2}, 0}};
  const auto more = plans_of(flat_fleet(2), config, &broken);
  CHECK(more.plans[0].trace_interval == kTraceIntervalMax);
  CHECK(trace_probes_per_second(more.plans[0]) * 2700 == Approx(1.5));
  CHECK(said(more).find("may be made to send 1.5 ICMP packets per second. That is MORE than the "
                        "1 allowed: no node traces less often than once in 1h") !=
        std::string::npos);
}

TEST_CASE("nodes trace as their own routers allow", "[plan]") {
  const PlannerConfig config{.router_packets_per_second_max = 10};
  const TracerCounts tracers{{NodeId{1}, 0}, {NodeId{2}, 10}, {NodeId{3}, 50}};
  const auto set = plans_of(flat_fleet(4), config, &tracers);
  CHECK(set.plans[0].trace_interval == Duration{});
  CHECK(set.plans[1].trace_interval == Duration{});
  CHECK(set.plans[2].trace_interval == seconds{10});
  CHECK(set.plans[3].trace_interval == seconds{10});  // unknown: it may be at that router too
}

}  // namespace
}  // namespace faultline::plan
