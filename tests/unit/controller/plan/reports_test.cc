// The documents of plans, as the API and the command line show them.
#include "controller/plan/reports.h"

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

using Json = nlohmann::json;

// Two hosts behind a switch each, one cable between the switches, and a link that nobody crosses.
CoverageReport two_hosts() {
  FabricFlows flows;
  const auto up = flows.link("h1>s1", "h1", "s1");
  const auto across = flows.link("s1>s2", "s1", "s2");
  const auto down = flows.link("s2>h2", "s2", "h2");
  flows.link("s1>s3", "s1", "s3");
  flows.add("h1", "h2", {Knowledge::kAll, {up, across, down}}, {Knowledge::kUnknown, {}}, 2);
  return flows.report("plan", {.traces_per_second = 1, .bytes_per_packet = 72});
}

const Json& entry(const Json& array, const char* key, const std::string& value) {
  for (const auto& item : array) {
    if (item[key] == value) return item;
  }
  FAIL("there is no " << value);
  return array;
}

TEST_CASE("coverage says what is crossed, what is not, and the smallest loss within each horizon",
          "[plan]") {
  const auto json = Json::parse(coverage_json(two_hosts()));
  CHECK(json["schema"] == "faultline.plan_coverage/1");
  CHECK(json["links"] == 4);
  CHECK(json["covered"] == 3);
  CHECK(json["paths_unknown"] == 1);
  CHECK(json["uncovered"] == Json::array({"s1>s3"}));
  CHECK(json["exploration"].is_null());
  const auto& link = entry(json["per_link"], "id", "s1>s2");
  CHECK(link["loss_min_1m"].get<double>() == Approx(5.0 / (2 * 60)));
  CHECK(link["loss_min_5m"].get<double>() == Approx(5.0 / (2 * 300)));
  CHECK(link["loss_min_30m"].get<double>() == Approx(5.0 / (2 * 1800)));
  REQUIRE(json["groups"].size() == 1);
  CHECK(json["groups"][0]["links"].size() == 3);
}

TEST_CASE("a group says how many flows were tried to split it", "[plan]") {
  auto report = two_hosts();
  report.exploration = Exploration{.useful = 3, .tried = 2, .gaps = {.alike = 3, .given_up = 1}};
  report.tries = {{"s1>s2", 17}};
  const auto json = Json::parse(coverage_json(report));
  CHECK(json["exploration"]["flows_useful"] == 3);
  CHECK(json["exploration"]["flows_tried"] == 2);
  CHECK(json["exploration"]["gaps"]["not_told_apart"] == 3);
  CHECK(json["exploration"]["gaps"]["given_up"] == 1);
  CHECK(json["explored_for"] == Json::array({{{"link", "s1>s2"}, {"flows_tried", 17}}}));
  const auto text = json["groups"][0]["text"].get<std::string>();
  CHECK(text.find("though 17 other source ports and pairs of hosts were tried") !=
        std::string::npos);
}

TEST_CASE("the budget holds the worst case of every link, traces included", "[plan]") {
  BudgetReport report{.revision = PlanRevision{4}, .links = two_hosts()};
  report.nodes.push_back({.name = "h1", .budget = {.node = NodeId{1}, .peers = 1, .flows = 1}});
  report.routers = {{.name = "s1", .nodes = 80, .packets_per_second_max = 12.5}};
  const auto json = Json::parse(budget_json(report));
  CHECK(json["routers"] == Json::parse(R"([{"id": "s1", "nodes": 80,
                                            "icmp_per_second_max": 12.5}])"));
  CHECK(json["limits"]["router_packets_per_second_max"] == 100);
  CHECK(json["revision"] == 4);
  CHECK(json["nodes"][0]["node"] == "h1");
  const auto& link = entry(json["links"], "id", "s1>s2");
  CHECK(link["packets_per_second"] == 2.0);
  CHECK(link["packets_per_second_max"] == 32.0);  // one node traces: 30 packets each second
  CHECK(link["bytes_per_second_max"] == 32.0 * 72);
}

TEST_CASE("a difference counts flows that stay, come and go, by node", "[plan]") {
  const auto plan = [](std::vector<PlanFlow> flows) {
    Plan result{.node = NodeId{1}};
    result.peers = {{.node = NodeId{2}}, {.node = NodeId{3}}};
    result.flows = std::move(flows);
    return result;
  };
  PlanSet before{.plans = {plan({{0, 1}, {0, 2}, {1, 1}})}};
  PlanSet after{.plans = {plan({{0, 1}, {1, 1}, {1, 5}, {1, 6}})}, .changed = {NodeId{1}}};
  const auto json = Json::parse(difference_json(
      {.config_file = "c.yaml", .plans = difference(before, after, {{NodeId{1}, "h1"}})}));
  CHECK(json["nodes_with_new_plan"] == 1);
  REQUIRE(json["nodes"].size() == 1);
  CHECK(json["nodes"][0]["node"] == "h1");
  CHECK(json["nodes"][0]["flows_kept"] == 2);
  CHECK(json["nodes"][0]["flows_added"] == 2);
  CHECK(json["nodes"][0]["flows_removed"] == 1);
}

TEST_CASE("a plan says how many flows are beyond the mesh", "[plan]") {
  PlanReport report{.revision = PlanRevision{9}, .flows_beyond_mesh = 12};
  report.exploration = Exploration{.useful = 10, .tried = 2, .links = 8, .covered = 8};
  const auto json = Json::parse(plan_json(report));
  CHECK(json["revision"] == 9);
  CHECK(json["flows_beyond_mesh"] == 12);
  CHECK(json["exploration"]["covered"] == 8);
  report.exploration.reset();
  CHECK(Json::parse(plan_json(report))["exploration"].is_null());
}

}  // namespace
}  // namespace faultline::plan
