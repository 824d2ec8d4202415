#include <set>

#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

const std::vector<Hop> kHops{{IpAddress::v4(0x0a010001)}, {}, {IpAddress::v4(0x0a010002)}};

struct TracerBench : Bench {
  explicit TracerBench(std::uint32_t per_second = 10, std::uint32_t peers = 2) {
    connect();
    auto plan = make_plan(5, peers);
    plan.traces_per_second = per_second;
    receive(plan);
  }
  // Engine and peers answer what was asked, all paths complete.
  void answer_all() {
    for (const auto& order : std::exchange(world.orders, {})) {
      visited.push_back({order.remote.address, order.local_port});
      step(TraceDone{{.id = order.id, .complete = true, .hops = kHops}});
    }
    for (const auto& [to, message] : std::exchange(world.mesh, {})) {
      if (const auto* request = std::get_if<TraceRequest>(&message)) {
        asked.push_back({to, request->source_port});
        step(
            MeshReceived{key_of(static_cast<std::uint8_t>(to.value())),
                         TraceReply{.request = request->request, .complete = true, .hops = kHops}});
      }
    }
  }
  void run(Duration duration) {
    const auto end = now.instant + duration;
    while (now.instant < end) {
      pass_answered(kTickInterval);
      answer_all();
    }
  }
  // Every flow was traced; since then the engine, at two traces a second, gets none done.
  void fall_behind() {
    run(seconds{30});
    pass_answered(seconds{10});
    REQUIRE(world.orders.size() == 2 * kOrdersPerRate);
  }
  Report close_window(std::vector<FlowWindow> flows = {}) {
    step(WindowClosed{Report{.plan = PlanRevision{5}, .flows = std::move(flows)}});
    return world.appended.back();
  }

  std::vector<std::pair<IpAddress, std::uint16_t>> visited;
  std::vector<std::pair<NodeId, std::uint16_t>> asked;
};

TEST_CASE("every flow is traced in both directions, and the paths go with the next report",
          "[probe_core][trace]") {
  TracerBench bench;
  bench.run(milliseconds{400});  // the burst of the rate, and a few
  bench.run(seconds{1});
  const auto report = bench.close_window();
  std::set<std::tuple<NodeId, std::uint16_t, Direction>> seen;
  for (const auto& path : report.paths) {
    seen.emplace(path.target, path.source_port, path.direction);
    CHECK(path.complete);
    CHECK(path.hops == kHops);
    CHECK(path.traced_at <= bench.now.wall);
  }
  CHECK(seen.size() == 8);  // two peers, two ports, two directions
  CHECK(bench.close_window().paths.empty());
}

TEST_CASE("a forward order goes from the flow's port to the peer's reflector",
          "[probe_core][trace]") {
  TracerBench bench{1, 1};
  bench.pass_answered(milliseconds{200});
  REQUIRE(bench.world.orders.size() == 1);
  const auto order = bench.world.orders[0];
  CHECK(order.direction == Direction::kForward);
  CHECK(order.remote == Endpoint{IpAddress::v4(0x0a000002), 862});
  CHECK((order.local_port == 61000 || order.local_port == 61001));
}

TEST_CASE("the rate of traces is the plan's", "[probe_core][trace]") {
  TracerBench bench{2};
  bench.run(seconds{30});
  CHECK(bench.visited.size() >= 58);
  CHECK(bench.visited.size() <= 62);
}

TEST_CASE("flows never traced come first, then those with loss, and the cycle goes on",
          "[probe_core][trace]") {
  TracerBench bench{1, 4};  // eight flows
  bench.run(seconds{8});
  REQUIRE(bench.visited.size() >= 8);
  CHECK(std::set(bench.visited.begin(), bench.visited.begin() + 8).size() == 8);
  bench.visited.clear();
  const FlowWindow lossy{.target = NodeId{5}, .source_port = 61001, .sent = 10, .lost_forward = 1};
  for (int window = 0; window < 3; ++window) {
    bench.close_window({lossy});
    bench.run(seconds{10});
  }
  const auto suspect = std::pair(IpAddress::v4(0x0a000005), std::uint16_t{61001});
  CHECK(std::ranges::count(bench.visited, suspect) >= 5);  // about four without loss
  CHECK(std::ranges::find(bench.visited.begin(), bench.visited.begin() + 2, suspect) !=
        bench.visited.begin() + 2);
  CHECK(std::set(bench.visited.begin(), bench.visited.end()).size() == 8);
}

