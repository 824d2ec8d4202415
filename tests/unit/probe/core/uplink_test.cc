#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

TEST_CASE("a node that has joined greets with its own key and what it holds", "[probe_core]") {
  Bench bench;
  bench.pass(milliseconds{200});
  REQUIRE(bench.world.links ==
          std::vector<LinkTarget>{{"tcp://c1:7400", key_of(200), Identity::kNode}});
  REQUIRE(bench.world.sent.size() == 1);
  const auto& hello = std::get<Hello>(bench.world.sent[0]);
  CHECK(hello.boot == BootId{7});
  CHECK(hello.profile == profile());
  CHECK(hello.plan == PlanRevision{0});
  bench.receive(welcome());
  CHECK(bench.core.welcomed());
  CHECK(bench.world.memberships_kept.empty());
}

TEST_CASE("a stranger joins with its token, keeps the membership, and greets with its own key",
          "[probe_core]") {
  Bench bench{false};
  bench.pass(milliseconds{200});
  REQUIRE(bench.world.links.back().identity == Identity::kToken);
  REQUIRE(bench.world.sent.size() == 1);
  CHECK(std::get<Join>(bench.world.sent[0]).node_key == key_of(1));
  bench.receive(Joined{.node = NodeId{9}, .name = "n9"});
  REQUIRE(bench.world.memberships_kept.size() == 1);
  CHECK(bench.world.memberships_kept[0].node == NodeId{9});
  CHECK(bench.world.memberships_kept[0].endpoints.size() == 2);
  CHECK_FALSE(bench.world.link_open);
  bench.pass(milliseconds{200});
  CHECK(bench.world.links.back().identity == Identity::kNode);
  CHECK(bench.world.sent_of<Hello>().size() == 1);
}

TEST_CASE("a node whose Joined was lost gets in with its key, though the token is spent",
          "[probe_core]") {
  Bench bench{false};
  bench.pass(seconds{12});  // nobody answers the token
  REQUIRE(bench.world.links.size() >= 2);
  CHECK(bench.world.links[0].identity == Identity::kToken);
  CHECK(bench.world.links[1].identity == Identity::kNode);
  bench.receive(welcome());
  CHECK(bench.core.welcomed());
  CHECK(bench.world.memberships_kept.size() == 1);
}

TEST_CASE("every pair of endpoint and key is tried in turn while nobody answers", "[probe_core]") {
  Bench bench{false};
  bench.world.link_takes = false;
  bench.pass(seconds{120});
  for (const auto identity : {Identity::kToken, Identity::kNode}) {
    for (const auto* endpoint : {"tcp://c1:7400", "tcp://c2:7400"}) {
      CAPTURE(endpoint);
      CHECK(std::ranges::count(bench.world.links, LinkTarget{endpoint, key_of(200), identity}) >=
            1);
    }
  }
  CHECK(bench.world.sent.empty());
}

TEST_CASE("heartbeats go out at the interval that the controller names", "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.pass_answered(seconds{60});
  const auto beats = bench.world.sent_of<Heartbeat>();
  CHECK(beats.size() >= 9);
  CHECK(beats.size() <= 16);
  for (std::size_t i = 1; i < beats.size(); ++i) {
    CHECK(beats[i].sequence == beats[i - 1].sequence + 1);
  }
  CHECK(bench.world.links.size() == 1);
}

TEST_CASE("new labels are told by another greeting on the same link", "[probe_core]") {
  Bench bench;
  bench.step(LabelsChanged{{{"rack", "r1"}}});  // nothing is greeted yet
  bench.connect();
  REQUIRE(bench.world.sent_of<Hello>().size() == 1);
  CHECK(bench.world.sent_of<Hello>()[0].profile.labels == Labels{{"rack", "r1"}});
  bench.step(SpoolFetched{.batches = {batch_of(1)}});
  bench.step(SpoolFetched{});  // nothing new
  bench.step(SpoolFetched{});  // nothing from before
  const auto fetches = bench.world.fetches.size();

  bench.step(LabelsChanged{{{"rack", "r2"}}});
  bench.pass(milliseconds{200});
  CHECK(bench.core.welcomed());
  bench.receive(TestRequest{.test = 1});  // what comes meanwhile is not lost
  CHECK(bench.world.tests.size() == 1);
  bench.receive(welcome());
  CHECK(bench.core.welcomed());
  CHECK(bench.core.uplink().counters().unexpected == 0);
  const auto hellos = bench.world.sent_of<Hello>();
  REQUIRE(hellos.size() == 2);
  auto expected = hellos[0];
  expected.profile.labels = {{"rack", "r2"}};
  expected.sent_at = hellos[1].sent_at;
  CHECK(hellos[1] == expected);
  CHECK(bench.world.links.size() == 1);
  CHECK(bench.world.link_open);
  CHECK(bench.core.uplink().counters().links_lost == 0);
  CHECK(bench.world.fetches.size() == fetches);  // what is on its way is not sent again
  CHECK(bench.core.delivery().in_flight() == 1);
  bench.receive(welcome());  // of no greeting
  CHECK(bench.core.uplink().counters().unexpected == 1);
}

