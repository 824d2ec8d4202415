#include "probe/core/known_ways.h"

#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

using Way = std::vector<Hop>;

Hop router(std::uint32_t number) { return {IpAddress::v4(0x0a010000 + number)}; }
const Hop kSilentHop{};
const KnownWays::FlowKey kFlow{NodeId{2}, 61000};

TEST_CASE("another router on the way is a change, one that said nothing is none",
          "[probe_core][ways]") {
  KnownWays ways;
  const auto changed = [&](const Way& hops, bool complete = true) {
    return ways.changed(kFlow, Direction::kForward, complete, hops);
  };
  CHECK_FALSE(changed({router(1), kSilentHop, router(3)}));  // the first
  CHECK_FALSE(changed({router(1), router(2), router(3)}));   // now that hop is known
  CHECK_FALSE(changed({router(1), kSilentHop, router(3)}));
  CHECK(changed({router(1), router(4), router(3)}));
  CHECK_FALSE(changed({router(1), router(4), router(3)}));
  CHECK(changed({router(1), router(4), router(5), router(3)}));  // longer
  CHECK(changed({router(1), router(3)}));                        // shorter
  CHECK(changed({}));                                            // neighbors
}

TEST_CASE("a trace that ended on the way, or did not hear the last hop, says nothing of a change",
          "[probe_core][ways]") {
  KnownWays ways;
  CHECK_FALSE(ways.changed(kFlow, Direction::kForward, false, {router(9)}));
  CHECK_FALSE(ways.changed(kFlow, Direction::kForward, true, {router(1), router(2)}));
  CHECK_FALSE(ways.changed(kFlow, Direction::kForward, false, {router(1), router(5)}));
  CHECK_FALSE(ways.changed(kFlow, Direction::kForward, true, {router(5), kSilentHop}));
  CHECK(ways.changed(kFlow, Direction::kForward, true, {router(1), router(5)}));
}

TEST_CASE("each flow and each direction has a way of its own, as long as the flow stays",
          "[probe_core][ways]") {
  KnownWays ways;
  const KnownWays::FlowKey other{NodeId{2}, 61001};
  CHECK_FALSE(ways.changed(kFlow, Direction::kForward, true, {router(1)}));
  CHECK_FALSE(ways.changed(kFlow, Direction::kReturn, true, {router(2)}));
  CHECK_FALSE(ways.changed(other, Direction::kForward, true, {router(3)}));
  CHECK(ways.size() == 3);
  ways.keep_only([&](const auto& flow) { return flow == kFlow; });
  CHECK(ways.size() == 2);
  CHECK_FALSE(ways.changed(other, Direction::kForward, true, {router(4)}));
  CHECK(ways.changed(kFlow, Direction::kReturn, true, {router(1)}));
}

// The core with an engine and a peer that see the ways which the test gives them.
struct WaysBench : Bench {
  WaysBench() {
    connect();
    auto plan = make_plan(5, 1);
    plan.traces_per_second = 10;
    receive(plan);
  }
  void trace_all(const Way& there, const Way& back) {
    const auto end = now.instant + seconds{5};
    while (now.instant < end) {
      pass_answered(kTickInterval);
      for (const auto& order : std::exchange(world.orders, {})) {
        step(TraceDone{{.id = order.id, .complete = true, .hops = there}});
      }
      for (const auto& [to, message] : std::exchange(world.mesh, {})) {
        const auto* request = std::get_if<TraceRequest>(&message);
        if (request == nullptr) continue;
        step(MeshReceived{key_of(static_cast<std::uint8_t>(to.value())),
                          TraceReply{.request = request->request, .complete = true, .hops = back}});
      }
    }
  }
};

TEST_CASE("a flow whose way there or back has changed has its size checked, once for each change",
          "[probe_core][ways]") {
  WaysBench bench;
  bench.trace_all({router(1), router(2)}, {router(2), router(1)});
  CHECK(bench.world.sizes_checked.empty());
  const auto both =
      std::vector<std::pair<NodeId, std::uint16_t>>{{NodeId{2}, 61000}, {NodeId{2}, 61001}};
  const auto checked = [&] {
    auto flows = std::exchange(bench.world.sizes_checked, {});
    std::ranges::sort(flows);
    return flows;
  };
  bench.trace_all({router(1), router(3)}, {router(2), router(1)});
  CHECK(checked() == both);
  bench.trace_all({router(1), router(3)}, {router(3), router(1)});
  CHECK(checked() == both);
  bench.trace_all({router(1), router(3)}, {router(3), router(1)});
  CHECK(checked().empty());
  CHECK(bench.core.tracer().counters().ways_changed == 4);
}

}  // namespace
}  // namespace faultline::probe_core::tests
