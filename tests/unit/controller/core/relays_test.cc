// Batches that another node brings: who is believed, who is acknowledged, and what they prove.
#include "controller/core/relays.h"

#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

using std::chrono::minutes;

struct RelayBench : Bench {
  RelayBench() {
    pass(seconds{13});  // nothing is heard of the node itself
    effects.sent.clear();
    effects.lines.clear();
  }
  void bring(const PublicKey& key) {
    say(relay, Relayed{.origin = key, .sealed = std::vector<std::byte>(kSealBytes)});
  }
  // What is opened turns out to be this node's batch, of a window that has just closed.
  void finish_open(std::uint64_t sequence, Duration window_age = {}) {
    REQUIRE_FALSE(effects.opens.empty());
    const auto opened = effects.opens.front();
    effects.opens.pop_front();
    auto report = std::make_shared<Report>();
    report->window = core.options().planner.window;
    report->window_start = window_start(now.wall - window_age, report->window) - report->window;
    step(BatchDecoded{opened.node, batch_of(sequence), std::move(report), opened.by});
    if (!effects.appends.empty()) finish_append();
  }
  static Batch batch_of(std::uint64_t sequence) {
    return {.boot = BootId{7},
            .first_sequence = sequence,
            .sequence = sequence,
            .payload = std::vector<std::byte>(1)};
  }
  [[nodiscard]] bool is_proven() const {
    return core.relays().proof_of(NodeId{2}, now.wall) != nullptr;
  }

  PublicKey relay = enroll(1);
  PublicKey origin = enroll(2);
};

TEST_CASE("a batch that another node brought is stored, and acknowledged by way of that node",
          "[core][relay]") {
  RelayBench bench;
  bench.bring(bench.origin);
  REQUIRE(bench.effects.opens.size() == 1);
  const RelayedBy by{.relay = NodeId{1}, .relay_key = bench.relay, .origin = bench.origin};
  CHECK(bench.effects.opens.front().node == NodeId{2});
  CHECK(bench.effects.opens.front().by == by);
  bench.finish_open(1);
  CHECK(bench.core.intake_counters().batches == 1);
  REQUIRE(bench.effects.sealed_acks.size() == 1);
  CHECK(bench.effects.sealed_acks[0].first == by);
  CHECK(bench.effects.sealed_acks[0].second.durable == std::vector<SequenceInterval>{{1, 1}});
  CHECK(bench.effects.messages_to<BatchAck>(bench.origin).empty());
  CHECK(bench.core.relays().counters() == RelayCounters{.batches = 1});
}

TEST_CASE("it counts once, however often and by whatever way it comes", "[core][relay]") {
  RelayBench bench;
  for (int i = 0; i < 2; ++i) {
    bench.bring(bench.origin);
    bench.finish_open(1);
  }
  bench.say(bench.origin, RelayBench::batch_of(1));
  bench.finish_decode(std::make_shared<const Report>());
  CHECK(bench.core.intake_counters().batches == 1);
  CHECK(bench.core.intake_counters().duplicates == 2);
  CHECK(bench.effects.sealed_acks.size() == 2);
  CHECK(bench.effects.messages_to<BatchAck>(bench.origin).size() == 1);  // it is there itself
}

TEST_CASE("nothing is opened of a key that is nobody's, a token's, revoked, or the relay's own",
          "[core][relay]") {
  RelayBench bench;
  const auto token = key_of(77);
  bench.step(CreateToken{.request = 9, .token = {.key = token}});
  bench.finish_commits();
  bench.bring(key_of(99));
  bench.bring(token);
  bench.bring(bench.relay);
  bench.step(RemoveNode{.request = 1, .name = "h2"});
  bench.finish_commits();
  bench.bring(bench.origin);
  CHECK(bench.effects.opens.empty());
  CHECK(bench.core.relays().counters() == RelayCounters{.refused = 4});
}

