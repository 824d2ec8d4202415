#include "tests/support/catch.h"
#include "tests/unit/controller/fleet/builders.h"

namespace faultline::fleet {
namespace {

TEST_CASE("removing a node revokes its key at once and keeps its number", "[fleet]") {
  Fleet fleet{kInterval};
  enroll(fleet, 1, "h1");
  const auto second = enroll(fleet, 2, "h2");
  const auto version = fleet.trust_version();
  const auto change = fleet.remove_node(second, at(5)).value();
  REQUIRE(change.nodes.size() == 1);
  CHECK(change.nodes[0].removed_at == at(5).wall);
  CHECK(!fleet.trust_of(key_number(2)));
  CHECK(fleet.trust_version() > version);
  CHECK(fleet.find("h2") == nullptr);
  CHECK(fleet.find(second)->state == NodeState::kRemoved);
  CHECK(fleet.remove_node(second, at(6)).error().code == ErrorCode::kNotFound);
  CHECK(enroll(fleet, 3, "h2") == NodeId{3});
}

TEST_CASE("messages that raced with a revocation have no effect", "[fleet]") {
  Fleet fleet{kInterval};
  const auto node = enroll(fleet, 1, "h1");
  fleet.remove_node(node, at(1)).value();
  fleet.heartbeat(node, {}, at(2));
  fleet.plan_acknowledged(node, {.revision = PlanRevision{4}}, at(2));
  fleet.heard(node, at(2));
  CHECK(fleet.find(node)->state == NodeState::kRemoved);
  CHECK(fleet.tick(at(3)).went_live.empty());
  const auto hello = fleet.hello(key_number(1), hello_of(1), at(3));
  REQUIRE(!hello);
  CHECK(hello.error().reason == RefusalReason::kUnknownKey);
}

TEST_CASE("tombstones are bounded and ids are never given twice", "[fleet]") {
  Fleet fleet{kInterval};
  std::vector<NodeRecord> stored;
  for (std::uint32_t id = 1; id <= kTombstonesMax; ++id) {
    stored.push_back({.id = NodeId{id},
                      .name = "gone",
                      .key = key_number(9),
                      .profile = profile_at("10.0.0.1"),
                      .pinned_labels = {},
                      .joined_at = {},
                      .removed_at = at(0).wall});
  }
  REQUIRE(fleet.restore(stored, {}, at(0)));
  const auto node = enroll(fleet, 1, "h1");
  CHECK(node == NodeId{kTombstonesMax + 1});
  const auto change = fleet.remove_node(node, at(1)).value();
  CHECK(change.nodes_erased == std::vector{NodeId{1}});
  CHECK(fleet.nodes().size() == kTombstonesMax);
  CHECK(enroll(fleet, 2, "h2") == NodeId{kTombstonesMax + 2});
}

TEST_CASE("a hello is refused for a foreign key, a token, another protocol or a bad profile",
          "[fleet]") {
  Fleet fleet{kInterval};
  enroll(fleet, 1, "h1");
  make_token(fleet).value();
  auto wrong_version = hello_of(1);
  wrong_version.protocol_major = 2;
  auto bad_profile = hello_of(1);
  bad_profile.profile.address = {};
  const auto reason = [&](std::uint8_t key, const Hello& hello) {
    return fleet.hello(key_number(key), hello, at(1)).error().reason;
  };
  CHECK(reason(77, hello_of(1)) == RefusalReason::kUnknownKey);
  CHECK(reason(kTokenKey, hello_of(1)) == RefusalReason::kUnknownKey);
  CHECK(reason(1, wrong_version) == RefusalReason::kProtocolVersion);
  CHECK(reason(1, bad_profile) == RefusalReason::kMalformed);
  CHECK(fleet.counters().hellos_refused == 4);
  CHECK(fleet.find("h1")->state == NodeState::kJoined);
}

TEST_CASE("a hello brings the node to life and its profile up to date", "[fleet]") {
  Fleet fleet{kInterval};
  const auto node = enroll(fleet, 1, "h1");
  auto hello = hello_of(11);
  hello.capabilities &= ~kCapabilityAuthenticate;  // as an older probe
  const auto first = fleet.hello(key_number(1), hello, at(1)).value();
  CHECK(first.node == node);
  CHECK(!first.restarted);
  CHECK(!first.profile_changed);
  REQUIRE(first.change.nodes.size() == 1);  // a later controller recognizes a restart by it
  CHECK(first.change.nodes[0].boot == BootId{11});
  CHECK(fleet.tick(at(2)).went_live == std::vector{node});

  hello.boot = BootId{12};
  hello.profile.address = IpAddress::parse("10.0.0.99").value();
  const auto second = fleet.hello(key_number(1), hello, at(3)).value();
  CHECK(second.restarted);
  CHECK(second.profile_changed);
  REQUIRE(second.change.nodes.size() == 1);
  CHECK(second.change.nodes[0].profile == hello.profile);
  CHECK(fleet.tick(at(4)).went_live.empty());
}

TEST_CASE("a probe that learns to authenticate is planned for again, and remembered", "[fleet]") {
  Fleet fleet{kInterval};
  enroll(fleet, 1, "h1");
  auto hello = hello_of(11);
  hello.capabilities &= ~kCapabilityAuthenticate;
  CHECK(!fleet.hello(key_number(1), hello, at(1)).value().profile_changed);
  hello.capabilities |= kCapabilityAuthenticate;
  const auto upgraded = fleet.hello(key_number(1), hello, at(2)).value();
  CHECK(upgraded.profile_changed);
  REQUIRE(upgraded.change.nodes.size() == 1);
  const auto& record = upgraded.change.nodes[0];
  CHECK(record.authenticates);
  CHECK(node_record_from_json(to_json(record)).value() == record);
  CHECK(!fleet.hello(key_number(1), hello, at(3)).value().profile_changed);
  hello.capabilities &= ~kCapabilityAuthenticate;  // rolled back
  CHECK(fleet.hello(key_number(1), hello, at(4)).value().profile_changed);
  CHECK(!fleet.find("h1")->record.authenticates);
}

TEST_CASE("labels of the token win over labels of the probe", "[fleet]") {
  NodeRecord record;
  record.pinned_labels = {{"zone", "a"}};
  record.profile.labels = {{"zone", "claimed"}, {"rack", "r7"}};
  CHECK(effective_labels(record) == Labels{{"rack", "r7"}, {"zone", "a"}});
}

TEST_CASE("a node is silent after three heartbeat intervals and back with its next word",
          "[fleet]") {
  Fleet fleet{kInterval};
  const auto node = enroll(fleet, 1, "h1");
  fleet.hello(key_number(1), hello_of(1), at(0)).value();
  fleet.tick(at(1));
  CHECK(fleet.tick(at(14.9)).went_silent.empty());
  CHECK(fleet.tick(at(15)).went_silent == std::vector{node});
  CHECK(fleet.tick(at(16)).went_silent.empty());
  CHECK(fleet.find(node)->state == NodeState::kSilent);
  fleet.heard(node, at(20));
  CHECK(fleet.tick(at(20)).went_live == std::vector{node});
  CHECK(fleet.find(node)->state == NodeState::kLive);
}

TEST_CASE("after a controller restart a dead node is silent, not forever awaited", "[fleet]") {
  Fleet before{kInterval};
  const auto dead = enroll(before, 1, "h1");
  const auto alive = enroll(before, 2, "h2");
  Fleet after{kInterval};
  REQUIRE(after.restore({before.find(dead)->record, before.find(alive)->record}, {}, at(100)));
  CHECK(after.tick(at(101)) == LivenessChange{});
  after.hello(key_number(2), hello_of(1), at(110)).value();
  const auto change = after.tick(at(115));
  CHECK(change.went_live == std::vector{alive});
  CHECK(change.went_silent == std::vector{dead});
}

TEST_CASE("the clock offset is the least delayed of the recent heartbeats", "[fleet]") {
  Fleet fleet{kInterval};
  const auto node = enroll(fleet, 1, "h1");
  const auto beat = [&](double received, double transit) {
    fleet.heartbeat(node, {.sent_at = at(received - transit).wall + std::chrono::seconds{2}},
                    at(received));
  };
  CHECK(!fleet.find(node)->clock_offset);
  beat(5, 0.5);
  CHECK(fleet.find(node)->clock_offset == std::chrono::milliseconds{1500});
  beat(10, 0.0);
  beat(15, 0.9);
  CHECK(fleet.find(node)->clock_offset == std::chrono::seconds{2});
  for (int i = 0; i < 8; ++i) beat(20 + 5 * i, 0.25);
  CHECK(fleet.find(node)->clock_offset == std::chrono::milliseconds{1750});
}

TEST_CASE("a greeting tells of the clock at once, and a new process of a node anew", "[fleet]") {
  Fleet fleet{kInterval};
  const auto node = enroll(fleet, 1, "h1");
  CHECK(!fleet.find(node)->clock_offset);  // an older probe's greeting does not
  const auto key = fleet.find(node)->record.key;
  Hello hello{.boot = BootId{77},
              .profile = fleet.find(node)->record.profile,
              .sent_at = at(30).wall - std::chrono::seconds{20}};
  REQUIRE(fleet.hello(key, hello, at(30)));
  CHECK(fleet.find(node)->clock_offset == -std::chrono::seconds{20});
  CHECK_FALSE(fleet.find(node)->clock_settled);
  for (const double time : {35.0, 40.0}) {
    fleet.heartbeat(node, {.sent_at = at(time - 20).wall}, at(time));
  }
  CHECK(fleet.find(node)->clock_settled);
  fleet.our_clock_was_set(std::chrono::seconds{100});
  CHECK(fleet.find(node)->clock_offset == -std::chrono::seconds{120});
  CHECK_FALSE(fleet.find(node)->clock_settled);
  hello.boot = BootId{78};
  hello.sent_at = {};
  REQUIRE(fleet.hello(key, hello, at(50)));
  CHECK(!fleet.find(node)->clock_offset);
}

TEST_CASE("heartbeats and acknowledgements say what a node holds", "[fleet]") {
  Fleet fleet{kInterval};
  const auto node = enroll(fleet, 1, "h1");
  fleet.heartbeat(
      node, {.plan = PlanRevision{3}, .spool_batches = 4, .spool_bytes = 5, .spool_dropped = 6},
      at(1));
  CHECK(fleet.find(node)->plan == PlanRevision{3});
  CHECK(fleet.find(node)->spool_dropped == 6);
  fleet.plan_acknowledged(
      node, {.revision = PlanRevision{4}, .accepted = false, .reason = "too many flows"}, at(2));
  CHECK(fleet.find(node)->plan == PlanRevision{3});
  CHECK(fleet.find(node)->plan_refusal == "too many flows");
  fleet.plan_acknowledged(node, {.revision = PlanRevision{5}}, at(3));
  CHECK(fleet.find(node)->plan == PlanRevision{5});
  CHECK(fleet.find(node)->plan_refusal.empty());
}

TEST_CASE("a restart restores trust in nodes and tokens, and nothing else", "[fleet]") {
  Fleet before{kInterval};
  enroll(before, 1, "h1");
  const auto gone = enroll(before, 2, "h2");
  make_token(before).value();
  before.remove_node(gone, at(1)).value();
  std::vector<NodeRecord> nodes;
  for (const auto& [id, node] : before.nodes()) nodes.push_back(node.record);
  std::vector<TokenRecord> tokens;
  for (const auto& [key, token] : before.tokens()) tokens.push_back(token);

  Fleet after{kInterval};
  REQUIRE(after.restore(nodes, tokens, at(9)));
  CHECK(after.trust() == before.trust());
  CHECK(after.node_count() == 1);
  CHECK(after.join(key_number(kTokenKey), join_of(3, "h3"), at(10)).value().node == NodeId{3});
}

TEST_CASE("stored nodes that contradict each other are not taken over", "[fleet]") {
  Fleet donor{kInterval};
  const auto first = donor.find(enroll(donor, 1, "h1"))->record;
  const auto spoiled = [&](auto spoil) {
    auto second = first;
    second.id = NodeId{2};
    second.name = "h2";
    second.key = key_number(2);
    spoil(second);
    Fleet fleet{kInterval};
    return fleet.restore({first, second}, {}, at(0));
  };
  CHECK(spoiled([](NodeRecord&) {}));
  CHECK(spoiled([](NodeRecord& r) { r.id = NodeId{1}; }).error().code == ErrorCode::kCorrupt);
  CHECK(spoiled([](NodeRecord& r) { r.name = "h1"; }).error().code == ErrorCode::kCorrupt);
  CHECK(spoiled([](NodeRecord& r) { r.key = key_number(1); }).error().code == ErrorCode::kCorrupt);
}

TEST_CASE("the fleet has a largest size", "[fleet]") {
  std::vector<NodeRecord> stored;
  for (std::uint32_t id = 1; id <= kNodesMax; ++id) {
    PublicKey key;
    key.bytes[0] = static_cast<std::uint8_t>(id);
    key.bytes[1] = static_cast<std::uint8_t>(id >> 8);
    stored.push_back({.id = NodeId{id},
                      .name = "n" + std::to_string(id),
                      .key = key,
                      .profile = profile_at("10.0.0.1"),
                      .pinned_labels = {},
                      .joined_at = {},
                      .removed_at = {}});
  }
  Fleet fleet{kInterval};
  REQUIRE(fleet.restore(stored, {}, at(0)));
  make_token(fleet).value();
  const auto one_more = fleet.join(key_number(kTokenKey), join_of(250, "x"), at(0));
  REQUIRE(!one_more);
  CHECK(one_more.error().reason == RefusalReason::kOverloaded);
  CHECK(fleet.counters().limit_refused == 1);
}

}  // namespace
}  // namespace faultline::fleet
