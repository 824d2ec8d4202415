#include "controller/topology/topology.h"

#include "tests/support/catch.h"
#include "tests/unit/controller/topology/fabric.h"

namespace faultline::topology {
namespace {

using Texts = std::vector<std::string>;

// Leaf 0 and 1 and spine 0 of the test fabric; spine 1 stays undeclared.
Inventory inventory() {
  return {{{.name = "leaf1",
            .tier = "leaf",
            .interfaces = {{"up1", address("10.1.0.0"), "spine1", "down1"}}},
           {.name = "leaf2", .tier = "leaf", .interfaces = {{"up1", address("10.1.1.0")}}},
           {.name = "spine1",
            .kind = DeviceKind::kRouter,
            .tier = "spine",
            .interfaces = {{"down1", address("10.1.0.1")}, {"down2", address("10.1.1.1")}}}}};
}

TEST_CASE("without an inventory a device is named by its lowest address", "[topology]") {
  const Fabric fabric;
  const auto topology = learned(fabric);
  const auto path = topology.resolve(NodeId{1}, fabric.trace({.to_leaf = 1, .spine = 1}));
  CHECK(path.devices == Texts{"h1", "10.1.0.0", "10.1.0.17", "10.1.1.0", "h2"});
  CHECK(path.links ==
        Texts{"h1>10.1.0.0", "10.1.0.0>10.1.0.17", "10.1.0.17>10.1.1.0", "10.1.1.0>h2"});
}

TEST_CASE("the inventory names what it declares, and traces add to it", "[topology]") {
  const Fabric fabric;
  const auto topology = learned(fabric, inventory());
  const auto over_spine1 = topology.resolve(NodeId{1}, fabric.trace({.to_leaf = 1}));
  CHECK(over_spine1.devices == Texts{"h1", "leaf1", "spine1", "leaf2", "h2"});
  const auto over_other = topology.resolve(NodeId{1}, fabric.trace({.to_leaf = 1, .spine = 1}));
  CHECK(over_other.devices == Texts{"h1", "leaf1", "10.1.0.17", "leaf2", "h2"});
  CHECK(topology.conflicts().empty());
}

TEST_CASE("a return path runs from the target to the reporter", "[topology]") {
  const Fabric fabric;
  const auto topology = learned(fabric, inventory());
  auto back = fabric.trace({.from_leaf = 1, .to_leaf = 0});
  back.direction = Direction::kReturn;
  back.target = NodeId{2};  // node 1's session with node 2
  CHECK(topology.resolve(NodeId{1}, back).devices == Texts{"h2", "leaf2", "spine1", "leaf1", "h1"});
}

TEST_CASE("silent hops stay in the path, and what an incomplete trace lacks is one of them",
          "[topology]") {
  const Fabric fabric;
  const auto topology = learned(fabric, inventory());
  auto path = fabric.trace({.to_leaf = 1});
  path.hops[1].address.reset();
  CHECK(topology.resolve(NodeId{1}, path).devices == Texts{"h1", "leaf1", "*", "leaf2", "h2"});
  path.complete = false;
  CHECK(topology.resolve(NodeId{1}, path).devices == Texts{"h1", "leaf1", "*", "leaf2", "*", "h2"});
  path.hops.resize(2);
  CHECK(topology.resolve(NodeId{1}, path).devices == Texts{"h1", "leaf1", "*", "h2"});
  path.hops.clear();
  CHECK(topology.resolve(NodeId{1}, path).links == Texts{"h1>*", "*>h2"});
  path.complete = true;
  CHECK(topology.resolve(NodeId{1}, path).links == Texts{"h1>h2"});
}

TEST_CASE("parallel cables are told apart by interface, alike in both directions", "[topology]") {
  const Fabric fabric{.leaves = 2, .spines = 1, .cables = 3};
  const auto topology = learned(fabric);
  for (std::uint32_t cable = 0; cable < 3; ++cable) {
    const auto there = topology.resolve(NodeId{1}, fabric.trace({.to_leaf = 1, .cable_up = cable}));
    const auto back =
        topology.resolve(NodeId{2}, fabric.trace({.from_leaf = 1, .cable_down = cable}));
    const std::string suffix = cable == 0 ? "" : "#" + std::to_string(cable + 1);
    CHECK(there.links[1] == "10.1.0.0>10.1.0.1" + suffix);
    CHECK(back.links[2] == "10.1.0.1>10.1.0.0" + suffix);
  }
}

TEST_CASE("an answer from another interface than the incoming one makes no second cable",
          "[topology]") {
  const Fabric fabric;
  auto topology = learned(fabric, inventory());
  auto path = fabric.trace({.to_leaf = 1});
  path.hops[2].address = Fabric::gateway(1, 0);  // leaf2 answers with its host-facing address
  CHECK(topology.resolve(NodeId{1}, path).links[2] == "spine1>leaf2");
}

TEST_CASE("declared parallel cables need no /31", "[topology]") {
  Topology topology{
      {{{.name = "a",
         .interfaces = {{"e1", address("10.0.1.1"), "b", "e1"},
                        {"e2", address("10.0.2.1"), "b", "e2"}}},
        {.name = "b", .interfaces = {{"e1", address("10.0.1.9")}, {"e2", address("10.0.2.9")}}}}}};
  topology.settle();
  PathRecord path{.target = NodeId{2}, .complete = true};
  path.hops = hops({"10.7.7.7", "10.0.1.1", "10.0.2.9"});
  CHECK(topology.resolve(NodeId{1}, path).links[2] == "a>b#2");
  path.hops = hops({"10.0.2.9", "10.0.2.1"});
  CHECK(topology.resolve(NodeId{1}, path).links[1] == "b>a#2");
  CHECK(topology.links().contains("a>b"));
  CHECK(topology.links().at("b>a#2").ingress == address("10.0.2.1"));
  CHECK(topology.links().at("b>a#2").declared);
}

TEST_CASE("parallel cables whose ends name only each other's device are numbered once",
          "[topology]") {
  Topology topology{{{{.name = "a",
                       .interfaces = {{"e1", address("10.0.1.1"), "b", ""},
                                      {"e2", address("10.0.2.1"), "b", ""}}},
                      {.name = "b",
                       .interfaces = {{"e1", address("10.0.1.9"), "a", ""},
                                      {"e2", address("10.0.2.9"), "a", ""}}}}}};
  topology.settle();
  Texts ids;
  for (const auto& [id, link] : topology.links()) ids.push_back(id);
  CHECK(ids == Texts{"a>b", "a>b#2", "b>a", "b>a#2"});
  PathRecord path{.target = NodeId{2}, .complete = true};
  path.hops = hops({"10.7.7.7", "10.0.1.1", "10.0.2.9"});
  CHECK(topology.resolve(NodeId{1}, path).links[2] == "a>b#2");
  path.hops = hops({"10.0.2.9", "10.0.2.1"});
  CHECK(topology.resolve(NodeId{1}, path).links[1] == "b>a#2");
}

TEST_CASE("a declared host that bears a node's name is the node", "[topology]") {
  Topology topology{
      {{{.name = "h1", .kind = DeviceKind::kHost, .interfaces = {{"eth1", address("10.9.0.1")}}},
        {.name = "spine9"}}}};
  topology.set_node(NodeId{1}, "h1", NodeKind::kHost, address("10.2.0.1"));
  topology.settle();
  CHECK(topology.device_at(address("10.9.0.1")) == "h1");
  CHECK(topology.device_at(address("10.2.0.1")) == "h1");
  const auto devices = topology.devices();
  REQUIRE(devices.size() == 2);
  CHECK(devices[0] == DeviceInfo{.id = "h1",
                                 .kind = DeviceKind::kHost,
                                 .tier = {},
                                 .addresses = {address("10.2.0.1"), address("10.9.0.1")},
                                 .declared = true,
                                 .seen = true});
  CHECK(!devices[1].seen);
}

TEST_CASE("what inventory and fleet say differently is shown", "[topology]") {
  Topology topology{inventory()};
  topology.set_node(NodeId{1}, "leaf1", NodeKind::kHost, address("10.2.0.1"));
  topology.set_node(NodeId{2}, "h2", NodeKind::kHost, address("10.1.0.1"));
  topology.set_node(NodeId{3}, "h3", NodeKind::kHost, address("10.1.0.1"));
  topology.settle();
  CHECK(topology.conflicts() ==
        Texts{"leaf1 is a node, and a switch in the inventory",
              "node h2 has the address 10.1.0.1, which the inventory gives to spine1",
              "node h3 has the address 10.1.0.1, which the inventory gives to spine1",
              "nodes h2 and h3 both have the address 10.1.0.1"});
}

TEST_CASE("a removed node keeps its name in old paths and leaves the devices", "[topology]") {
  Topology topology;
  topology.set_node(NodeId{1}, "h1", NodeKind::kHost, address("10.2.0.1"));
  CHECK(topology.settle());
  CHECK(!topology.settle());
  topology.remove_node(NodeId{1});
  CHECK(topology.settle());
  CHECK(topology.node_name(NodeId{1}) == "h1");
  CHECK(topology.node_name(NodeId{7}) == "node-7");
  CHECK(topology.devices().empty());
}

TEST_CASE("every kind reads back as it is written", "[topology]") {
  for (const auto kind : {DeviceKind::kSwitch, DeviceKind::kRouter, DeviceKind::kHost,
                          DeviceKind::kVm, DeviceKind::kVswitch, DeviceKind::kGateway,
                          DeviceKind::kTunnel, DeviceKind::kZone, DeviceKind::kOther}) {
    CHECK(parse_device_kind(to_string(kind)) == kind);
  }
  CHECK(!parse_device_kind("Switch"));
}

}  // namespace
}  // namespace faultline::topology