TEST_CASE("a node that is not trusted brings nothing", "[core][relay]") {
  RelayBench bench;
  bench.relay = key_of(98);
  bench.bring(bench.origin);
  CHECK(bench.effects.opens.empty());
  CHECK(bench.core.counters().messages_untrusted == 1);
}

TEST_CASE("a seal that does not open proves nothing, and leaves no trace in the intake",
          "[core][relay]") {
  RelayBench bench;
  for (std::uint32_t i = 0; i < 2 * kCreditPerNode; ++i) {
    if (i % 16 == 0) bench.pass(seconds{1});
    bench.bring(bench.origin);
    REQUIRE(bench.effects.opens.size() == 1);
    const auto opened = bench.effects.opens.front();
    bench.effects.opens.pop_front();
    bench.step(SealRefused{opened.node, opened.by, {ErrorCode::kDenied, "forged"}});
  }
  CHECK(bench.core.relays().counters() == RelayCounters{.refused = 2 * kCreditPerNode});
  CHECK(bench.core.relays().way_of(NodeId{2}) == nullptr);
  CHECK_FALSE(bench.is_proven());
  CHECK(bench.effects.lines.back() == "refused what node h1 brought as a batch of node h2: forged");
}

TEST_CASE("a new window proves that its node lives, for a while, until the node speaks itself",
          "[core][relay]") {
  RelayBench bench;
  bench.bring(bench.origin);
  bench.finish_open(1);
  CHECK(bench.is_proven());
  CHECK(bench.core.fleet().find(NodeId{2})->state == fleet::NodeState::kLive);
  bench.pass(minutes{1});
  CHECK_FALSE(bench.is_proven());
  // Nor do a window of long ago, and one that was stored before.
  bench.bring(bench.origin);
  bench.finish_open(2, minutes{5});
  bench.bring(bench.origin);
  bench.finish_open(1);
  CHECK_FALSE(bench.is_proven());
  bench.bring(bench.origin);
  bench.finish_open(3);
  CHECK(bench.is_proven());
  bench.say(bench.origin, Heartbeat{.sequence = 9, .sent_at = bench.now.wall});
  CHECK_FALSE(bench.is_proven());
  CHECK(bench.core.relays().way_of(NodeId{2}) == nullptr);
}

TEST_CASE("a node that only others bring results of stays silent", "[core][relay]") {
  RelayBench bench;
  for (std::uint64_t sequence = 1; sequence <= 6; ++sequence) {
    bench.pass(seconds{10});
    bench.bring(bench.origin);
    bench.finish_open(sequence);
  }
  CHECK(bench.core.fleet().find(NodeId{2})->state == fleet::NodeState::kSilent);
  const auto* known = bench.core.inquiries().of(NodeId{2});
  REQUIRE(known != nullptr);
  CHECK(known->by_way_of == "h1");
  CHECK(known->condition == Condition::kControllerWay);
}

TEST_CASE("what is relayed is bounded, and what is beyond that is shed", "[core][relay]") {
  RelayBench bench;
  for (std::uint32_t i = 0; i < kCreditPerNode + 1; ++i) {
    if (i % 16 == 0) bench.pass(seconds{1});  // one helper may bring twenty a second
    bench.bring(bench.origin);
  }
  CHECK(bench.effects.opens.size() == kCreditPerNode);
  CHECK(bench.core.relays().counters().shed == 1);

  Relays relays(seconds{30});
  const Instant now{seconds{5}};
  int admitted = 0;
  for (int i = 0; i < 1000; ++i) admitted += relays.admit(NodeId{1}, now) ? 1 : 0;
  CHECK(admitted == static_cast<int>(kRelayedByOnePerSecondMax));
  for (std::uint32_t relay = 2; relay <= 20; ++relay) {
    for (int i = 0; i < 100; ++i) admitted += relays.admit(NodeId{relay}, now) ? 1 : 0;
  }
  CHECK(admitted == static_cast<int>(kRelayedPerSecondMax));
  CHECK(relays.admit(NodeId{1}, now + seconds{1}));
}

}  // namespace
}  // namespace faultline::core
