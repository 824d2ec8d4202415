#include "controller/plan/coverage.h"

#include "controller/plan/reports.h"
#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

constexpr auto kAll = Knowledge::kAll;

LinkNumber named(FabricFlows& flows, const std::string& from, const std::string& to) {
  return flows.link(from + ">" + to, from, to);
}

const LinkCoverage& link(const CoverageReport& report, std::string_view id) {
  const auto at = std::ranges::find(report.links, id, &CoverageReport::Link::id);
  REQUIRE(at != report.links.end());
  return report.coverage.links[static_cast<std::size_t>(at - report.links.begin())];
}

TEST_CASE("the smallest detectable loss is five losses among the packets that cross", "[plan]") {
  FabricFlows flows;
  const auto up = named(flows, "h1", "leaf1");
  flows.add("h1", "h2", {kAll, {up}}, {}, 2);
  const auto report = flows.report("plan", {});
  const auto& crossed = link(report, "h1>leaf1");
  CHECK(crossed.packets_per_second == 2);
  CHECK(*crossed.loss_min[0] == Approx(5.0 / 120));
  CHECK(*crossed.loss_min[1] == Approx(5.0 / 600));
  CHECK(*crossed.loss_min[2] == Approx(5.0 / 3600));
}

TEST_CASE("a link with too few packets finds no loss at all", "[plan]") {
  FabricFlows flows;
  const auto up = named(flows, "h1", "leaf1");
  flows.add("h1", "h2", {kAll, {up}}, {}, 0.05);  // 3 in a minute
  const auto crossed = flows.report("plan", {}).coverage.links[0];
  CHECK(!crossed.loss_min[0]);
  CHECK(*crossed.loss_min[1] == Approx(5.0 / 15));
}

TEST_CASE("a declared link that no flow crosses is uncovered", "[plan]") {
  FabricFlows flows;
  named(flows, "leaf1", "spine1");
  const auto up = named(flows, "h1", "leaf1");
  flows.add("h1", "h2", {kAll, {up}}, {}, 1);
  const auto report = flows.report("plan", {});
  CHECK(report.coverage.uncovered == std::vector<LinkNumber>{0});
  CHECK(report.coverage.covered == 1);
}

TEST_CASE("links in series are told from links that only lack a flow", "[plan]") {
  FabricFlows flows;
  // h1 > tap > leaf1: the tap has no other cable. leaf1 > spine1: leaf1 has another one.
  const auto a = named(flows, "h1", "tap");
  const auto b = named(flows, "tap", "leaf1");
  const auto c = named(flows, "leaf1", "spine1");
  const auto d = named(flows, "spine1", "leaf2");
  named(flows, "leaf1", "spine2");
  named(flows, "spine1", "leaf3");
  flows.add("h1", "h2", {kAll, {a, b}}, {}, 1);
  flows.add("h3", "h2", {kAll, {c, d}}, {}, 1);
  const auto coverage = flows.report("plan", {}).coverage;
  REQUIRE(coverage.groups.size() == 2);
  CHECK(coverage.groups[0] == LinkGroup{{a, b}, WhyTogether::kSeries});
  CHECK(coverage.groups[1] == LinkGroup{{c, d}, WhyTogether::kNoFlowSplits});
  CHECK(coverage.identifiable == 2);
}

TEST_CASE("links that meet at a host are not in series: flows begin and end there", "[plan]") {
  FabricFlows flows;
  const auto in = named(flows, "leaf1", "h1");
  const auto out = named(flows, "h1", "vm1");
  flows.add("h2", "vm1", {kAll, {in, out}}, {}, 1);
  flows.add("h1", "h2", {kAll, {}}, {}, 1);
  const auto coverage = flows.report("plan", {}).coverage;
  REQUIRE(coverage.groups.size() == 1);
  CHECK(coverage.groups[0].why == WhyTogether::kNoFlowSplits);
}

TEST_CASE("the worst case of a link has every node behind it tracing over it", "[plan]") {
  FabricFlows flows;
  const auto up = named(flows, "leaf1", "spine1");
  flows.add("h1", "h9", {kAll, {up}}, {}, 1);
  flows.add("h2", "h9", {kAll, {up}}, {}, 1);
  flows.add("h9", "h2", {}, {kAll, {up}}, 1);  // h2 answers over it, and traces back when asked
  const auto report = flows.report("plan", {.traces_per_second = 2, .bytes_per_packet = 72});
  const auto& crossed = link(report, "leaf1>spine1");
  CHECK(crossed.packets_per_second == 3);
  CHECK(crossed.packets_per_second_max == 3 + 3 * 2 * 30);
  CHECK(crossed.bytes_per_second_max == crossed.packets_per_second_max * 72);
  CHECK(report.paths_unknown == 3);
}

TEST_CASE("a difference counts flows by target and port, not by their place in the plan",
          "[plan]") {
  FleetView fleet;
  for (std::uint32_t id = 1; id <= 4; ++id) {
    FleetMember member{.id = NodeId{id}, .name = "h" + std::to_string(id), .profile = {}};
    member.profile.address = IpAddress::v4(0x0a000000 + id);
    member.profile.source_port_first = 40'000;
    member.profile.source_port_count = 16;
    fleet.push_back(member);
  }
  const NodeNames names{{NodeId{1}, "h1"}, {NodeId{2}, "h2"}, {NodeId{3}, "h3"}};
  const auto four = make_plans(fleet, {}, PlanRevision{1}, {});
  fleet.erase(fleet.begin() + 3);
  const auto three = make_plans(fleet, {}, PlanRevision{2}, four.plans);
  const auto change = difference(four, three, names);
  REQUIRE(change.nodes.size() == 4);
  CHECK(change.nodes[0] == PlanDifference::Node{"h1", 16, 0, 8});
  CHECK(change.nodes[3] == PlanDifference::Node{"node-4", 0, 0, 24});
  CHECK(change.before.flows == 96);
  CHECK(change.after.flows == 48);
  CHECK(change.nodes_with_new_plan == 3);
  CHECK(difference(three, three, names).nodes.empty());
}

}  // namespace
}  // namespace faultline::plan
