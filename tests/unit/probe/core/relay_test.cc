// Results by way of a peer: of this node while it is cut off, and of others through this one.
#include <set>

#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

using std::chrono::minutes;

FetchOrder order_of(Lane lane, bool from_start, std::size_t batches_max) {
  return {.lane = lane, .from_start = from_start, .boundary = 0, .batches_max = batches_max};
}

// A member with a plan and one batch in its spool, whose link takes nothing.
struct CutOff : Bench {
  explicit CutOff(std::uint32_t peers = 2) {
    connect();
    receive(make_plan(1, peers));
    step(SpoolFetched{});
    world.link_takes = false;
    step(WindowClosed{});
    step(SpoolAppended{.results = 1, .level = SpoolLevel{.batches = 1}});
    step(SpoolFetched{.batches = {batch_of(1)}, .level = SpoolLevel{.batches = 1}});  // not taken
    REQUIRE_FALSE(core.welcomed());
    world.mesh.clear();
    world.fetches.clear();
  }

  template <typename Message>
  [[nodiscard]] std::vector<std::pair<NodeId, Message>> mesh_of() const {
    std::vector<std::pair<NodeId, Message>> found;
    for (const auto& [to, message] : world.mesh) {
      if (const auto* kind = std::get_if<Message>(&message)) found.emplace_back(to, *kind);
    }
    return found;
  }
  void hear(NodeId from, MeshMessage message) {
    step(MeshReceived{key_of(static_cast<std::uint8_t>(from.value())), std::move(message)});
  }
  // Until somebody is asked; who it is.
  NodeId pass_until_asked() {
    const auto before = mesh_of<RelayRequest>().size();
    for (int i = 0; i < 1200 && mesh_of<RelayRequest>().size() == before; ++i) pass(kTickInterval);
    REQUIRE(mesh_of<RelayRequest>().size() == before + 1);
    return mesh_of<RelayRequest>().back().first;
  }
  NodeId pass_until_open() {
    const auto relay = pass_until_asked();
    hear(relay, RelayReply{.outcome = RelayOutcome::kReady, .controller = key_of(200)});
    REQUIRE(core.detour().is_open());
    return relay;
  }
  // A way is open and batch 1 is on it.
  NodeId open_way() {
    const auto relay = pass_until_open();
    REQUIRE(world.fetches.back() == order_of(Lane::kLive, true, kRelayedInFlight));
    step(SpoolFetched{.batches = {batch_of(1)}, .level = SpoolLevel{.batches = 1}});
    return relay;
  }
};

BatchAck ack_of(std::uint64_t sequence) {
  return {.boot = BootId{7}, .durable = {{1, sequence}}, .credit = 8};
}

TEST_CASE("a node that is cut off asks a peer for a way when its time has come, not before",
          "[relay]") {
  CutOff bench;
  bench.pass(kDetourAfter - kTickInterval);
  CHECK(bench.mesh_of<RelayRequest>().empty());
  bench.pass(kFirstAskSpread + 2 * kTickInterval);
  CHECK_FALSE(bench.mesh_of<RelayRequest>().empty());
}

TEST_CASE("a node with nothing to deliver asks nobody", "[relay]") {
  Bench bench;
  bench.connect();
  bench.receive(make_plan(1));
  bench.world.link_takes = false;
  bench.pass(minutes{5});
  CHECK(bench.core.detour().counters() == DetourCounters{});
}

TEST_CASE("a node that has not joined asks nobody", "[relay]") {
  Bench bench(false);
  bench.world.link_takes = false;
  bench.step(SpoolAppended{.results = 1, .level = SpoolLevel{.batches = 1}});
  bench.pass(minutes{5});
  CHECK(bench.core.detour().counters() == DetourCounters{});
}

TEST_CASE("batches go sealed to the controller's key, one at a time, and are released by its word",
          "[relay]") {
  CutOff bench;
  const auto relay = bench.open_way();
  const auto sent = bench.mesh_of<SealedBatch>();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].first == relay);
  CHECK(bench.world.sealed == std::vector{std::pair(key_of(200), batch_of(1))});
  bench.pass(seconds{1});
  CHECK(bench.world.fetches.size() == 1);  // the second waits for the first

  bench.world.held_ack = ack_of(1);
  bench.hear(relay, SealedAck{.sealed = std::vector<std::byte>(kSealBytes)});
  REQUIRE(bench.world.released.size() == 1);
  CHECK(bench.world.released[0].second == std::vector<SequenceInterval>{{1, 1}});
  bench.pass(kTickInterval);
  CHECK(bench.world.fetches.back() == order_of(Lane::kBacklog, true, kRelayedInFlight));
}

