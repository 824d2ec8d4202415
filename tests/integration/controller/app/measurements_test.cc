// From joining to what an operator is shown, over the wire on one side and the API on the other.
#include <signal.h>

#include <algorithm>

#include "common/async/clock.h"
#include "tests/integration/controller/app/fake_node.h"

namespace faultline::tests {
namespace {

constexpr std::uint32_t kSent = 50;
constexpr std::uint32_t kLost = 5;
constexpr int kWindows = 4;

// The plan in which the other node is, acknowledged. Where a join takes long to be durable, one is
// made before the other's Hello tells what it can do, and another one after it.
Plan take_plan(Node& node, const Node& other) {
  while (true) {
    auto plan = node.peer().hear<Plan>();
    if (plan.peers.empty() || !plan.peers[0].authenticates) continue;
    REQUIRE(plan.peers.size() == 1);
    CHECK(plan.node == node.id());
    CHECK(plan.peers[0].node == other.id());
    CHECK(plan.window == kWindow);
    node.peer().say(PlanAck{.revision = plan.revision, .hash = plan_hash(plan)});
    return plan;
  }
}

Report measured(const Plan& plan, WallTime start, std::uint32_t lost_forward) {
  Report report{.plan = plan.revision, .window_start = start, .window = plan.window};
  for (const auto& flow : plan.flows) {
    report.flows.push_back({.target = plan.peers[flow.peer].node,
                            .source_port = flow.source_port,
                            .sent = kSent,
                            .lost_forward = lost_forward,
                            .rtt_min_ns = 100'000,
                            .rtt_mean_ns = 200'000,
                            .rtt_max_ns = 300'000});
  }
  return report;
}

TEST_CASE("two nodes join, measure each other, and the operator sees the loss",
          "[controller][api]") {
  Stage stage;
  stage.start();
  Node a(stage, "a", "127.0.0.2");
  Node b(stage, "b", "127.0.0.3");
  const auto plan_a = take_plan(a, b);
  const auto plan_b = take_plan(b, a);
  const auto newest = std::max(plan_a.revision, plan_b.revision);
  REQUIRE(plan_a.flows.size() == 4);
  REQUIRE(plan_b.flows.size() == 4);

  // A tenth of what a sends to b is lost on its way there.
  const auto last = window_start(async::now_wall(), kWindow) - kWindow;
  for (int i = 1; i <= kWindows; ++i) {
    const auto start = last - kWindow * (kWindows - i);
    const auto sequence = static_cast<std::uint64_t>(i);
    a.peer().say(batch(a.boot(), sequence, measured(plan_a, start, kLost)));
    b.peer().say(batch(b.boot(), sequence, measured(plan_b, start, 0)));
  }
  const auto judged = format_rfc3339(last + kWindow);
  stage.wait_for("the last window to be judged",
                 [&] { return stage.get("/api/v1/status").at("window_judged") == judged; });

  const auto status = stage.get("/api/v1/status");
  CHECK(status.at("nodes").at("live") == 2);
  CHECK(status.at("sessions").at("planned") == 8);
  CHECK(status.at("sessions").at("reporting") == 8);
  CHECK(status.at("ingest").at("batches") == 2 * kWindows);
  CHECK(status.at("plan_revision") == newest.value());
  CHECK_FALSE(status.at("verdict").get<std::string>().empty());

  const auto nodes = stage.get("/api/v1/nodes").at("nodes");
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0].at("name") == "a");
  CHECK(nodes[0].at("state") == "live");
  CHECK(nodes[0].at("address") == "127.0.0.2");
  CHECK(nodes[0].at("last_window") == judged);
  CHECK(nodes[1].at("plan_revision") == plan_b.revision.value());

  const auto matrix =
      stage.get("/api/v1/matrix?by=node&since=" + std::to_string(10 * kWindows) + "s");
  CHECK(matrix.at("groups") == nlohmann::json({"a", "b"}));
  const auto& rows = matrix.at("rows");
  const auto& cell = rows.at(0).at("cells").at(1);
  // Packets of a's sessions there, and of b's sessions on their way back.
  CHECK(cell.at("sent") == 2 * 4 * kWindows * kSent);
  CHECK(cell.at("lost") == 4 * kWindows * kLost);
  CHECK(rows.at(1).at("cells").at(0).at("lost") == 0);

  const auto history = stage.get("/api/v1/history/a/b").at("rows");
  REQUIRE(history.size() == kWindows);
  CHECK(history.back().at("sent") == 4 * kSent);
  CHECK(history.back().at("loss_forward") == Approx(0.1));
  CHECK(history.back().at("loss_return") == 0);
  CHECK(history.back().at("rtt_mean_us") == Approx(200));

  CHECK(stage.metric("faultline_sessions_reporting") == 8);
  CHECK(stage.metric("faultline_nodes{state=\"live\"}") == 2);
  CHECK(stage.metric("faultline_windows_judged_total") >= 1);
  CHECK(stage.metric("faultline_ingest_batches_total") == 2 * kWindows);
  CHECK(stage.metric("faultline_messages_malformed_total") == 0);
  CHECK(stage.metric("faultline_store_bytes") > 0);
  CHECK(stage.metric("faultline_store_disk_free_bytes") > 0);
  CHECK(stage.metric("faultline_store_writable") == 1);
  CHECK(stage.metric("faultline_api_requests_total") > 0);
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("a heartbeat that shows an old plan brings the new one", "[controller][plan]") {
  Stage stage;
  stage.start();
  Node a(stage, "a", "127.0.0.2");
  Node b(stage, "b", "127.0.0.3");
  const auto plan = take_plan(a, b);
  a.peer().inbox.clear();
  a.peer().say(Heartbeat{.sequence = 1, .plan = PlanRevision{plan.revision.value() - 1}});
  CHECK(a.peer().hear<Plan>() == plan);
  a.peer().say(Heartbeat{.sequence = 2, .plan = plan.revision});
  CHECK(a.peer().hear<HeartbeatReply>().sequence == 2);
  // Nothing follows the reply: the next answer is that of the next question.
  a.peer().say(Heartbeat{.sequence = 3, .plan = plan.revision});
  stage.wait_for("a reply", [&] { return !a.peer().inbox.empty(); });
  CHECK(std::holds_alternative<HeartbeatReply>(a.peer().inbox.front()));
  CHECK(stage.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