TEST_CASE("labels that change before the greeting is answered are told all the same",
          "[probe_core]") {
  Bench bench;
  bench.pass(milliseconds{200});
  REQUIRE(bench.world.sent_of<Hello>().size() == 1);
  bench.step(LabelsChanged{{{"rack", "r2"}}});
  bench.receive(welcome());  // of the first greeting: another one is under way
  bench.pass(milliseconds{200});
  bench.receive(welcome());
  CHECK(bench.core.welcomed());
  REQUIRE(bench.world.sent_of<Hello>().size() == 2);
  CHECK(bench.world.sent_of<Hello>()[1].profile.labels == Labels{{"rack", "r2"}});
}

TEST_CASE("a controller that is silent for two heartbeats is connected to anew", "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.pass(seconds{11});
  CHECK_FALSE(bench.core.welcomed());
  CHECK(bench.world.links.size() == 2);
  CHECK(bench.core.uplink().counters().links_lost == 1);
  CHECK(bench.world.sent_of<Hello>().size() == 2);
}

TEST_CASE("a member with one way waits for its turn among thousands, others do not",
          "[probe_core]") {
  Bench member;
  member.world.link_takes = false;
  member.pass(kPatientHandshake + kHeartbeatDefault);
  CHECK(member.world.links.size() == 1);
  CHECK(member.world.handshakes[0] == kPatientHandshake);
  member.pass(kHeartbeatDefault + kRetryWaitMax + seconds{1});
  CHECK(member.world.links.size() == 2);

  Bench stranger{false};  // two endpoints, with the token and with the node's key
  stranger.world.link_takes = false;
  stranger.pass(seconds{600});
  const auto& handshakes = stranger.world.handshakes;
  REQUIRE(handshakes.size() > 20);
  for (std::size_t i = 0; i < handshakes.size(); ++i) {
    CAPTURE(i);
    CHECK(handshakes[i] == kHandshake * (1 << std::min<std::size_t>(i / 4, 2)));
  }
}

TEST_CASE("after a lost connection the greeting is repeated as soon as the socket takes it",
          "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.pass_answered(seconds{10});
  bench.world.link_takes = false;  // the controller was killed
  bench.pass(seconds{6});
  CHECK_FALSE(bench.core.welcomed());
  bench.world.link_takes = true;  // it is back
  bench.pass(milliseconds{200});
  CHECK(bench.world.sent_of<Hello>().size() == 2);
  CHECK(bench.world.links.size() == 1);
  bench.receive(welcome());
  CHECK(bench.core.welcomed());
}

TEST_CASE("a refusal closes the link, and time passes before the next try", "[probe_core]") {
  const auto reason = GENERATE(RefusalReason::kUnknownKey, RefusalReason::kProtocolVersion,
                               RefusalReason::kNameTaken);
  Bench bench;
  bench.connect();
  bench.receive(Refusal{.reason = reason, .text = "go away"});
  CHECK_FALSE(bench.core.welcomed());
  CHECK_FALSE(bench.world.link_open);
  bench.pass(seconds{10});
  CHECK(bench.world.links.size() == 1);
  bench.pass(seconds{10});
  CHECK(bench.world.links.size() == 2);
  CHECK(bench.core.uplink().counters().refusals == 1);
}

TEST_CASE("a controller that asks for another greeting gets it within six seconds, by the same way",
          "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.receive(make_plan(1));
  REQUIRE(bench.core.plan().measuring());
  const auto way = bench.world.links.back();
  bench.receive(Refusal{.reason = RefusalReason::kOverloaded, .text = "greet it again"});
  CHECK_FALSE(bench.core.welcomed());
  bench.pass(seconds{6} + milliseconds{200});
  CHECK(bench.world.stops == 0);  // it goes on measuring
  REQUIRE(bench.world.links.size() == 2);
  CHECK(bench.world.links.back() == way);
  CHECK(bench.world.sent_of<Hello>().size() == 2);
  bench.receive(welcome());
  CHECK(bench.core.welcomed());
}

TEST_CASE("a controller of another protocol version is left alone for a while", "[probe_core]") {
  Bench bench;
  bench.pass(milliseconds{200});
  bench.receive(Welcome{.protocol_major = 2});
  CHECK_FALSE(bench.core.welcomed());
  CHECK_FALSE(bench.world.link_open);
  CHECK(bench.world.warnings.size() == 1);
}

TEST_CASE("messages that do not belong before a welcome are counted and change nothing",
          "[probe_core]") {
  Bench bench;
  bench.pass(milliseconds{200});
  bench.receive(make_plan(1));
  bench.receive(BatchAck{.boot = BootId{7}});
  bench.receive(Joined{.node = NodeId{3}, .name = "x"});
  CHECK(bench.core.uplink().counters().unexpected == 3);
  CHECK(bench.world.applied.empty());
  CHECK(bench.world.released.empty());
  CHECK(bench.world.memberships_kept.empty());
}

TEST_CASE("what cannot be decoded is counted and does not end the link", "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.step(ControllerGarbage{{ErrorCode::kInvalid, "garbage"}});
  bench.step(ControllerGarbage{{ErrorCode::kUnsupported, "kind 99"}});
  bench.step(MeshGarbage{key_of(2), {ErrorCode::kUnsupported, "kind 99"}});
  bench.step(MeshGarbage{key_of(2), {ErrorCode::kInvalid, "garbage"}});
  CHECK(bench.core.counters() == CoreCounters{.controller_malformed = 1,
                                              .controller_unknown_kind = 1,
                                              .mesh_malformed = 1,
                                              .mesh_unknown_kind = 1});
  CHECK(bench.core.welcomed());
}

}  // namespace
}  // namespace faultline::probe_core::tests
