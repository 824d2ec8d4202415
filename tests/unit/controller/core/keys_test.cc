// Keys and revocation in the controller's core: what is said to whom, in which order.
#include <algorithm>
#include <array>

#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

constexpr std::array<std::uint8_t, 2> kBoth{1, 2};

CoreOptions options() {
  CoreOptions options;
  options.controller_key = key_of(250);
  return options;
}

// As `enroll`ed, and everybody has a plan.
void enroll(Bench& bench, std::uint8_t nodes) {
  for (std::uint8_t number = 1; number <= nodes; ++number) bench.enroll(number);
  bench.pass(seconds{2});
  bench.finish_commits();
}

bool knows(const Plan& plan, const PublicKey& key) {
  return std::ranges::any_of(plan.peers, [&](const PlanPeer& peer) { return peer.has_key(key); });
}

Plan last_plan(const Bench& bench, std::uint8_t number) {
  return bench.effects.messages_to<Plan>(key_of(number)).back();
}

bool is_answered_well(const Bench& bench, std::uint64_t request) {
  const auto& [number, status] = bench.effects.answers.back();
  return number == request && status.has_value();
}

TEST_CASE("a removed node leaves its peers' plans at once, not after the plans' delay",
          "[core][keys]") {
  Bench bench{options()};
  enroll(bench, 3);
  REQUIRE(knows(last_plan(bench, 1), key_of(3)));
  bench.effects.sent.clear();
  const auto asked_at = bench.now.instant;

  bench.step(RemoveNode{.request = 9, .name = "h3"});  // one step, and what the disk answers
  CHECK_FALSE(bench.effects.trust.contains(key_of(3)));
  bench.finish_commits();

  CHECK(bench.now.instant == asked_at);
  for (const auto peer : kBoth) {
    REQUIRE(bench.effects.messages_to<Plan>(key_of(peer)).size() == 1);
    CHECK_FALSE(knows(last_plan(bench, peer), key_of(3)));
  }
  CHECK(bench.effects.messages_to<Plan>(key_of(3)).empty());
  CHECK(is_answered_well(bench, 9));
}

TEST_CASE("a peer that was away hears of a revocation when it says hello", "[core][keys]") {
  Bench bench{options()};
  enroll(bench, 3);
  const auto stale = last_plan(bench, 1);
  bench.step(RemoveNode{.request = 9, .name = "h3"});
  bench.finish_commits();
  bench.effects.sent.clear();

  bench.say(key_of(1), Hello{.boot = BootId{1},
                             .profile = Bench::profile(1),
                             .plan = stale.revision,
                             .plan_hash = plan_hash(stale)});
  CHECK_FALSE(bench.effects.messages_to<Welcome>(key_of(1)).back().plan_current);
  REQUIRE(bench.effects.messages_to<Plan>(key_of(1)).size() == 1);
  CHECK_FALSE(knows(last_plan(bench, 1), key_of(3)));
}

TEST_CASE("every kind of message of a removed node is refused and has no effect", "[core][keys]") {
  Bench bench{options()};
  enroll(bench, 2);
  bench.step(RemoveNode{.request = 9, .name = "h2"});
  bench.finish_commits();
  const std::vector<ProbeMessage> messages{
      Join{.node_key = key_of(2), .name = "h2", .profile = Bench::profile(2)},
      Hello{.boot = BootId{2}, .profile = Bench::profile(2)},
      Heartbeat{.sequence = 1},
      PlanAck{.revision = PlanRevision{1}},
      Batch{.boot = BootId{2}, .payload = std::vector<std::byte>(8)},
      Rekey{.key = key_of(99)},
      ControllersAck{.revision = 1}};
  for (const auto& message : messages) {
    CAPTURE(message.index());
    bench.effects.sent.clear();
    bench.say(key_of(2), message);
    REQUIRE(bench.effects.sent.size() == 1);
    CHECK(std::get<Refusal>(bench.effects.sent[0].second).reason == RefusalReason::kUnknownKey);
  }
  CHECK(bench.core.counters().messages_untrusted == messages.size());
  CHECK(bench.effects.decodes.empty());
  CHECK(bench.effects.commits.empty());
}

