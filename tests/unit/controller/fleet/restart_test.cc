// Nodes that go and come back, as the fleet sees it.
#include "tests/support/catch.h"
#include "tests/unit/controller/fleet/builders.h"

namespace faultline::fleet {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kTenSeconds = seconds{10};

struct Bench {
  Bench() : node(enroll(fleet, 1, "h1")), other(enroll(fleet, 2, "h2")) {
    hello(11, 0);
    fleet.hello(key_number(2), hello_of(21), at(0)).value();
  }
  HelloAccepted hello(std::uint64_t boot, double second, WallTime judged_until = WallTime::min()) {
    return fleet.hello(key_number(1), hello_of(boot), at(second), judged_until).value();
  }
  std::optional<Change> goodbye(std::uint64_t boot, double second) {
    return fleet.goodbye(node, {.boot = BootId{boot}, .spool_batches = 3}, at(second));
  }
  [[nodiscard]] NodeState state() const { return fleet.find(node)->state; }
  [[nodiscard]] bool excused(double second) const {
    const auto nodes = fleet.excused(at(second).wall, kTenSeconds);
    CHECK_FALSE(nodes.contains(other));  // never anybody else
    return nodes.contains(node);
  }

  Fleet fleet{kInterval};
  NodeId node;
  NodeId other;
};

TEST_CASE("a goodbye makes a node restarting, until its next hello", "[fleet][absence]") {
  Bench bench;
  const auto change = bench.goodbye(11, 100);
  REQUIRE(change);
  REQUIRE(change->nodes.size() == 1);  // a controller that restarts meanwhile must know
  CHECK(is_away(change->nodes[0].absences));
  CHECK(bench.state() == NodeState::kRestarting);
  CHECK(bench.fleet.tick(at(130)).went_silent == std::vector{bench.other});

  bench.fleet.heard(bench.node, at(131));  // what was under way
  CHECK(bench.state() == NodeState::kRestarting);
  const auto back = bench.hello(12, 140);
  CHECK(back.returned);
  REQUIRE(back.change.nodes.size() == 1);
  CHECK(back.change.nodes[0].boot == BootId{12});
  CHECK(bench.state() == NodeState::kLive);
  CHECK(bench.fleet.tick(at(141)).went_live == std::vector{bench.node});
  CHECK(bench.excused(100));
  CHECK(bench.excused(140));
  CHECK_FALSE(bench.excused(150));
  CHECK_FALSE(bench.excused(80));
  CHECK(bench.fleet.counters().absences == 1);
}

TEST_CASE("who stays away longer than the bound is silent, and counts", "[fleet][absence]") {
  Bench bench;
  bench.goodbye(11, 100);
  bench.fleet.tick(at(130));
  CHECK(bench.fleet.tick(at(399)).went_silent.empty());
  CHECK(bench.fleet.tick(at(400)).went_silent == std::vector{bench.node});
  CHECK(bench.state() == NodeState::kSilent);
  CHECK(bench.excused(390));
  CHECK_FALSE(bench.excused(400));
}

TEST_CASE("a goodbye of a process that is not the newest is ignored", "[fleet][absence]") {
  Bench bench;
  bench.hello(12, 50);
  CHECK_FALSE(bench.goodbye(11, 60));
  CHECK(bench.state() == NodeState::kLive);
  CHECK(bench.goodbye(12, 70));
  CHECK_FALSE(bench.goodbye(12, 71));  // once is enough
  CHECK(bench.fleet.counters().goodbyes_ignored == 2);
  bench.fleet.remove_node(bench.node, at(80)).value();
  CHECK_FALSE(bench.goodbye(12, 81));
}

TEST_CASE("another boot id excuses from the last sign of life on, but nothing that was judged",
          "[fleet][absence]") {
  Bench bench;
  bench.fleet.heartbeat(bench.node, {.sequence = 1, .sent_at = at(98).wall}, at(98));
  SECTION("nothing was judged meanwhile") {
    CHECK(bench.hello(12, 121).returned);
    CHECK_FALSE(bench.excused(80));
    CHECK(bench.excused(90));
    CHECK(bench.excused(120));
    CHECK_FALSE(bench.excused(130));
  }
  SECTION("some windows were") {
    CHECK(bench.hello(12, 121, at(110).wall).returned);
    CHECK_FALSE(bench.excused(100));
    CHECK(bench.excused(110));
  }
  SECTION("the same process connects anew: it was there all the time") {
    CHECK_FALSE(bench.hello(11, 121).returned);
    CHECK_FALSE(bench.excused(100));
    CHECK(bench.fleet.counters().absences == 0);
  }
}

TEST_CASE("a controller that starts knows who is away, and who restarted meanwhile",
          "[fleet][absence]") {
  Bench before;
  before.goodbye(11, 100);
  const auto records = [&] {
    return std::vector{before.fleet.find(before.node)->record,
                       before.fleet.find(before.other)->record};
  };
  Fleet after{kInterval};
  REQUIRE(after.restore(records(), {}, at(150)));
  CHECK(after.find(before.node)->state == NodeState::kRestarting);
  CHECK(after.find(before.other)->state == NodeState::kJoined);
  CHECK(after.excused(at(140).wall, kTenSeconds) == std::set{before.node});

  SECTION("the one that said goodbye comes back") {
    CHECK(after.hello(key_number(1), hello_of(12), at(160)).value().returned);
    CHECK(after.excused(at(160).wall, kTenSeconds) == std::set{before.node});
    CHECK(after.excused(at(170).wall, kTenSeconds).empty());
  }
  SECTION("its bound runs on through the restart") {
    after.tick(at(170));
    CHECK(after.tick(at(399)).went_silent.empty());
    CHECK(after.tick(at(400)).went_silent == std::vector{before.node});
  }
  SECTION("the other was killed while no controller was there: since when is not known") {
    CHECK(after.hello(key_number(2), hello_of(22), at(160), at(130).wall).value().returned);
    CHECK_FALSE(after.excused(at(120).wall, kTenSeconds).contains(before.other));
    CHECK(after.excused(at(130).wall, kTenSeconds).contains(before.other));
    CHECK_FALSE(after.excused(at(170).wall, kTenSeconds).contains(before.other));
  }
  SECTION("the other runs on") {
    CHECK_FALSE(after.hello(key_number(2), hello_of(21), at(160)).value().returned);
  }
}

TEST_CASE("a refused version is told both versions and what to do", "[fleet]") {
  Fleet fleet{kInterval};
  enroll(fleet, 1, "h1");
  auto hello = hello_of(1);
  hello.protocol_major = 2;
  CHECK(fleet.hello(key_number(1), hello, at(1)).error().text ==
        "the probe speaks protocol 2, this controller 1.1: upgrade the controller first");
  hello.protocol_major = 0;
  CHECK(fleet.hello(key_number(1), hello, at(1)).error().text ==
        "the probe speaks protocol 0, this controller 1.1: upgrade the probe");
}

}  // namespace
}  // namespace faultline::fleet