TEST_CASE("batches leave a relay room for those of others", "[relay]") {
  CutOff bench;
  const auto relay = bench.open_way();
  std::uint64_t sequence = 1;
  for (int i = 0; i < 100; ++i) {
    bench.world.held_ack = ack_of(sequence);
    bench.hear(relay, SealedAck{.sealed = {}});
    bench.pass(kTickInterval);
    bench.read({batch_of(++sequence)});
  }
  const auto before = bench.world.fetches.size();
  bench.world.held_ack = ack_of(sequence);
  bench.hear(relay, SealedAck{.sealed = {}});  // in no time
  CHECK(bench.world.fetches.size() == before);
  CHECK(bench.world.sealed.size() == sequence);
  CHECK(bench.core.detour().counters().broken == 0);
}

TEST_CASE("a live batch that gets nowhere does not hold up the backlog", "[relay]") {
  CutOff bench;
  static_cast<void>(bench.open_way());  // the live lane has the first turn
  bench.pass(kRelayedAckWait + kTickInterval);
  REQUIRE(bench.core.detour().counters().broken == 1);
  const auto second = bench.pass_until_open();
  REQUIRE(bench.world.fetches.back() == order_of(Lane::kBacklog, true, kRelayedInFlight));
  bench.read({batch_of(9, BootId{6})});
  bench.world.held_ack = BatchAck{.boot = BootId{6}, .durable = {{1, 9}}, .credit = 8};
  bench.hear(second, SealedAck{.sealed = {}});
  bench.pass(kTickInterval);
  CHECK(bench.world.fetches.back() == order_of(Lane::kLive, true, kRelayedInFlight));
}

TEST_CASE("a relay that has reached a bound is sent the batch again, a second later", "[relay]") {
  CutOff bench;
  const auto relay = bench.open_way();
  bench.hear(relay, RelayReply{.outcome = RelayOutcome::kLater});
  CHECK(bench.core.detour().is_open());
  const auto fetches = bench.world.fetches.size();
  bench.pass(kRelayedLaterWait - kTickInterval);
  CHECK(bench.world.fetches.size() == fetches);
  bench.pass(kTickInterval);
  REQUIRE(bench.world.fetches.size() == fetches + 1);
  CHECK(bench.world.fetches.back().from_start);
  bench.read({batch_of(1)});
  CHECK(bench.mesh_of<SealedBatch>().size() == 2);
  CHECK(bench.mesh_of<SealedBatch>().back().first == relay);
  CHECK(bench.core.detour().counters().broken == 0);
  CHECK(bench.core.detour().counters().postponed == 1);
}

TEST_CASE("a relay that puts a batch off again and again is left", "[relay]") {
  CutOff bench;
  const auto relay = bench.open_way();
  for (int i = 0; i < 9; ++i) {
    bench.hear(relay, RelayReply{.outcome = RelayOutcome::kLater});
    bench.pass(kRelayedLaterWait);
    bench.read({batch_of(1)});
  }
  CHECK_FALSE(bench.core.detour().is_open());
  CHECK(bench.core.detour().counters().broken == 1);
}

TEST_CASE("a relay that says one acknowledgement again and again is left", "[relay]") {
  CutOff bench;
  const auto relay = bench.open_way();
  bench.world.held_ack = ack_of(1);
  bench.hear(relay, SealedAck{.sealed = {}});
  bench.pass(kTickInterval);
  bench.read({batch_of(2)});
  for (int i = 0; i < 9; ++i) {
    bench.pass(seconds{1});
    bench.hear(relay, SealedAck{.sealed = {}});
  }
  CHECK(bench.core.detour().counters().broken == 1);
}

TEST_CASE("an acknowledgement that is not the controller's releases nothing", "[relay]") {
  CutOff bench;
  const auto relay = bench.open_way();
  bench.hear(relay, SealedAck{.sealed = std::vector<std::byte>(kSealBytes)});
  CHECK(bench.world.released.empty());
  CHECK(bench.core.detour().counters().acks_refused == 1);
  bench.world.held_ack = ack_of(1);
  bench.hear(NodeId{relay.value() == 2 ? 3U : 2U}, SealedAck{.sealed = {}});
  CHECK(bench.world.released.empty());
  CHECK(bench.core.detour().counters().unmatched == 1);
}

