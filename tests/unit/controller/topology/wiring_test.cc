#include "controller/topology/wiring.h"

#include "tests/support/catch.h"

namespace faultline::topology {
namespace {

Graph fabric() {
  Graph graph;
  for (const char* id : {"leaf1", "leaf2", "h1", "spine1.dc", "spine1.lab"}) {
    graph.devices.push_back({.id = id});
  }
  graph.links = {{.link = {.id = "h1>leaf1", .from = "h1", .to = "leaf1", .declared = true}},
                 {.link = {.id = "h2>leaf2", .from = "h2", .to = "leaf2"}}};
  return graph;
}

facts::Facts heard(const char* chassis, const char* port) {
  facts::Facts facts;
  facts.lldp = {
      {.interface = "eth0", .chassis = chassis, .port = port, .native_vlan = std::uint16_t{10}}};
  return facts;
}

TEST_CASE("a switch is known by its short name, unless several have it", "[topology]") {
  const auto device_of = [](const char* chassis) {
    const auto facts = heard(chassis, "1");
    const auto ports = switch_ports({{.node = "h1", .facts = &facts}}, fabric());
    REQUIRE(ports.size() == 1);
    CHECK(ports[0].vlan == 10);
    return ports[0].device + (ports[0].known ? "" : "?");
  };
  CHECK(device_of("leaf2") == "leaf2");
  CHECK(device_of("Leaf2.example.net") == "leaf2");
  CHECK(device_of("spine1") == "spine1?");
  CHECK(device_of("spine1.dc") == "spine1.dc");
  CHECK(device_of("tor9") == "tor9?");
}

std::vector<std::string> conflicts(const std::vector<Wired>& nodes) {
  return wiring_conflicts(nodes, switch_ports(nodes, fabric()), fabric());
}

TEST_CASE("a moved cable and two machines on one port are told", "[topology]") {
  const auto at_leaf1 = heard("leaf1", "1");
  const auto at_leaf2 = heard("leaf2", "1");
  CHECK(
      conflicts({{.node = "h1", .facts = &at_leaf1}, {.node = "h9", .facts = &at_leaf2}}).empty());
  CHECK(
      conflicts({{.node = "h1", .facts = &at_leaf2}}) ==
      std::vector<std::string>{"h1 eth0: LLDP says leaf2 1, and the inventory cables it to leaf1"});
  CHECK(conflicts({{.node = "h8", .facts = &at_leaf2}, {.node = "h9", .facts = &at_leaf2}}) ==
        std::vector<std::string>{"h8, h9 all hear port 1 of leaf2: an unmanaged switch is between, "
                                 "or an answer is old"});
  // A bridged VM hears its host's port.
  CHECK(conflicts({{.node = "h8", .facts = &at_leaf2},
                   {.node = "vm", .kind = NodeKind::kVm, .facts = &at_leaf2}})
            .empty());
}

TEST_CASE("a label and a kind that facts contradict are told", "[topology]") {
  CHECK(conflicts({{.node = "vm", .kind = NodeKind::kVm, .hypervisor = "h1", .placed_on = {"h1"}}})
            .empty());
  CHECK(conflicts({{.node = "vm", .kind = NodeKind::kVm, .hypervisor = "h1"}}).empty());
  CHECK(conflicts({{.node = "vm", .kind = NodeKind::kVm, .hypervisor = "h1", .placed_on = {"h2"}}})
            .size() == 1);
  CHECK(conflicts({{.node = "vm", .kind = NodeKind::kHost, .placed_on = {"h2"}}}).size() == 1);
}

}  // namespace
}  // namespace faultline::topology
