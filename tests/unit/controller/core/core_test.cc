// What the controller's core asks of the world, and when.
#include <algorithm>

#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

Batch batch_of(std::uint64_t sequence) {
  return {.boot = BootId{1},
          .first_sequence = sequence,
          .sequence = sequence,
          .payload = std::vector<std::byte>(8)};
}

std::shared_ptr<const Report> report_at(WallTime start) {
  Report report;
  report.window_start = start;
  return std::make_shared<const Report>(std::move(report));
}

TEST_CASE("a join is answered only when the node and the spent token are durable", "[core]") {
  Bench bench;
  const auto token = key_of(101);
  bench.step(CreateToken{.request = 1, .token = {.key = token}});
  CHECK(bench.effects.answers.empty());
  bench.finish_commits();
  REQUIRE(bench.effects.answers.size() == 1);
  CHECK(bench.effects.answers.front().second.has_value());
  CHECK(bench.effects.trust.contains(token));

  bench.say(token, Join{.node_key = key_of(1), .name = "h1", .profile = Bench::profile(1)});
  CHECK(bench.effects.messages_to<Joined>(token).empty());
  REQUIRE(bench.effects.commits.size() == 1);
  CHECK(bench.effects.commits.front().writes.size() == 2);
  bench.finish_commits();
  REQUIRE(bench.effects.messages_to<Joined>(token).size() == 1);
  CHECK(bench.effects.messages_to<Joined>(token).front().name == "h1");

  // A repetition is answered, but it changes nothing.
  bench.say(token, Join{.node_key = key_of(1), .name = "h1", .profile = Bench::profile(1)});
  REQUIRE(bench.effects.recorded.size() == 1);
  CHECK(bench.effects.recorded.front().what == "join");
  CHECK(bench.effects.recorded.front().subject == "h1");
}

TEST_CASE("a token that joined one node does not join a second", "[core]") {
  Bench bench;
  bench.enroll(1);
  const auto token = key_of(101);
  bench.say(token, Join{.node_key = key_of(2), .name = "h2", .profile = Bench::profile(2)});
  const auto refusals = bench.effects.messages_to<Refusal>(token);
  REQUIRE(refusals.size() == 1);
  CHECK(refusals.front().reason == RefusalReason::kTokenSpent);
  CHECK(bench.core.fleet().node_count() == 1);
}

TEST_CASE("a token may send nothing but a join, and a stranger nothing at all", "[core]") {
  Bench bench;
  const auto token = key_of(101);
  bench.step(CreateToken{.request = 1, .token = {.key = token}});
  bench.finish_commits();
  bench.say(token, Hello{});
  bench.say(key_of(66), batch_of(1));
  CHECK(bench.core.counters().messages_untrusted == 2);
  CHECK(bench.effects.decodes.empty());
  CHECK(bench.effects.messages_to<Refusal>(key_of(66)).size() == 1);
}

TEST_CASE("a removed node is refused on its open connection", "[core]") {
  Bench bench;
  const auto node = bench.enroll(1);
  bench.step(RemoveNode{.request = 9, .name = "h1"});
  CHECK_FALSE(bench.effects.trust.contains(node));
  bench.say(node, batch_of(1));
  CHECK(bench.effects.decodes.empty());
  CHECK(bench.core.counters().messages_untrusted == 1);
}

TEST_CASE("garbage of one peer is counted, named in the log and changes nothing", "[core]") {
  Bench bench;
  const auto node = bench.enroll(1);
  const auto lines = bench.effects.lines.size();
  bench.step(PeerGarbage{node, "10.0.0.9", {ErrorCode::kInvalid, "truncated"}});
  CHECK(bench.core.counters().messages_malformed == 1);
  REQUIRE(bench.effects.lines.size() == lines + 1);
  CHECK(bench.effects.lines.back().find("10.0.0.9") != std::string::npos);
  bench.step(PeerGarbage{node, "10.0.0.9", {ErrorCode::kUnsupported, "newer"}});
  CHECK(bench.core.counters().messages_unknown_kind == 1);
}