TEST_CASE("a relay whose controller this node does not know is given nothing", "[relay]") {
  CutOff bench;
  const auto first = bench.pass_until_asked();
  bench.hear(first, RelayReply{.outcome = RelayOutcome::kReady, .controller = key_of(99)});
  CHECK_FALSE(bench.core.detour().is_open());
  CHECK(bench.core.detour().counters().refused == 1);
  CHECK(bench.pass_until_asked() != first);
}

TEST_CASE("who cannot, or does not answer, is left for the next; then there is a pause",
          "[relay]") {
  CutOff bench(12);
  std::set<NodeId> asked;
  for (std::size_t i = 0; i < kAsksPerRound; ++i) {
    const auto peer = bench.pass_until_asked();
    CHECK(asked.insert(peer).second);
    if (i % 2 == 0) bench.hear(peer, RelayReply{});
  }
  CHECK(bench.core.detour().counters().refused == kAsksPerRound / 2);
  bench.pass(seconds{45});
  CHECK(bench.core.detour().counters().asked == kAsksPerRound);
  CHECK(bench.core.detour().counters().unanswered == kAsksPerRound / 2);
  bench.pass(seconds{60});
  CHECK(bench.core.detour().counters().asked > kAsksPerRound);
}

TEST_CASE("a relay that loses a batch is left, and the batch goes by the next", "[relay]") {
  CutOff bench;
  const auto first = bench.open_way();
  bench.pass(kRelayedAckWait + kTickInterval);
  CHECK(bench.core.detour().counters().broken == 1);
  const auto second = bench.pass_until_asked();
  CHECK(second != first);
  bench.hear(second, RelayReply{.outcome = RelayOutcome::kReady, .controller = key_of(200)});
  bench.step(SpoolFetched{.batches = {batch_of(1)}});
  CHECK(bench.mesh_of<SealedBatch>().back().first == second);
}

TEST_CASE("a welcome ends the detour: what is not acknowledged goes its own way again", "[relay]") {
  CutOff bench;
  static_cast<void>(bench.open_way());
  bench.world.link_takes = true;
  bench.pass(seconds{1});
  bench.receive(welcome());
  CHECK_FALSE(bench.core.detour().is_open());
  CHECK(bench.world.fetches.back() == order_of(Lane::kLive, true, kCreditInitial - 1));
  bench.step(SpoolFetched{.batches = {batch_of(1)}});
  CHECK(bench.world.sent_of<Batch>().back() == batch_of(1));
  CHECK(bench.mesh_of<SealedBatch>().size() == 1);
}

TEST_CASE("what a relay brings after the welcome is released, and says nothing of the own way",
          "[relay]") {
  CutOff bench;
  const auto relay = bench.open_way();
  bench.world.link_takes = true;
  bench.pass(seconds{1});
  bench.receive(welcome());
  bench.read({batch_of(1)});
  bench.world.held_ack = BatchAck{.boot = BootId{7}, .durable = {{1, 1}}, .credit = 0};
  bench.hear(relay, SealedAck{.sealed = {}});
  CHECK(bench.world.released.size() == 1);
  CHECK(bench.core.delivery().in_flight() == 1);
  CHECK(bench.core.delivery().counters().acks == 0);
}

// Measuring would end with the lease, though the controller wants it and is heard.
TEST_CASE("an acknowledged batch renews the lease, and one that is said again does not",
          "[relay]") {
  CutOff bench;
  const auto relay = bench.open_way();
  const auto lease_end = bench.core.plan().lease_end();
  bench.world.held_ack = ack_of(1);
  bench.pass(seconds{1});
  bench.hear(relay, SealedAck{.sealed = {}});
  const auto renewed = bench.core.plan().lease_end();
  CHECK(renewed > lease_end);
  bench.pass(seconds{1});
  bench.hear(relay, SealedAck{.sealed = {}});
  CHECK(bench.core.plan().lease_end() == renewed);
}

// ---- for others

struct Welcomed : Bench {
  Welcomed() {
    connect();
    receive(make_plan(1, 40));
    world.sent.clear();
    world.mesh.clear();
  }
  void hear(std::uint8_t from, MeshMessage message) {
    step(MeshReceived{key_of(from), std::move(message)});
  }
  [[nodiscard]] MeshMessage last_answer() const {
    REQUIRE_FALSE(world.mesh.empty());
    return world.mesh.back().second;
  }
};
const std::vector<std::byte> kSealedBytes(1000, std::byte{9});
const RelayReply kReady{.outcome = RelayOutcome::kReady, .controller = key_of(200)};