TEST_CASE("a token may send none of a node's messages", "[core][keys]") {
  Bench bench{options()};
  const auto token = key_of(101);
  bench.step(CreateToken{.request = 1, .token = {.key = token}});
  bench.finish_commits();
  const std::vector<ProbeMessage> messages{
      Hello{.boot = BootId{2}, .profile = Bench::profile(2)}, Heartbeat{.sequence = 1},
      Batch{.boot = BootId{2}, .payload = std::vector<std::byte>(8)}, Rekey{.key = key_of(99)},
      ControllersAck{.revision = 1}};
  for (const auto& message : messages) bench.say(token, message);
  CHECK(bench.effects.messages_to<Refusal>(token).size() == messages.size());
  CHECK(bench.effects.decodes.empty());
}

TEST_CASE("a node is told to change over only when its peers were told of both keys",
          "[core][keys]") {
  Bench bench{options()};
  enroll(bench, 2);
  bench.effects.sent.clear();
  bench.step(RekeyNode{.request = 9, .name = "h1"});
  CHECK(bench.effects.messages_to<RekeyRequest>(key_of(1)).empty());  // not durable yet
  bench.finish_commits();
  CHECK(bench.effects.messages_to<RekeyRequest>(key_of(1)).size() == 1);
  CHECK(is_answered_well(bench, 9));

  bench.say(key_of(1), Rekey{.key = key_of(11)});
  bench.finish_commits();
  CHECK(bench.effects.trust.contains(key_of(1)));
  CHECK(bench.effects.trust.contains(key_of(11)));
  CHECK(bench.effects.messages_to<Rekeyed>(key_of(1)).empty());
  bench.pass(seconds{2});
  CHECK(bench.effects.messages_to<Rekeyed>(key_of(1)).empty());  // the plans are not durable yet
  bench.finish_commits();
  const auto told = [&](const PublicKey& key, const auto& kind) {
    return std::ranges::find_if(bench.effects.sent, [&](const auto& sent) {
      return sent.first == key && sent.second.index() == ControllerMessage{kind}.index();
    });
  };
  REQUIRE(told(key_of(1), Rekeyed{}) != bench.effects.sent.end());
  CHECK(told(key_of(2), Plan{}) < told(key_of(1), Rekeyed{}));
  CHECK(knows(last_plan(bench, 2), key_of(1)));
  CHECK(knows(last_plan(bench, 2), key_of(11)));

  // Its hello under the new key ends the old one, for the controller and for its peers.
  bench.say(key_of(11), Hello{.boot = BootId{1}, .profile = Bench::profile(1)});
  CHECK(bench.effects.messages_to<Welcome>(key_of(11)).size() == 1);
  CHECK_FALSE(bench.effects.trust.contains(key_of(1)));
  CHECK(bench.effects.recorded.back().what == "change-key");
  CHECK(bench.effects.recorded.back().who == "node h1");
  bench.finish_commits();
  bench.pass(seconds{2});
  bench.finish_commits();
  CHECK_FALSE(knows(last_plan(bench, 2), key_of(1)));
  CHECK(knows(last_plan(bench, 2), key_of(11)));
}

TEST_CASE("a new key is asked for again until the node has changed over", "[core][keys]") {
  Bench bench{options()};
  enroll(bench, 1);
  bench.step(RekeyNode{.request = 9, .name = "h1"});
  bench.finish_commits();
  bench.effects.sent.clear();
  bench.say(key_of(1), Heartbeat{.sequence = 1});
  CHECK(bench.effects.messages_to<RekeyRequest>(key_of(1)).size() == 1);
  bench.say(key_of(1), Hello{.boot = BootId{2}, .profile = Bench::profile(1)});
  CHECK(bench.effects.messages_to<RekeyRequest>(key_of(1)).size() == 2);
  bench.say(key_of(1), Rekey{.key = key_of(11)});
  bench.pass(seconds{2});
  bench.finish_commits();
  // Rekeyed was lost; the node repeats what it knows, and is answered at once: its peers know.
  bench.effects.sent.clear();
  bench.say(key_of(1), Rekey{.key = key_of(11)});
  bench.finish_commits();
  CHECK(bench.effects.messages_to<Rekeyed>(key_of(1)) == std::vector{Rekeyed{.key = key_of(11)}});
}

TEST_CASE("the controller's own key is nobody else's", "[core][keys]") {
  Bench bench{options()};
  const auto own = bench.core.controller_keys().record().current.key;
  bench.step(AddNode{.request = 9, .node = {.name = "h2", .key = own, .labels = {}}});
  REQUIRE(bench.effects.answers.size() == 1);
  CHECK(bench.effects.answers.front().second.error().code == ErrorCode::kConflict);
  CHECK(bench.core.fleet().node_count() == 0);
}