TEST_CASE("a batch is acknowledged after it is durable and not before", "[core]") {
  Bench bench;
  const auto node = bench.enroll(1);
  bench.say(node, batch_of(1));
  bench.finish_decode(report_at(bench.now.wall));
  CHECK(bench.effects.messages_to<BatchAck>(node).empty());
  bench.finish_append();
  const auto acks = bench.effects.messages_to<BatchAck>(node);
  REQUIRE(acks.size() == 1);
  CHECK(acks.front().durable == std::vector<SequenceInterval>{{1, 1}});
  CHECK(bench.core.intake_counters().batches == 1);
}

TEST_CASE("a batch sent twice is stored once and acknowledged again", "[core]") {
  Bench bench;
  const auto node = bench.enroll(1);
  for (int i = 0; i < 2; ++i) {
    bench.say(node, batch_of(1));
    bench.finish_decode(report_at(bench.now.wall));
    if (i == 0) bench.finish_append();
  }
  CHECK(bench.effects.appends.empty());
  CHECK(bench.effects.messages_to<BatchAck>(node).size() == 2);
  CHECK(bench.core.intake_counters().batches == 1);
  CHECK(bench.core.intake_counters().duplicates == 1);
}

TEST_CASE("a failed append acknowledges nothing, and the batch is welcome again", "[core]") {
  Bench bench;
  const auto node = bench.enroll(1);
  bench.say(node, batch_of(1));
  bench.finish_decode(report_at(bench.now.wall));
  bench.finish_append(fail(ErrorCode::kUnavailable, "disk full"));
  CHECK(bench.effects.messages_to<BatchAck>(node).empty());
  CHECK(bench.core.store_trouble(bench.now.instant) == "disk full");
  bench.say(node, batch_of(1));
  bench.finish_decode(report_at(bench.now.wall));
  bench.finish_append();
  CHECK(bench.effects.messages_to<BatchAck>(node).size() == 1);
  CHECK(bench.core.store_trouble(bench.now.instant).empty());
}

TEST_CASE("a gap whose append failed is counted once, when it is durable", "[core]") {
  Bench bench;
  const auto node = bench.enroll(1);
  Batch gap = batch_of(3);
  gap.first_sequence = 1;
  gap.results_dropped = 7;
  gap.payload.clear();
  for (const Status& status : {Status(fail(ErrorCode::kUnavailable, "disk full")), Status()}) {
    CHECK(bench.core.intake_counters().gaps == 0);
    bench.say(node, gap);
    bench.finish_decode(std::shared_ptr<const Report>());
    bench.finish_append(status);
  }
  CHECK(bench.core.intake_counters().gaps == 1);
  CHECK(bench.core.intake_counters().results_dropped == 7);
}

TEST_CASE("a report from the future does not become a node's newest window", "[core]") {
  Bench bench;
  const auto node = bench.enroll(1);
  bench.say(node, batch_of(1));
  bench.finish_decode(report_at(bench.now.wall + std::chrono::hours{1}));
  bench.finish_append();
  CHECK_FALSE(bench.core.last_window(NodeId{1}));
}

TEST_CASE("batches that arrive during an append go into the next one together", "[core]") {
  Bench bench;
  const auto node = bench.enroll(1);
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
    bench.say(node, batch_of(sequence));
    bench.finish_decode(report_at(bench.now.wall));
  }
  REQUIRE(bench.effects.appends.size() == 1);
  CHECK(bench.effects.appends.front().writes.size() == 1);
  bench.finish_append();
  REQUIRE(bench.effects.appends.size() == 1);
  CHECK(bench.effects.appends.front().writes.size() == 2);
}

TEST_CASE("a payload that is no report is never asked for again", "[core]") {
  Bench bench;
  const auto node = bench.enroll(1);
  bench.say(node, batch_of(1));
  bench.finish_decode(fail(ErrorCode::kInvalid, "counts do not add up"));
  REQUIRE(bench.effects.appends.size() == 1);
  CHECK(bench.effects.appends.front().writes.front().batch.payload.empty());
  bench.finish_append();
  CHECK(bench.effects.messages_to<BatchAck>(node).size() == 1);
  CHECK(bench.core.intake_counters().malformed == 1);
}