TEST_CASE("loss everywhere does not stop the cycle", "[probe_core][trace]") {
  TracerBench bench{1, 4};
  std::vector<FlowWindow> lossy;
  for (std::uint32_t node = 2; node <= 4; ++node) {
    lossy.push_back({.target = NodeId{node}, .source_port = 61000, .sent = 9, .lost_return = 1});
    lossy.push_back({.target = NodeId{node}, .source_port = 61001, .sent = 9, .lost_return = 1});
  }
  bench.run(seconds{8});
  bench.visited.clear();
  for (int window = 0; window < 20; ++window) {
    bench.close_window(lossy);
    bench.run(seconds{4});
  }
  CHECK(std::set(bench.visited.begin(), bench.visited.end()).size() == 8);
}

TEST_CASE("a peer's request is traced from the reflector's port and answered",
          "[probe_core][trace]") {
  TracerBench bench;
  bench.run(seconds{1});
  bench.step(MeshReceived{key_of(2), TraceRequest{.request = 77, .source_port = 50123}});
  bench.pass(kTickInterval);
  const auto order =
      std::ranges::find(bench.world.orders, Direction::kReturn, &trace::TraceOrder::direction);
  REQUIRE(order != bench.world.orders.end());
  CHECK(order->local_port == 862);
  CHECK(order->remote == Endpoint{IpAddress::v4(0x0a000002), 50123});
  bench.world.mesh.clear();
  bench.step(TraceDone{{.id = order->id, .complete = true, .hops = kHops}});
  REQUIRE(bench.world.mesh.size() == 1);
  CHECK(bench.world.mesh[0] ==
        std::pair(NodeId{2},
                  MeshMessage{TraceReply{.request = 77, .complete = true, .hops = kHops}}));
  CHECK(bench.core.tracer().counters().requests_answered == 1);
}

TEST_CASE("who asks too much hears that this node is busy", "[probe_core][trace]") {
  TracerBench bench{1};
  for (std::uint64_t i = 0; i < kRequestsMax + 5; ++i) {
    bench.step(MeshReceived{key_of(2), TraceRequest{.request = i, .source_port = 50123}});
  }
  CHECK(bench.core.tracer().counters().requests_busy == 5);
  CHECK(bench.world.mesh.back().second ==
        MeshMessage{TraceReply{.request = kRequestsMax + 4, .outcome = TraceOutcome::kBusy}});
  bench.run(seconds{20});
  const auto served = bench.core.tracer().counters().requests_answered;
  CHECK(served >= 19);
  CHECK(served <= 22);
}

TEST_CASE("a stranger on the mesh is not heard", "[probe_core][trace]") {
  TracerBench bench;
  const auto before = bench.world.mesh.size();
  bench.step(MeshReceived{key_of(99), TraceRequest{.request = 1, .source_port = 50123}});
  bench.step(MeshReceived{key_of(99), MeshHello{}});
  CHECK(bench.world.mesh.size() == before);
  CHECK(bench.core.tracer().counters().untrusted == 2);
}

TEST_CASE("a reply counts only from the peer that was asked, and only once",
          "[probe_core][trace]") {
  TracerBench bench{1, 2};
  bench.pass_answered(milliseconds{200});
  REQUIRE(bench.world.mesh.size() == 1);
  const auto [asked, message] = bench.world.mesh[0];
  const auto request = std::get<TraceRequest>(message).request;
  const TraceReply reply{.request = request, .complete = true, .hops = kHops};
  const auto other = asked == NodeId{2} ? key_of(3) : key_of(2);
  bench.step(MeshReceived{other, reply});
  CHECK(bench.core.tracer().counters().paths_return == 0);
  bench.step(MeshReceived{key_of(static_cast<std::uint8_t>(asked.value())), reply});
  bench.step(MeshReceived{key_of(static_cast<std::uint8_t>(asked.value())), reply});
  CHECK(bench.core.tracer().counters().paths_return == 1);
  CHECK(bench.core.tracer().counters().unmatched == 2);
}