TEST_CASE("a pre-placed node has no plan, and is in nobody's, until it says hello",
          "[core][keys]") {
  Bench bench{options()};
  enroll(bench, 1);
  bench.step(AddNode{.request = 9, .node = {.name = "h2", .key = key_of(2), .labels = {}}});
  bench.finish_commits();
  CHECK(is_answered_well(bench, 9));
  bench.pass(seconds{2});
  bench.finish_commits();
  CHECK_FALSE(knows(last_plan(bench, 1), key_of(2)));
  bench.say(key_of(2), Hello{.boot = BootId{2}, .profile = Bench::profile(2)});
  bench.finish_commits();
  bench.pass(seconds{2});
  bench.finish_commits();
  CHECK(knows(last_plan(bench, 1), key_of(2)));
  CHECK(knows(last_plan(bench, 2), key_of(1)));
}

TEST_CASE("the controller changes its key when the last node has acknowledged the new one",
          "[core][keys]") {
  Bench bench{options()};
  enroll(bench, 2);
  for (const auto node : kBoth) bench.say(key_of(node), ControllersAck{.revision = 1});
  bench.step(CreateToken{.request = 3, .token = {.key = key_of(150)}});
  bench.finish_commits();
  bench.effects.sent.clear();

  bench.pass(seconds{1});
  bench.step(RekeyController{.request = 9, .next = key_of(251)});
  CHECK(bench.effects.messages_to<Controllers>(key_of(1)).empty());  // not durable yet
  bench.finish_commits();
  const Controllers both{.revision = 2, .keys = {key_of(250), key_of(251)}};
  CHECK(bench.effects.messages_to<Controllers>(key_of(1)) == std::vector{both});
  bench.say(key_of(1), ControllersAck{.revision = 2});
  bench.pass(seconds{1});
  bench.finish_commits();
  CHECK(bench.effects.served.empty());
  CHECK(bench.core.controller_keys().missing(bench.core.fleet()).size() == 1);

  // Who is missing is told again with every heartbeat.
  bench.effects.sent.clear();
  bench.say(key_of(2), Heartbeat{.sequence = 1});
  CHECK(bench.effects.messages_to<Controllers>(key_of(2)) == std::vector{both});
  bench.say(key_of(1), Heartbeat{.sequence = 1});
  CHECK(bench.effects.messages_to<Controllers>(key_of(1)).empty());

  bench.say(key_of(2), ControllersAck{.revision = 2});
  bench.pass(seconds{1});
  CHECK(bench.effects.served.empty());  // not durable yet
  bench.finish_commits();
  CHECK(bench.effects.served == std::vector{key_of(251)});
  CHECK(bench.effects.recorded.back().what == "change-controller-key");
  CHECK(bench.effects.recorded.back().note == "1 unused tokens are void");
  // The token was made when only the old key was known.
  CHECK_FALSE(bench.effects.trust.contains(key_of(150)));
  bench.say(key_of(1), Hello{.boot = BootId{1}, .profile = Bench::profile(1)});
  CHECK(bench.effects.messages_to<Controllers>(key_of(1)).back() ==
        Controllers{.revision = 3, .keys = {key_of(251)}});
}

TEST_CASE(
    "a forced change of the controller's key waits for nobody, and only one that is under way "
    "can be forced",
    "[core][keys]") {
  Bench bench{options()};
  enroll(bench, 2);
  bench.step(RekeyController{.request = 8, .next = {}, .force = true});
  CHECK(bench.effects.answers.back().second.error().code == ErrorCode::kConflict);
  bench.step(RekeyController{.request = 9, .next = key_of(251)});
  bench.finish_commits();
  bench.step(RekeyController{.request = 10, .next = {}, .force = true});
  bench.finish_commits();
  CHECK(is_answered_well(bench, 10));
  CHECK(bench.effects.served == std::vector{key_of(251)});
}

TEST_CASE("a key whose change could not be written is not served until it is", "[core][keys]") {
  Bench bench{options()};
  bench.step(RekeyController{.request = 9, .next = key_of(251)});
  bench.finish_commits();
  bench.pass(seconds{1});  // no node is missing
  bench.finish_commits(fail(ErrorCode::kUnavailable, "the disk is full"));
  CHECK(bench.effects.served.empty());
  bench.pass(seconds{1});
  bench.finish_commits();
  CHECK(bench.effects.served == std::vector{key_of(251)});
}

}  // namespace
}  // namespace faultline::core