TEST_CASE("nodes that joined get one plan, after a pause that gathers them", "[core]") {
  Bench bench;
  const auto one = bench.enroll(1);
  const auto two = bench.enroll(2);
  CHECK(bench.effects.messages_to<Plan>(one).empty());
  bench.pass(seconds{2});
  bench.finish_commits();
  const auto plans = bench.effects.messages_to<Plan>(one);
  REQUIRE(plans.size() == 1);
  CHECK(plans.front().peers.size() == 1);
  CHECK(bench.effects.messages_to<Plan>(two).size() == 1);
}

TEST_CASE("a plan that a node does not hold is sent again with its heartbeat", "[core]") {
  Bench bench;
  const auto one = bench.enroll(1);
  bench.enroll(2);
  bench.pass(seconds{2});
  bench.finish_commits();
  bench.say(one, Heartbeat{.sequence = 1, .sent_at = bench.now.wall});
  CHECK(bench.effects.messages_to<Plan>(one).size() == 2);
  bench.say(
      one, Heartbeat{.sequence = 2, .sent_at = bench.now.wall, .plan = bench.core.plan_revision()});
  CHECK(bench.effects.messages_to<Plan>(one).size() == 2);
}

// What a controller that started anew has of a node that goes on as if nothing had happened.
Restored restored_fleet() {
  Restored restored;
  restored.nodes.push_back({.id = NodeId{1},
                            .name = "h1",
                            .key = key_of(1),
                            .profile = Bench::profile(1),
                            .boot = BootId{1}});
  return restored;
}

TEST_CASE("a node that did not notice the controller's restart is asked to greet it again",
          "[core]") {
  Bench bench({}, restored_fleet());
  const auto node = key_of(1);
  for (std::uint64_t beat = 1; beat <= 2; ++beat) {
    bench.say(node, Heartbeat{.sequence = beat, .sent_at = bench.now.wall});
    const auto refusals = bench.effects.messages_to<Refusal>(node);
    REQUIRE(refusals.size() == beat);
    CHECK(refusals.back().reason == RefusalReason::kOverloaded);
  }
  CHECK(bench.effects.messages_to<HeartbeatReply>(node).empty());
  CHECK(bench.core.fleet().find("h1")->state == fleet::NodeState::kLive);
  CHECK(bench.core.counters().hellos_asked == 2);
  bench.say(node, Hello{.software = "test", .boot = BootId{1}, .profile = Bench::profile(1)});
  bench.say(node, Heartbeat{.sequence = 3, .sent_at = bench.now.wall});
  CHECK(bench.effects.messages_to<Refusal>(node).size() == 2);
  CHECK(bench.effects.messages_to<HeartbeatReply>(node).size() == 1);
}

// One judged window in which `suspect` was found.
SolveDone solved(WallTime window, bool guilty) {
  Solution solution;
  solution.window_start = window;
  solution.window = seconds{10};
  solution.verdict.enough_data = true;
  if (guilty) {
    localize::Suspect suspect;
    suspect.kind = localize::SuspectKind::kLink;
    suspect.id = "leaf1>spine2";
    suspect.from = "leaf1";
    suspect.to = "spine2";
    suspect.posterior = 0.99;
    suspect.loss = 0.02;
    suspect.loss_low = 0.01;
    suspect.loss_high = 0.03;
    solution.verdict.suspects.push_back(suspect);
  }
  return {std::move(solution)};
}

TEST_CASE("an alert leaves after the incident and the outbox entry are durable", "[core]") {
  CoreOptions options;
  options.receivers = {"oncall"};
  Bench bench(options);
  for (int i = 0; i < 2; ++i) bench.step(solved(bench.now.wall + seconds{10 * i}, true));
  REQUIRE(bench.core.incidents().open_count() == 1);
  bench.pass(seconds{1});
  CHECK(bench.effects.deliveries.empty());
  bench.finish_commits();
  bench.pass(seconds{1});
  REQUIRE(bench.effects.deliveries.size() == 1);
  CHECK(bench.effects.deliveries.front().body.find("leaf1>spine2") != std::string::npos);
}

