// Hidden: writes a store as this build leaves it, for tests/corpus (its README says when). Run as
//   FAULTLINE_FREEZE_STORE=DIRECTORY integration_controller_app_tests '[.freeze]'
#include <signal.h>

#include <cstdlib>

#include "common/async/clock.h"
#include "tests/integration/controller/app/fake_node.h"

namespace faultline::tests {
namespace {

namespace fs = std::filesystem;

Plan take_plan(Node& node) {
  while (true) {
    auto plan = node.peer().hear<Plan>();
    if (plan.peers.empty()) continue;
    node.peer().say(PlanAck{.revision = plan.revision, .hash = plan_hash(plan)});
    return plan;
  }
}

PathRecord path(NodeId target, std::uint16_t port, Direction direction, WallTime traced_at) {
  const auto hop = [](std::uint32_t last) { return Hop{IpAddress::v4(0x0a090900 + last)}; };
  const bool forward = direction == Direction::kForward;
  return {.target = target,
          .source_port = port,
          .direction = direction,
          .traced_at = traced_at,
          .complete = true,
          .hops = forward ? std::vector{hop(1), hop(2)} : std::vector{hop(3), hop(4)}};
}

Report measured_on_paths(const Plan& plan, WallTime start, std::uint32_t lost_forward) {
  Report report{.plan = plan.revision, .window_start = start, .window = plan.window};
  for (const auto& flow : plan.flows) {
    const auto target = plan.peers[flow.peer].node;
    report.flows.push_back({.target = target,
                            .source_port = flow.source_port,
                            .sent = 50,
                            .lost_forward = lost_forward,
                            .rtt_min_ns = 100'000,
                            .rtt_mean_ns = 200'000,
                            .rtt_max_ns = 300'000});
    for (const auto direction : {Direction::kForward, Direction::kReturn}) {
      report.paths.push_back(path(target, flow.source_port, direction, start));
    }
  }
  return report;
}

TEST_CASE("freeze a store", "[.freeze]") {
  const char* directory = std::getenv("FAULTLINE_FREEZE_STORE");
  REQUIRE(directory != nullptr);
  // Nobody listens there: the alert stays in the outbox.
  Stage stage("webhooks: [{name: oncall, url: 'http://127.0.0.1:9/'}]\n");
  stage.start();
  Node a(stage, "a", "127.0.0.2");
  Node b(stage, "b", "127.0.0.3");
  static_cast<void>(stage.make_token("c"));
  const auto plan_a = take_plan(a);
  const auto plan_b = take_plan(b);
  const auto last = window_start(async::now_wall(), kWindow) - kWindow;
  for (int i = 1; i <= 5; ++i) {
    const auto start = last - kWindow * (5 - i);
    a.peer().say(
        batch(a.boot(), static_cast<std::uint64_t>(i), measured_on_paths(plan_a, start, 10)));
    b.peer().say(
        batch(b.boot(), static_cast<std::uint64_t>(i), measured_on_paths(plan_b, start, 0)));
  }
  // Paths are written with the append that follows the one they were learned from.
  stage.wait_for("the windows to be stored",
                 [&] { return stage.get("/api/v1/status").at("ingest").at("batches") == 10; });
  a.peer().say(Batch{.boot = a.boot(), .first_sequence = 6, .sequence = 7, .results_dropped = 9});
  stage.wait_for("an incident and its alert", [&] {
    return stage.get("/api/v1/status").at("incidents_open") == 1 &&
           stage.get("/api/v1/status").at("ingest").at("gaps") == 1;
  });
  WARN("incidents: " << stage.get("/api/v1/incidents").dump());
  CHECK(stage.end(SIGTERM).status == 0);
  fs::copy(stage.folder().path() / "data", directory, fs::copy_options::recursive);
}

}  // namespace
}  // namespace faultline::tests
