// Leaf a with hosts 1 and 2, leaf b with host 3, two spines between them.
#include "controller/plan/trace_loads.h"

#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

using Devices = std::vector<std::string>;

void add(TraceLoads& loads, std::uint32_t tracer, const Devices& devices) {
  loads.add_path(NodeId{tracer}, devices);
}

double once(NodeId /*node*/) { return 1; }

TEST_CASE("a router's tracers are nodes, whichever way they reach it, for each distance once",
          "[plan]") {
  TraceLoads loads;
  add(loads, 1, {"h1", "a", "s1", "b", "h3"});
  add(loads, 1, {"h1", "a", "s2", "b", "h3"});
  add(loads, 2, {"h2", "a", "s1", "b", "h3"});
  add(loads, 3, {"h3", "b", "s1", "a", "h1"});
  add(loads, 3, {"h3", "b", "x", "s1", "a", "h1"});  // a detour: two distances
  CHECK(loads.most_tracers() ==
        std::map<NodeId, std::uint32_t>{{NodeId{1}, 4}, {NodeId{2}, 4}, {NodeId{3}, 4}});
  const auto routers = loads.routers(once);
  REQUIRE(routers.size() == 5);
  CHECK(routers[0] == TraceLoads::Router{"a", 3, 4});
  CHECK(routers[1] == TraceLoads::Router{"s1", 3, 4});
  CHECK(routers[2] == TraceLoads::Router{"b", 3, 3});
  CHECK(routers[4] == TraceLoads::Router{"x", 1, 1});
}

TEST_CASE("ends and silent hops are no routers, and a segment without any limits nobody",
          "[plan]") {
  TraceLoads loads;
  add(loads, 1, {"h1", "h2"});
  add(loads, 2, {"h2", "*", "h1"});
  CHECK(loads.routers(once).empty());
  CHECK(loads.most_tracers() == std::map<NodeId, std::uint32_t>{{NodeId{1}, 0}, {NodeId{2}, 0}});
}

TEST_CASE("a node of which too little is known may reach every router", "[plan]") {
  TraceLoads loads;
  add(loads, 1, {"h1", "a", "h2"});
  for (int way = 0; way < 9; ++way) add(loads, 2, {"h2", "b", "h4"});
  loads.add_unknown(NodeId{2});  // one in ten
  for (int way = 0; way < 8; ++way) add(loads, 3, {"h3", "c", "h4"});
  loads.add_unknown(NodeId{3});
  CHECK(loads.is_known(NodeId{2}));
  CHECK_FALSE(loads.is_known(NodeId{3}));
  CHECK_FALSE(loads.is_known(NodeId{4}));
  CHECK(loads.most_tracers() == std::map<NodeId, std::uint32_t>{{NodeId{1}, 2}, {NodeId{2}, 2}});
  for (const auto& router : loads.routers(once)) {
    CHECK(router.packets_per_second_max == (router.name == "c" ? 1 : 2));
  }
}

TEST_CASE("few nodes more change no count", "[plan]") {
  const auto count = [](std::uint32_t nodes) {
    TraceLoads loads;
    for (std::uint32_t node = 1; node <= nodes; ++node) add(loads, node, {"h", "spine", "g"});
    return loads.most_tracers().at(NodeId{1});
  };
  CHECK(count(200) >= 200);
  CHECK(count(200) <= 250);
  CHECK(count(200) == count(203));
}

}  // namespace
}  // namespace faultline::plan
