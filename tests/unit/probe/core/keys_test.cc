// How a probe's key, its controllers' keys and its membership change.
#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

UplinkOptions options_of_member() {
  return {.software = "test",
          .profile = profile(),
          .boot = BootId{7},
          .node_key = key_of(1),
          .endpoints = {},
          .controllers = {},
          .membership = membership()};
}

// A core of its own, in a world that takes everything.
struct Stage {
  explicit Stage(UplinkOptions options) : core(std::move(options), Rng{1}) {}

  void step(Event event) { core.step(now, std::move(event), world); }
  void receive(ControllerMessage message) { step(ControllerReceived{std::move(message)}); }
  void pass(Duration duration) {
    for (const auto end = now.instant + duration; now.instant < end;) {
      now.instant += kTickInterval;
      now.wall += kTickInterval;
      step(Tick{});
    }
  }
  void connect() {
    pass(milliseconds{200});
    receive(welcome());
  }
  [[nodiscard]] Identity identity() const { return world.links.back().identity; }

  Now now{Instant{seconds{1000}}, wall_time_from_unix_seconds(1'800'000'000)};
  FakeWorld world;
  ProbeCore core;
};

TEST_CASE("a node tells its new key when it is durable, and changes over when both are pinned",
          "[probe_core][keys]") {
  Stage stage{options_of_member()};
  stage.connect();
  stage.receive(RekeyRequest{});
  CHECK(stage.world.next_keys_made == 1);
  CHECK(stage.world.sent_of<Rekey>().empty());
  stage.step(NextKeyMade{key_of(2)});
  CHECK(stage.world.sent_of<Rekey>() == std::vector{Rekey{.key = key_of(2)}});

  stage.receive(Rekeyed{.key = key_of(2)});
  CHECK_FALSE(stage.core.welcomed());
  CHECK(stage.world.next_keys_adopted == 0);  // nobody has welcomed it yet
  stage.pass(milliseconds{200});
  CHECK(stage.identity() == Identity::kNextNode);
  stage.receive(welcome());
  CHECK(stage.core.welcomed());
  CHECK(stage.world.next_keys_adopted == 1);
  CHECK(stage.core.uplink().counters().rekeys == 1);
  CHECK(stage.world.sent_of<Rekey>().size() == 1);
}

TEST_CASE("a new key whose pinning was never confirmed is told again with every welcome",
          "[probe_core][keys]") {
  auto options = options_of_member();
  options.next_key = key_of(2);  // a crash after the pair was made
  Stage stage{options};
  stage.connect();
  CHECK(stage.world.links.back().identity == Identity::kNode);
  CHECK(stage.world.sent_of<Rekey>() == std::vector{Rekey{.key = key_of(2)}});
  stage.receive(RekeyRequest{});  // asked again: it has one
  CHECK(stage.world.next_keys_made == 0);
  CHECK(stage.world.sent_of<Rekey>().size() == 2);
}

TEST_CASE("a node that crashed while the controller dropped its old key gets in with the new one",
          "[probe_core][keys]") {
  auto options = options_of_member();
  options.next_key = key_of(2);
  Stage stage{options};
  stage.world.link_takes = false;  // the old key is refused at the handshake, in silence
  stage.pass(seconds{2});
  stage.pass(milliseconds{500});
  REQUIRE(stage.world.links.size() >= 2);
  CHECK(stage.world.links[0].identity == Identity::kNode);
  CHECK(stage.world.links[1].identity == Identity::kNextNode);
  stage.world.link_takes = true;
  stage.pass(milliseconds{200});
  stage.receive(welcome());
  CHECK(stage.world.next_keys_adopted == 1);
}

TEST_CASE("a confirmation of a key that is not the next one changes nothing",
          "[probe_core][keys]") {
  Stage stage{options_of_member()};
  stage.connect();
  stage.receive(Rekeyed{.key = key_of(9)});
  CHECK(stage.core.welcomed());
  CHECK(stage.core.uplink().counters().unexpected == 1);
}

TEST_CASE("the controllers' keys are acknowledged when they are durable, and not before",
          "[probe_core][keys]") {
  Stage stage{options_of_member()};
  stage.connect();
  stage.receive(Controllers{.revision = 2, .keys = {key_of(200), key_of(201)}});
  REQUIRE(stage.world.memberships_kept.size() == 1);
  CHECK(stage.world.memberships_kept[0].controllers == std::vector{key_of(200), key_of(201)});
  CHECK(stage.world.sent_of<ControllersAck>().empty());
  stage.step(MembershipKept{stage.world.memberships_kept[0]});
  CHECK(stage.world.sent_of<ControllersAck>() == std::vector{ControllersAck{.revision = 2}});
  // The acknowledgement was lost: it is told again, and nothing is written again.
  stage.receive(Controllers{.revision = 2, .keys = {key_of(200), key_of(201)}});
  CHECK(stage.world.memberships_kept.size() == 1);
  CHECK(stage.world.sent_of<ControllersAck>().size() == 2);
}

TEST_CASE("controllers' keys that could not be written are written when they are told again",
          "[probe_core][keys]") {
  Stage stage{options_of_member()};
  stage.connect();
  const Controllers both{.revision = 2, .keys = {key_of(200), key_of(201)}};
  stage.receive(both);
  stage.receive(both);
  CHECK(stage.world.memberships_kept.size() == 2);
  CHECK(stage.world.sent_of<ControllersAck>().empty());
}

TEST_CASE("a list of controllers' keys without the one that is served is ignored",
          "[probe_core][keys]") {
  Stage stage{options_of_member()};
  stage.connect();
  stage.receive(Controllers{.revision = 2, .keys = {key_of(201)}});
  CHECK(stage.world.memberships_kept.empty());
  CHECK(stage.core.uplink().membership()->controllers == std::vector{key_of(200)});
}

TEST_CASE(
    "when the controller changes its key, the other one is tried within seconds, and first "
    "from then on",
    "[probe_core][keys]") {
  auto options = options_of_member();
  options.membership->controllers = {key_of(200), key_of(201)};
  Stage stage{options};
  stage.connect();
  stage.world.link_takes = false;  // the server is gone
  stage.pass(seconds{6});          // at the latest with the next heartbeat
  CHECK_FALSE(stage.core.welcomed());
  stage.world.link_takes = true;
  stage.pass(seconds{3});
  const auto other = std::ranges::find(stage.world.links, key_of(201), &LinkTarget::controller);
  REQUIRE(other != stage.world.links.end());
  while (stage.world.links.back().controller != key_of(201)) stage.pass(seconds{1});
  stage.pass(milliseconds{200});
  stage.receive(welcome());
  CHECK(stage.core.welcomed());
  CHECK(stage.world.memberships_kept.back().controllers == std::vector{key_of(201), key_of(200)});
}

TEST_CASE("a node of the configuration says hello with its own key, and needs no token",
          "[probe_core][keys]") {
  Stage stage{{.software = "test",
               .profile = profile(),
               .boot = BootId{7},
               .node_key = key_of(1),
               .endpoints = {},
               .controllers = {},
               .configured_endpoints = {"tcp://c1:7400"},
               .configured_controllers = {key_of(200)},
               .membership = {}}};
  stage.pass(milliseconds{200});
  CHECK(stage.world.links.back() == LinkTarget{"tcp://c1:7400", key_of(200), Identity::kNode});
  CHECK(stage.world.sent_of<Hello>().size() == 1);
  stage.receive(welcome());
  CHECK(stage.world.memberships_kept == std::vector{membership()});
  stage.world.link_takes = false;  // it is a member now, with one way to go, and can be patient
  stage.pass(seconds{6});
  CHECK_FALSE(stage.core.welcomed());
  CHECK(stage.world.handshakes == std::vector<Duration>{kHandshake, kPatientHandshake});
}

TEST_CASE("a patient member follows its controller to another key without delay",
          "[probe_core][keys]") {
  Stage stage{options_of_member()};
  stage.connect();
  REQUIRE(stage.world.handshakes.back() == kPatientHandshake);
  const auto old_key = stage.world.links.back().controller;
  stage.receive(Controllers{.revision = 1, .keys = {old_key, key_of(201)}});
  stage.world.link_takes = false;  // it serves the other one now
  stage.pass(seconds{8});
  const auto& links = stage.world.links;
  CHECK(std::ranges::any_of(links, [](const auto& it) { return it.controller == key_of(201); }));
  CHECK(stage.world.handshakes.back() == kHandshake);
}

TEST_CASE("a member whose key is not trusted any more joins anew with its token, as another node",
          "[probe_core][keys]") {
  auto options = options_of_member();
  options.has_token = true;
  options.endpoints = {"tcp://new:7400"};
  options.controllers = {key_of(210)};
  Stage stage{options};
  stage.connect();
  stage.receive(make_plan(50));
  CHECK(stage.world.applied.size() == 1);

  stage.receive(Refusal{.reason = RefusalReason::kUnknownKey, .text = "not trusted"});
  stage.pass(milliseconds{600});
  CHECK(stage.world.links.back() == LinkTarget{"tcp://new:7400", key_of(210), Identity::kToken});
  CHECK(stage.world.sent_of<Join>().size() == 1);
  stage.receive(Joined{.node = NodeId{5}, .name = "n5"});
  CHECK(stage.world.memberships_kept.back() == Membership{.node = NodeId{5},
                                                          .name = "n5",
                                                          .endpoints = {"tcp://new:7400"},
                                                          .controllers = {key_of(210)}});
  CHECK(stage.world.stops == 1);  // the old node's plan is not its own
  stage.pass(milliseconds{300});
  stage.receive(Welcome{.node = NodeId{5}, .name = "n5"});
  auto plan = make_plan(1);  // the other fleet's first: lower than what it had
  plan.node = NodeId{5};
  stage.receive(plan);
  CHECK(stage.world.applied.size() == 2);
}

TEST_CASE("a member that nobody answers turns to its token after each way of its membership",
          "[probe_core][keys]") {
  auto options = options_of_member();
  options.has_token = true;
  options.endpoints = {"tcp://new:7400"};
  options.controllers = {key_of(210)};
  Stage stage{options};
  stage.world.link_takes = false;
  stage.pass(seconds{60});
  REQUIRE(stage.world.links.size() >= 3);
  CHECK(stage.world.links[0] == LinkTarget{"tcp://c1:7400", key_of(200), Identity::kNode});
  CHECK(stage.world.links[1] == LinkTarget{"tcp://new:7400", key_of(210), Identity::kToken});
  CHECK(stage.world.links[2] == stage.world.links[0]);
}

TEST_CASE("a peer that changes its key is heard under both of them", "[probe_core][keys]") {
  Stage stage{options_of_member()};
  stage.connect();
  auto plan = make_plan(1);
  plan.peers[0].second_key = key_of(77);
  stage.receive(plan);
  for (const auto& key : {key_of(2), key_of(77)}) {
    stage.step(MeshReceived{key, MeshHello{}});
    CHECK(stage.core.tracer().counters().untrusted == 0);
  }
  stage.receive([] {
    auto next = make_plan(2);
    next.peers[0].key = key_of(77);
    return next;
  }());
  stage.step(MeshReceived{key_of(2), MeshHello{}});
  CHECK(stage.core.tracer().counters().untrusted == 1);
}

TEST_CASE("a revoked peer is not heard on the mesh, though its connection stays open",
          "[probe_core][keys]") {
  Stage stage{options_of_member()};
  stage.connect();
  stage.receive(make_plan(1, 2));
  stage.step(MeshReceived{key_of(3), TraceRequest{.request = 1, .source_port = 61000}});
  const auto answered = stage.world.orders.size() + stage.world.mesh.size();
  CHECK(stage.core.tracer().counters().untrusted == 0);
  stage.receive(make_plan(2, 1));
  stage.step(MeshReceived{key_of(3), TraceRequest{.request = 2, .source_port = 61000}});
  CHECK(stage.core.tracer().counters().untrusted == 1);
  CHECK(stage.world.orders.size() + stage.world.mesh.size() == answered);
}

}  // namespace
}  // namespace faultline::probe_core::tests