TEST_CASE("a trace that nobody answers is given up, and its late answer ignored",
          "[probe_core][trace]") {
  TracerBench bench{1, 1};
  bench.pass_answered(milliseconds{200});
  const auto id = bench.world.orders.at(0).id;
  bench.pass_answered(kTraceTimeout + seconds{1});
  CHECK(bench.core.tracer().counters().timeouts >= 2);  // the order and the question
  bench.step(TraceDone{{.id = id, .complete = true, .hops = kHops}});
  CHECK(bench.core.tracer().counters().unmatched == 1);
}

TEST_CASE("a trace that saw nothing is not reported, one of an empty path is",
          "[probe_core][trace]") {
  TracerBench bench{10, 1};
  bench.pass_answered(milliseconds{300});
  REQUIRE(bench.world.orders.size() >= 2);
  bench.step(TraceDone{{.id = bench.world.orders[0].id, .complete = false, .hops = {{}, {}}}});
  bench.step(TraceDone{{.id = bench.world.orders[1].id, .complete = true}});
  const auto report = bench.close_window();
  CHECK(report.paths.size() == 1);
  CHECK(report.paths[0].complete);
  CHECK(bench.core.tracer().counters().empty == 1);
}

TEST_CASE("a new plan keeps the history of the flows that it shares with the old one",
          "[probe_core][trace]") {
  TracerBench bench{2, 3};
  bench.run(seconds{4});
  bench.visited.clear();
  auto plan = make_plan(6, 4);
  plan.traces_per_second = 2;
  bench.receive(plan);
  bench.run(seconds{1});
  REQUIRE(bench.visited.size() >= 2);
  CHECK(bench.visited[0].first == IpAddress::v4(0x0a000005));  // the new peer's two flows
  CHECK(bench.visited[1].first == IpAddress::v4(0x0a000005));
}

TEST_CASE("a peer of another protocol version is not asked, but still traced to",
          "[probe_core][trace]") {
  TracerBench bench{10, 1};
  bench.step(MeshReceived{key_of(2), MeshHello{.protocol_major = 2}});
  bench.world.mesh.clear();
  bench.run(seconds{1});
  CHECK(bench.asked.empty());
  CHECK_FALSE(bench.visited.empty());
}

TEST_CASE("a plan without traces traces nothing and answers busy", "[probe_core][trace]") {
  TracerBench bench{0};
  bench.pass_answered(seconds{5});
  CHECK(bench.world.orders.empty());
  bench.step(MeshReceived{key_of(2), TraceRequest{.request = 1, .source_port = 50123}});
  CHECK(bench.core.tracer().counters().requests_busy == 1);
}

TEST_CASE("a plan may space traces by more than a second, and few are under way then",
          "[probe_core][trace]") {
  TracerBench bench{10, 2};
  auto plan = make_plan(6, 2);
  plan.traces_per_second = 1;
  plan.trace_interval = seconds{20};
  bench.receive(plan);
  bench.answer_all();
  bench.visited.clear();
  bench.run(seconds{100});
  CHECK(bench.visited.size() >= 5);
  CHECK(bench.visited.size() <= 6);
  // An engine that answers nothing is not given more and more, and none of it is late too soon.
  bench.world.orders.clear();
  bench.pass_answered(seconds{150});
  CHECK(bench.world.orders.size() == kOrdersPerRate);
  CHECK(bench.core.tracer().counters().timeouts == 0);
}

TEST_CASE("an engine that falls behind is not given more and more", "[probe_core][trace]") {
  TracerBench bench{2, 20};
  bench.world.orders.clear();
  bench.pass_answered(seconds{50});
  REQUIRE(bench.world.orders.size() == 2 * kOrdersPerRate);
  const auto done = bench.world.orders.front().id;
  bench.step(TraceDone{{.id = done, .complete = true, .hops = kHops}});
  bench.pass_answered(seconds{5});
  CHECK(bench.world.orders.size() == 2 * kOrdersPerRate + 1);
  CHECK(bench.core.tracer().counters().timeouts == 0);
}

