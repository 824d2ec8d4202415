#include "controller/topology/ways.h"

#include "controller/topology/topology.h"
#include "tests/support/catch.h"

namespace faultline::topology {
namespace {

using Texts = std::vector<std::string>;

IpAddress address(const char* text) { return *IpAddress::parse(text); }
Place place(const char* text) { return *Place::parse(text); }

// Two machines of a cloud, one at a site behind its VPN.
Topology cloud() {
  Inventory inventory{.devices = {{.name = "tgw-1", .kind = DeviceKind::kGateway},
                                  {.name = "vpn-1", .kind = DeviceKind::kTunnel}},
                      .ways = {{place("10.0.1.7"), place("10.1.1.8"), {"tgw-1"}},
                               {place("10.1.1.8"), place("10.0.1.7"), {"tgw-1"}},
                               {place("10.0.1.7"), place("192.168.0.0/16"), {"tgw-1", "vpn-1"}},
                               {place("192.168.0.0/16"), place("10.0.1.7"), {"vpn-1", "tgw-1"}}}};
  Topology topology(std::move(inventory));
  topology.set_node(NodeId{1}, "red", NodeKind::kVm, address("10.0.1.7"));
  topology.set_node(NodeId{2}, "blue", NodeKind::kVm, address("10.1.1.8"));
  topology.set_node(NodeId{3}, "office", NodeKind::kHost, address("192.168.1.9"));
  topology.settle();
  return topology;
}

PathRecord path(std::uint32_t target, std::vector<const char*> hops, bool complete = true) {
  PathRecord record{.target = NodeId{target}, .source_port = 61000, .complete = complete};
  for (const auto* hop : hops) record.hops.push_back({IpAddress::parse(hop)});  // "*": none
  return record;
}

}  // namespace

TEST_CASE("places are prefixes, and the longest that holds both ends counts", "[topology]") {
  CHECK_FALSE(Place::parse("10.0.0.0/33"));
  CHECK_FALSE(Place::parse("10.0.0/8"));
  CHECK(place("10.1.2.3/8").to_string() == "10.0.0.0/8");
  CHECK(place("2001:db8::1/32").contains(address("2001:db8:ffff::1")));
  CHECK_FALSE(place("0.0.0.0/0").contains(address("::1")));
  const Ways ways({{place("10.0.0.0/8"), place("0.0.0.0/0"), {"wide"}},
                   {place("10.0.0.0/8"), place("10.9.0.0/16"), {"narrow"}},
                   {place("10.2.3.4"), place("10.0.0.0/8"), {"exact"}}});
  CHECK(ways.between(address("10.5.5.5"), address("10.9.1.1"))->via == Texts{"narrow"});
  CHECK(ways.between(address("10.5.5.5"), address("8.8.8.8"))->via == Texts{"wide"});
  CHECK(ways.between(address("10.2.3.4"), address("10.9.1.1"))->via == Texts{"exact"});
  CHECK(ways.between(address("10.2.3.4"), address("8.8.8.8"))->via == Texts{"wide"});
  CHECK(ways.between(address("11.0.0.1"), address("10.9.1.1")) == nullptr);
}

TEST_CASE("a cloud's gateway is on the path that shows no hop", "[topology]") {
  const auto topology = cloud();
  CHECK(topology.resolve(NodeId{1}, path(2, {})).devices == Texts{"red", "tgw-1", "blue"});
  CHECK(topology.resolve(NodeId{1}, path(2, {})).links == Texts{"red>tgw-1", "tgw-1>blue"});
  auto back = path(2, {});
  back.direction = Direction::kReturn;
  CHECK(topology.resolve(NodeId{1}, back).links == Texts{"blue>tgw-1", "tgw-1>red"});
}

TEST_CASE("it takes the place of silent hops, and of what an incomplete trace misses",
          "[topology]") {
  const auto topology = cloud();
  const Texts through{"red", "tgw-1", "vpn-1", "192.168.0.1", "office"};
  CHECK(topology.resolve(NodeId{1}, path(3, {"*", "*", "192.168.0.1"})).devices == through);
  CHECK(topology.resolve(NodeId{1}, path(3, {"192.168.0.1"})).devices == through);
  CHECK(topology.resolve(NodeId{1}, path(3, {}, false)).devices ==
        Texts{"red", "tgw-1", "vpn-1", "office"});
  auto back = path(3, {"192.168.0.1"});
  back.direction = Direction::kReturn;
  CHECK(topology.resolve(NodeId{1}, back).devices ==
        Texts{"office", "192.168.0.1", "vpn-1", "tgw-1", "red"});
}

TEST_CASE("paths without a declared way are as they were traced", "[topology]") {
  const auto topology = cloud();
  CHECK(topology.resolve(NodeId{2}, path(3, {"*"})).devices == Texts{"blue", "*", "office"});
}

}  // namespace faultline::topology