TEST_CASE("a welcomed node passes on what a peer of the plan has sealed, and hands back the answer",
          "[relay]") {
  Welcomed bench;
  bench.hear(5, RelayRequest{});
  CHECK(bench.last_answer() == MeshMessage{kReady});
  bench.hear(5, SealedBatch{.sealed = kSealedBytes});
  CHECK(bench.world.sent_of<Relayed>() ==
        std::vector<Relayed>{{.origin = key_of(5), .sealed = kSealedBytes}});
  bench.receive(RelayedAck{.origin = key_of(5), .sealed = kSealedBytes});
  CHECK(bench.world.mesh.back() ==
        std::pair(NodeId{5}, MeshMessage{SealedAck{.sealed = kSealedBytes}}));
  bench.receive(RelayedAck{.origin = key_of(6), .sealed = kSealedBytes});
  CHECK(bench.core.relay().counters().acks_unmatched == 1);
}

TEST_CASE("nobody who is not in the plan is relayed for, or answered", "[relay]") {
  Welcomed bench;
  bench.hear(99, RelayRequest{});
  bench.hear(99, SealedBatch{.sealed = kSealedBytes});
  CHECK(bench.world.mesh.empty());
  CHECK(bench.world.sent_of<Relayed>().empty());
  CHECK(bench.core.tracer().counters().untrusted == 2);
}

TEST_CASE("a node that is cut off itself, or whose controller is older, cannot relay", "[relay]") {
  Welcomed bench;
  SECTION("cut off") {
    bench.world.link_takes = false;
    bench.pass(seconds{20});
    REQUIRE_FALSE(bench.core.welcomed());
  }
  SECTION("an older controller") {
    bench.core.step(bench.now, ControllerReceived{Refusal{}}, bench.world);  // says hello anew
    bench.pass(seconds{30});
    auto older = welcome();
    older.capabilities &= ~kCapabilityRelay;
    bench.receive(older);
    REQUIRE(bench.core.welcomed());
  }
  bench.world.mesh.clear();
  bench.hear(5, RelayRequest{});
  CHECK(bench.last_answer() == MeshMessage{RelayReply{}});
  bench.hear(5, SealedBatch{.sealed = kSealedBytes});
  CHECK(bench.last_answer() == MeshMessage{RelayReply{}});
  CHECK(bench.world.sent_of<Relayed>().empty());
}

TEST_CASE("what is relayed is bounded in peers, batches and octets, and shed beyond that",
          "[relay]") {
  SECTION("peers") {
    Welcomed bench;
    for (std::uint8_t peer = 2; peer < 2 + kOriginsMax; ++peer) bench.hear(peer, RelayRequest{});
    CHECK(bench.last_answer() == MeshMessage{kReady});
    bench.hear(2 + kOriginsMax, RelayRequest{});
    CHECK(bench.last_answer() == MeshMessage{RelayReply{}});
    bench.pass_answered(kOriginKept);
    bench.hear(2 + kOriginsMax, RelayRequest{});
    CHECK(bench.last_answer() == MeshMessage{kReady});
  }
  SECTION("batches") {
    Welcomed bench;
    for (int i = 0; i < 100; ++i) bench.hear(5, SealedBatch{.sealed = kSealedBytes});
    CHECK(bench.core.relay().counters().batches == static_cast<std::uint64_t>(kRelayedBurst));
    CHECK(bench.last_answer() == MeshMessage{RelayReply{.outcome = RelayOutcome::kLater}});
  }
  SECTION("octets, though the largest batch there can be has its turn") {
    Welcomed bench;
    const SealedBatch largest{.sealed = std::vector<std::byte>(kSealedMax)};
    for (int i = 0; i < 3; ++i) bench.hear(5, largest);
    CHECK(bench.core.relay().counters().batches == 1);
    CHECK(bench.core.relay().counters().batches_shed == 2);
    CHECK(bench.last_answer() == MeshMessage{RelayReply{.outcome = RelayOutcome::kLater}});
    bench.pass_answered(seconds{10});
    bench.hear(5, largest);
    CHECK(bench.core.relay().counters().batches == 2);
  }
}

}  // namespace
}  // namespace faultline::probe_core::tests
