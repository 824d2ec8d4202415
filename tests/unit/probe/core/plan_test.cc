#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

TEST_CASE("a plan is measured, kept on disk and acknowledged", "[probe_core][plan]") {
  Bench bench;
  bench.connect();
  bench.receive(make_plan(5));
  REQUIRE(bench.world.applied.size() == 1);
  CHECK(*bench.world.applied[0] == make_plan(5));
  REQUIRE(bench.world.plans_kept.size() == 1);
  CHECK(bench.world.sent_of<PlanAck>() ==
        std::vector<PlanAck>{{.revision = PlanRevision{5}, .hash = plan_hash(make_plan(5))}});
  bench.pass_answered(seconds{6});
  CHECK(bench.world.sent_of<Heartbeat>().back().plan == PlanRevision{5});
}

TEST_CASE("a plan that was sent twice is acknowledged twice and measured once",
          "[probe_core][plan]") {
  Bench bench;
  bench.connect();
  bench.receive(make_plan(5));
  bench.receive(make_plan(5));
  CHECK(bench.world.applied.size() == 1);
  CHECK(bench.world.sent_of<PlanAck>().size() == 2);
}

TEST_CASE(
    "a plan that is not for this node, not newer or beyond a limit is refused with the reason",
    "[probe_core][plan]") {
  Bench bench;
  bench.connect();
  bench.receive(make_plan(5));
  auto plan = make_plan(6);
  SECTION("another node's") { plan.node = NodeId{2}; }
  SECTION("older") { plan = make_plan(4); }
  SECTION("the same revision with another content") { plan = make_plan(5, 3); }
  SECTION("lists this node as a peer") { plan.peers[0].node = NodeId{1}; }
  SECTION("uses a port that is not this probe's") { plan.flows[0].source_port = 60999; }
  bench.receive(plan);
  const auto ack = bench.world.sent_of<PlanAck>().back();
  CHECK_FALSE(ack.accepted);
  CHECK_FALSE(ack.reason.empty());
  CHECK(ack.revision == plan.revision);
  CHECK(bench.world.applied.size() == 1);
  CHECK(bench.core.plan().counters().refused == 1);
}

TEST_CASE("measuring stops when the lease ends without a word of the controller",
          "[probe_core][plan]") {
  Bench bench;
  bench.connect();
  auto plan = make_plan(5);
  plan.lease = seconds{60};
  bench.receive(plan);
  bench.pass_answered(seconds{120});
  REQUIRE(bench.world.stops == 0);  // answered heartbeats renew it
  bench.world.link_takes = false;
  bench.pass(seconds{70});
  REQUIRE(bench.world.stops == 1);
  CHECK_FALSE(bench.core.plan().measuring());

  SECTION("and begins again when the controller calls the plan current") {
    bench.world.link_takes = true;
    bench.pass(seconds{6});
    auto current = welcome();
    current.plan_current = true;
    bench.receive(current);
    CHECK(bench.world.applied.size() == 2);
    CHECK(bench.core.plan().measuring());
  }
}

TEST_CASE("a renewed lease is written down from time to time", "[probe_core][plan]") {
  Bench bench;
  bench.connect();
  auto plan = make_plan(5);
  plan.lease = seconds{400};
  bench.receive(plan);
  bench.pass_answered(seconds{320});
  CHECK(bench.world.plans_kept.size() == 4);  // at first, and three quarters of a lease
}

TEST_CASE("a restarted probe measures by the plan on disk for what is left of its lease",
          "[probe_core][plan]") {
  Bench bench;
  auto plan = make_plan(5);
  plan.lease = seconds{100};
  bench.core.restore(bench.now, {plan, bench.now.wall - seconds{40}}, bench.world);
  REQUIRE(bench.world.applied.size() == 1);
  bench.world.link_takes = false;
  bench.pass(seconds{55});
  CHECK(bench.world.stops == 0);
  bench.pass(seconds{10});
  CHECK(bench.world.stops == 1);
}