TEST_CASE("a hint brings its flow's visit forward to the next tick, ahead of all others",
          "[probe_core][trace]") {
  TracerBench bench{2, 20};  // forty flows: a cycle takes twenty seconds
  bench.run(seconds{30});
  bench.visited.clear();
  bench.asked.clear();
  const FlowHint hint{.target = NodeId{9}, .source_port = 61001, .why = HintReason::kTtlChanged};
  bench.step(hint);
  bench.step(hint);  // it is one flow
  bench.pass_answered(kTickInterval);
  REQUIRE_FALSE(bench.world.orders.empty());
  CHECK(bench.world.orders[0].urgent);
  bench.answer_all();
  const auto hinted = std::pair(IpAddress::v4(0x0a000009), std::uint16_t{61001});
  CHECK(bench.visited.at(0) == hinted);
  CHECK(bench.asked.at(0) == std::pair(NodeId{9}, std::uint16_t{61001}));
  bench.run(seconds{5});
  CHECK(std::ranges::count(bench.visited, hinted) == 1);
  CHECK(bench.core.tracer().counters().visits_hurried == 1);
  bench.step(FlowHint{.target = NodeId{99}, .source_port = 61001});  // not of the plan
  bench.run(seconds{5});
  CHECK(bench.core.tracer().counters().visits_hurried == 1);
}

TEST_CASE("hints of the whole fleet neither raise the rate of traces nor stop the cycle",
          "[probe_core][trace]") {
  TracerBench bench{5, 60};  // 120 flows
  bench.run(seconds{40});
  bench.visited.clear();
  for (int second = 0; second < 60; ++second) {
    for (std::uint32_t node = 2; node < 62; ++node) {
      for (const std::uint16_t port : {std::uint16_t{61000}, std::uint16_t{61001}}) {
        bench.step(FlowHint{.target = NodeId{node}, .source_port = port});
      }
    }
    bench.run(seconds{1});
  }
  CHECK(bench.visited.size() <= 60 * 5 + 5);
  CHECK(bench.visited.size() >= 60 * 5 - 5);
  const auto& counters = bench.core.tracer().counters();
  CHECK(counters.visits_hurried >= 60 * 5 / 2 - 5);
  CHECK(counters.visits_hurried <= 60 * 5 / 2 + 5);
  CHECK(counters.hints_crowded > 0);
  CHECK(std::set(bench.visited.begin(), bench.visited.end()).size() == 120);
}

TEST_CASE("a hint waits for no engine that is behind, of many some do", "[probe_core][trace]") {
  TracerBench bench{2, 20};
  bench.fall_behind();
  for (std::uint32_t node = 2; node < 22; ++node) {
    bench.step(FlowHint{.target = NodeId{node}, .source_port = 61000});
  }
  bench.pass_answered(kTickInterval);
  REQUIRE(bench.world.orders.size() == 2 * kOrdersPerRate + 1);
  CHECK(bench.world.orders.back().urgent);
  bench.pass_answered(seconds{20});
  CHECK(bench.world.orders.size() == 2 * kOrdersPerRate + kHurriedOrdersMax);
  CHECK(bench.core.tracer().counters().timeouts == 0);
}

TEST_CASE("hints that find an engine behind cost no visits after that", "[probe_core][trace]") {
  TracerBench bench{2, 20};
  bench.fall_behind();
  for (std::uint32_t second = 0; second < 30; ++second) {
    bench.step(FlowHint{.target = NodeId{2 + second % 20}, .source_port = 61000});
    bench.pass_answered(seconds{1});
    const auto oldest = bench.world.orders.front().id;  // one a second is all that it gets done
    bench.world.orders.erase(bench.world.orders.begin());
    bench.step(TraceDone{{.id = oldest, .complete = true, .hops = kHops}});
  }
  CHECK(bench.core.tracer().counters().visits_hurried >= 25);
  bench.answer_all();
  bench.visited.clear();
  bench.run(seconds{10});
  CHECK(bench.visited.size() >= 18);
  CHECK(bench.visited.size() <= 21);
}

TEST_CASE("a path says why it ended, in both directions", "[probe_core][trace]") {
  TracerBench bench{1, 1};
  bench.pass_answered(milliseconds{200});
  bench.step(TraceDone{
      {.id = bench.world.orders.at(0).id, .hops = kHops, .ended = PathEnd::kUnreachable}});
  const auto request = std::get<TraceRequest>(bench.world.mesh.at(0).second).request;
  bench.step(MeshReceived{key_of(2),
                          TraceReply{.request = request, .hops = kHops, .ended = PathEnd::kLoop}});
  const auto report = bench.close_window();
  REQUIRE(report.paths.size() == 2);
  CHECK(report.paths[0].ended == PathEnd::kUnreachable);
  CHECK(report.paths[1].ended == PathEnd::kLoop);
}

}  // namespace
}  // namespace faultline::probe_core::tests
