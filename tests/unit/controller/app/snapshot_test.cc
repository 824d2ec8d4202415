// What `faultline status` is told, from a core whose newest judgement is new, old or missing.
#include "controller/app/snapshot.h"

#include "tests/support/catch.h"

namespace faultline::app {
namespace {

using std::chrono::seconds;

class NoEffects : public core::EffectSink {
 public:
  void send(const PublicKey&, ControllerMessage) override {}
  void decode(NodeId, Batch) override {}
  void open(NodeId, const core::RelayedBy&, std::vector<std::byte>) override {}
  void send_sealed(const core::RelayedBy&, const BatchAck&) override {}
  void append(core::Append) override {}
  void commit(std::uint64_t id, std::vector<core::DocumentWrite>) override {
    commits.push_back(id);
  }
  void solve(core::SolveJob) override {}
  void recall(core::RecallJob) override {}
  void plan(core::PlanningJob) override {}
  void deliver(notify::OutboxEntry) override {}
  void keep_facts(NodeId, FactsUpdate) override {}
  void check(core::CheckJob) override {}
  void publish_trust(const fleet::TrustTable&) override {}
  void serve_under(const PublicKey&) override {}
  void answer(std::uint64_t, Status) override {}
  void record(core::FleetChange) override {}
  void log(core::Severity, std::string_view, std::string) override {}

  std::vector<std::uint64_t> commits;
};

class Bench {
 public:
  void judge(WallTime start) {
    core::Solution solution;
    solution.window_start = start;
    solution.window = seconds{10};
    solution.verdict.enough_data = true;
    core.step(now, core::SolveDone{std::move(solution)}, effects);
  }
  void fail_commits() {
    core.step(now, core::CreateToken{.request = 1, .token = {}}, effects);
    for (const auto id : std::exchange(effects.commits, {})) {
      core.step(now, core::CommitDone{id, fail(ErrorCode::kUnavailable, "disk full")}, effects);
    }
  }
  void restore_nodes(std::uint32_t count) {
    core::Restored restored;
    for (std::uint32_t i = 1; i <= count; ++i) {
      restored.nodes.push_back(
          {.id = NodeId{i}, .name = "h" + std::to_string(i), .key = key(i), .joined_at = now.wall});
    }
    REQUIRE(core.restore(std::move(restored), now));
  }
  void beat(std::uint32_t node, Heartbeat heartbeat) {
    core.step(now, core::PeerMessage{key(node), "192.0.2.1", heartbeat}, effects);
  }
  [[nodiscard]] static PublicKey key(std::uint32_t node) {
    PublicKey key;
    key.bytes.fill(static_cast<std::uint8_t>(node));
    return key;
  }
  [[nodiscard]] Snapshot snapshot() const { return make_snapshot(core, {}, now, {}); }
  [[nodiscard]] api::StatusView status() const { return snapshot().status; }

  core::Now now{Instant{} + seconds{1000}, wall_time_from_unix_seconds(1'790'000'000)};
  NoEffects effects;
  core::ControllerCore core{{}, {}, Rng(7)};
};

TEST_CASE("a new verdict without suspects is healthy, an old one says nothing", "[snapshot]") {
  Bench bench;
  CHECK(bench.status().health == api::Health::kInconclusive);
  bench.judge(bench.now.wall - seconds{10});
  CHECK(bench.status().health == api::Health::kHealthy);

  // Judging may take a window and the replies' time; three windows more, and it is stale.
  bench.now.wall += seconds{30} + bench.core.windows().judged_within();
  CHECK(bench.status().health == api::Health::kHealthy);
  bench.now.wall += seconds{1};
  CHECK(bench.status().health == api::Health::kInconclusive);
  CHECK_THAT(bench.status().verdict,
             Catch::StartsWith("no window was judged since the one until 2026-09-21T14:13:20Z"));
}

TEST_CASE("a store that cannot be written shows in the status", "[snapshot]") {
  Bench bench;
  bench.judge(bench.now.wall - seconds{10});
  CHECK(bench.status().store.state == "ok");
  bench.fail_commits();
  CHECK(bench.status().store.state == "disk full");
  bench.now.wall += seconds{100};
  CHECK_THAT(bench.status().verdict, Catch::EndsWith("; store: disk full"));
}

TEST_CASE("the worst live node shows in the extremes, whichever way its clock is off",
          "[snapshot]") {
  Bench bench;
  bench.restore_nodes(4);
  CHECK(bench.snapshot().extremes.nodes_joined == 4);

  const auto wall = bench.now.wall;
  bench.beat(1, {.sent_at = wall + seconds{2}, .spool_batches = 3, .spool_bytes = 900});
  bench.beat(2, {.sent_at = wall - seconds{5}, .spool_batches = 4, .spool_bytes = 100});
  bench.beat(3, {.sent_at = wall});
  const PlanAck refusal{.revision = PlanRevision{1}, .accepted = false, .reason = "too much"};
  bench.core.step(bench.now, core::PeerMessage{Bench::key(3), "192.0.2.1", refusal}, bench.effects);
  const auto extremes = bench.snapshot().extremes;
  CHECK(extremes.nodes_joined == 1);
  CHECK(extremes.clock_offset_max == seconds{5});
  CHECK(extremes.spool_batches == 7);
  CHECK(extremes.spool_bytes_max == 900);
  CHECK(extremes.plans_refused == 1);
}

TEST_CASE("of a silent node it is told what others say of it", "[snapshot]") {
  Bench bench;
  core::Restored restored;
  restored.nodes.push_back({.id = NodeId{1},
                            .name = "h1",
                            .key = Bench::key(1),
                            .profile = {.address = IpAddress::v4(0x0a000001U)},
                            .joined_at = bench.now.wall});
  REQUIRE(bench.core.restore(std::move(restored), bench.now));
  CHECK(bench.snapshot().status.in_question.empty());
  for (int tick = 0; tick < 3; ++tick) {  // silent, asked about, and that nobody could say
    bench.now.instant += seconds{60};
    bench.core.step(bench.now, core::Tick{}, bench.effects);
  }
  const auto snapshot = bench.snapshot();
  REQUIRE(snapshot.status.in_question.size() == 1);
  CHECK(snapshot.status.in_question.front().node == "h1");
  CHECK(snapshot.status.in_question.front().reach.condition == "unknown");
  CHECK(snapshot.status.verdict.ends_with("; h1 is silent (not known)"));
  REQUIRE(snapshot.nodes.front().reach);
  CHECK(snapshot.nodes.front().reach->summary == "nobody could be asked whether he reaches it");
  CHECK(snapshot.reach_counts ==
        std::map<core::Condition, std::uint64_t>{{core::Condition::kUnknown, 1}});
}

TEST_CASE("what a node said before it fell silent is no extreme of now", "[snapshot]") {
  Bench bench;
  bench.restore_nodes(1);
  bench.beat(1, {.sent_at = bench.now.wall + seconds{2}, .spool_batches = 3, .spool_bytes = 900});
  bench.now.instant += seconds{60};
  bench.core.step(bench.now, core::Tick{}, bench.effects);
  const auto snapshot = bench.snapshot();
  CHECK(snapshot.status.nodes.silent == 1);
  CHECK(snapshot.extremes.spool_bytes_max == 0);
  CHECK(snapshot.extremes.clock_offset_max == Duration::zero());
}

}  // namespace
}  // namespace faultline::app