TEST_CASE("a ledger that cannot be written holds alerts back until it can", "[core]") {
  CoreOptions options;
  options.receivers = {"oncall"};
  Bench bench(options);
  for (int i = 0; i < 2; ++i) bench.step(solved(bench.now.wall + seconds{10 * i}, true));
  bench.finish_commits(fail(ErrorCode::kUnavailable, "disk full"));
  bench.pass(seconds{1});
  CHECK(bench.effects.deliveries.empty());
  CHECK(bench.core.document_failures() > 0);
  bench.finish_commits();
  bench.pass(seconds{1});
  CHECK(bench.effects.deliveries.size() == 1);
}

TEST_CASE("a ledger that stays unwritable does not silence alerts", "[core]") {
  CoreOptions options;
  options.receivers = {"oncall"};
  Bench bench(options);
  for (int i = 0; i < 2; ++i) bench.step(solved(bench.now.wall + seconds{10 * i}, true));
  const auto fail_for = [&](Duration time) {
    for (Duration passed{}; passed < time; passed += seconds{1}) {
      bench.finish_commits(fail(ErrorCode::kUnavailable, "disk full"));
      bench.pass(seconds{1});
    }
  };
  fail_for(kUnsettledDelayMax);
  CHECK(bench.effects.deliveries.empty());
  CHECK(bench.core.store_trouble(bench.now.instant) == "disk full");
  fail_for(seconds{2});
  REQUIRE(bench.effects.deliveries.size() == 1);
  CHECK(bench.core.counters().alerts_before_durable == 1);
  CHECK_THAT(bench.core.store_trouble(bench.now.instant),
             Catch::Contains("disk full; alerts are sent before"));

  bench.finish_commits();
  bench.pass(seconds{1});
  CHECK(bench.core.store_trouble(bench.now.instant).empty());
}

TEST_CASE("a ripe window is solved once", "[core]") {
  Bench bench;
  const auto one = bench.enroll(1);
  const auto two = bench.enroll(2);
  bench.pass(seconds{2});
  bench.finish_commits();
  for (const auto& node : {one, two}) {
    bench.say(node, PlanAck{.revision = bench.core.plan_revision()});
  }
  const WallTime start = window_start(bench.now.wall, seconds{10});
  std::uint64_t sequence = 0;
  for (const auto& node : {one, two}) {
    bench.say(node, batch_of(++sequence));
    bench.finish_decode(report_at(start));
    bench.finish_append();
  }
  bench.pass(seconds{1});
  REQUIRE(bench.effects.solves.size() == 1);
  CHECK(bench.effects.solves.front().ripe.window_start == start);
  CHECK(bench.effects.solves.front().ripe.nodes_reported == 2);
  bench.pass(seconds{1});
  CHECK(bench.effects.solves.size() == 1);
}

TEST_CASE("at a start the past is recalled, the newest window first, one at a time", "[core]") {
  const Now now{Instant{} + seconds{1000}, wall_time_from_unix_seconds(1'790'000'005)};
  ControllerCore core({}, {}, Rng(7));
  Restored restored;
  restored.dedup = {{.node = NodeId{1}, .boot = BootId{2}, .durable = {{1, 9}}, .heard_at = {}}};
  REQUIRE(core.restore(std::move(restored), now));
  RecordedEffects effects;
  core.step(now, Tick{}, effects);
  core.step(now, Tick{}, effects);
  REQUIRE(effects.recalls.size() == 1);
  const auto first = effects.recalls.front();
  CHECK(is_recalled(first, NodeId{1}, BootId{2}, 9));
  CHECK_FALSE(is_recalled(first, NodeId{1}, BootId{2}, 10));
  // The last window that was due: a later one may still be judged.
  const WallTime due = first.window_start + first.window + report_delay(core.options());
  CHECK((due <= now.wall && now.wall < due + first.window));
  for (std::size_t done = 1; done < 1000 && effects.recalls.size() == done; ++done) {
    core.step(now, RecallDone{1}, effects);
  }
  CHECK(core.counters().reports_recalled == effects.recalls.size());
  REQUIRE(effects.recalls.size() == 6 * kLongestHorizon);
  CHECK(effects.recalls.back().window_start ==
        first.window_start + first.window - longest_horizon(core.options()));
}

TEST_CASE("without stored batches nothing is recalled", "[core]") {
  Bench bench;
  bench.pass(seconds{1});
  CHECK(bench.effects.recalls.empty());
}

}  // namespace
}  // namespace faultline::core
