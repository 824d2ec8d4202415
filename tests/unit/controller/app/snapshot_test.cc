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
  void append(core::Append) override {}
  void commit(std::uint64_t id, std::vector<core::DocumentWrite>) override {
    commits.push_back(id);
  }
  void solve(core::SolveJob) override {}
  void deliver(notify::OutboxEntry) override {}
  void publish_trust(const fleet::TrustTable&) override {}
  void serve_under(const PublicKey&) override {}
  void answer(std::uint64_t, Status) override {}
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
  [[nodiscard]] api::StatusView status() const { return make_snapshot(core, {}, now, {}).status; }

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

}  // namespace
}  // namespace faultline::app