TEST_CASE("a plan on disk whose lease has ended waits for the controller", "[probe_core][plan]") {
  Bench bench;
  bench.core.restore(bench.now, {make_plan(5), bench.now.wall - std::chrono::hours{2}},
                     bench.world);
  CHECK(bench.world.applied.empty());
  bench.pass(milliseconds{200});
  CHECK(bench.world.sent_of<Hello>().back().plan == PlanRevision{5});
  auto current = welcome();
  current.plan_current = true;
  bench.receive(current);
  REQUIRE(bench.world.applied.size() == 1);
  bench.pass(seconds{2});
  CHECK_FALSE(bench.world.orders.empty());  // it is traced, too
}

// An older probe may have written it, without what it did not know and the hash leaves out.
TEST_CASE("a plan on disk is asked for once more, and taken where it says more",
          "[probe_core][plan]") {
  Bench bench;
  bench.core.restore(bench.now, {make_plan(5), bench.now.wall}, bench.world);
  REQUIRE(bench.world.applied.size() == 1);
  bench.connect();
  CHECK(bench.world.sent_of<Hello>().back().plan == PlanRevision{5});
  CHECK(bench.world.sent_of<Hello>().back().plan_hash == 0);
  auto plan = make_plan(5);
  SECTION("the same") {
    bench.receive(plan);
    CHECK(bench.world.applied.size() == 1);
  }
  SECTION("with more") {
    plan.trace_interval = seconds{77};
    REQUIRE(plan_hash(plan) == plan_hash(make_plan(5)));
    bench.receive(plan);
    REQUIRE(bench.world.applied.size() == 2);
    CHECK(*bench.world.applied.back() == plan);
    CHECK(*bench.world.plans_kept.back() == plan);
  }
  bench.pass(seconds{12});  // silent: greeted anew
  REQUIRE(bench.world.sent_of<Hello>().size() == 2);
  CHECK(bench.world.sent_of<Hello>().back().plan_hash == plan_hash(plan));
}

TEST_CASE("a plan on disk of another node, or of a clock that was ahead, does no harm",
          "[probe_core][plan]") {
  Bench bench;
  auto plan = make_plan(5);
  SECTION("of another node") {
    plan.node = NodeId{4};
    bench.core.restore(bench.now, {plan, bench.now.wall}, bench.world);
    CHECK(bench.world.applied.empty());
  }
  SECTION("of the future: the lease is at most a whole one") {
    plan.lease = seconds{50};
    bench.core.restore(bench.now, {plan, bench.now.wall + std::chrono::hours{9}}, bench.world);
    bench.world.link_takes = false;
    bench.pass(seconds{51});
    CHECK(bench.world.stops == 1);
  }
}

TEST_CASE("a boost of the plan that is measured goes to the engine, any other nowhere",
          "[probe_core][plan]") {
  Bench bench;
  bench.connect();
  bench.receive(make_plan(5));
  Boost boost{.plan = PlanRevision{5}, .life = seconds{8}, .flows = {{0, 2}, {3, 16}}};
  bench.receive(boost);
  CHECK(bench.world.boosts == std::vector{boost});
  CHECK(bench.world.applied.size() == 1);
  CHECK(bench.world.plans_kept.size() == 1);  // the disk knows nothing of it

  SECTION("another plan's") { boost.plan = PlanRevision{4}; }
  SECTION("a flow that the plan does not have") { boost.flows.back().flow = 4; }
  SECTION("a flow twice") { boost.flows.front().flow = 3; }
  SECTION("too often") { boost.flows.back().times = 17; }
  SECTION("nothing is measured any more") { bench.pass(std::chrono::minutes{61}); }
  bench.receive(boost);
  CHECK(bench.world.boosts.size() == 1);
}

}  // namespace
}  // namespace faultline::probe_core::tests
