#include "controller/cli/topology_document.h"

#include "controller/cli/render.h"
#include "tests/support/catch.h"

namespace faultline::cli {
namespace {

const Json kMonday = Json::parse(R"({
  "schema": "faultline.topology/1", "source": "inventory and traces",
  "devices": [
    {"id": "leaf1", "kind": "switch", "tier": null, "addresses": ["10.0.0.1"], "declared": true, "seen": true},
    {"id": "leaf2", "kind": "switch", "tier": null, "addresses": [], "declared": true, "seen": false},
    {"id": "10.0.9.9", "kind": "switch", "tier": null, "addresses": ["10.0.9.9"], "declared": false, "seen": true},
    {"id": "h1", "kind": "host", "tier": null, "addresses": ["10.1.0.1"], "declared": false, "seen": true}],
  "links": [
    {"id": "h1>leaf1", "from": "h1", "to": "leaf1", "flows": 3, "declared": true},
    {"id": "leaf1>h1", "from": "leaf1", "to": "h1", "flows": 0, "declared": true}],
  "machines": [{"vm": "db", "nic": "eth0", "host": "h1", "mode": "bridged", "proven": true}],
  "ports": [{"node": "h1", "nic": "eth0", "device": "tor7", "port": "Et1", "known": false, "vlan": null}],
  "conflicts": [], "nodes_without_facts": 0})");

TEST_CASE("a topology is checked for what was never seen and what nobody declared", "[cli]") {
  auto topology = kMonday;
  CHECK(topology_check(topology) ==
        Json::parse(R"({"schema": "faultline.topology_check/1", "conflicts": [],
          "devices_unseen": ["leaf2"], "devices_undeclared": ["10.0.9.9"], "links_unseen": ["leaf1>h1"],
          "switches_unknown": ["tor7"], "nodes_without_facts": 0})"));
  CHECK(exit_code_of(topology_check(topology)) == ExitCode::kHealthy);
  topology["conflicts"].push_back("h1 eth0: LLDP says leaf2, and the inventory cables it to leaf1");
  const auto checked = topology_check(topology);
  CHECK(exit_code_of(checked) == ExitCode::kFaultFound);
  const auto shown = render(checked, {});
  REQUIRE(shown);
  CHECK(shown->find("Conflicts\n  h1 eth0: LLDP says leaf2") != std::string::npos);
  // Without an inventory nothing is undeclared.
  for (auto& device : topology["devices"]) device["declared"] = false;
  CHECK(topology_check(topology)["devices_undeclared"].empty());
}

TEST_CASE("two topologies differ in what came, went and moved", "[cli]") {
  CHECK(exit_code_of(topology_diff(kMonday, kMonday)) == ExitCode::kHealthy);
  auto tuesday = kMonday;
  tuesday["devices"].erase(1);
  tuesday["devices"].push_back({{"id", "leaf3"}, {"kind", "switch"}, {"addresses", Json::array()}});
  tuesday["devices"][0]["addresses"] = {"10.0.0.1", "10.0.0.3"};
  tuesday["machines"][0]["host"] = "h2";
  tuesday["ports"] = Json::array();
  const auto difference = topology_diff(kMonday, tuesday);
  CHECK(difference == Json::parse(R"({"schema": "faultline.topology_diff/1",
          "devices": {"added": ["leaf3"], "removed": ["leaf2"],
                      "changed": ["leaf1: switch 10.0.0.1 10.0.0.3, was switch 10.0.0.1"]},
          "links": {"added": [], "removed": [], "changed": []},
          "machines": {"added": [], "removed": [], "changed": ["db eth0: bridged on h2, was bridged on h1"]},
          "ports": {"added": [], "removed": ["h1 eth0"], "changed": []}})"));
  CHECK(exit_code_of(difference) == ExitCode::kFaultFound);
}

}  // namespace
}  // namespace faultline::cli
