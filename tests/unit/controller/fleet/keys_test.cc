// Pre-placed keys, and how a node changes to a new one.
#include <algorithm>

#include "controller/fleet/controller_keys.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/fleet/builders.h"

namespace faultline::fleet {
namespace {

Hello capable_hello(std::uint64_t boot, std::uint64_t capabilities = kCapabilitiesOfThisBuild) {
  auto hello = hello_of(boot);
  hello.software = "faultline-probe 0.1.0";
  hello.capabilities = capabilities;
  return hello;
}

TEST_CASE("a pre-placed node is trusted without a token and says hello with its own key",
          "[fleet][keys]") {
  Fleet fleet{kInterval};
  const auto change =
      fleet.add_node({.name = "h1", .key = key_number(1), .labels = {{"rack", "r1"}}}, at(1))
          .value();
  REQUIRE(change.nodes.size() == 1);
  const auto& record = change.nodes[0];
  CHECK(record.enrollment == Enrollment::kPrePlaced);
  CHECK_FALSE(has_profile(record));
  CHECK(node_record_from_json(to_json(record)) == record);
  CHECK(fleet.trust_of(key_number(1)) == Trust{Role::kNode, record.id});

  const auto hello = fleet.hello(key_number(1), capable_hello(7), at(2)).value();
  CHECK(hello.name == "h1");
  CHECK(hello.profile_changed);
  const auto& node = *fleet.find("h1");
  CHECK(has_profile(node.record));
  CHECK(effective_labels(node.record) == Labels{{"rack", "r1"}});
  CHECK(node_record_from_json(to_json(node.record)) == node.record);
}

TEST_CASE("a pre-placed node may be named again, and nothing changes", "[fleet][keys]") {
  Fleet fleet{kInterval};
  const Fleet::PrePlacedNode node{.name = "h1", .key = key_number(1), .labels = {{"rack", "r1"}}};
  const auto first = fleet.add_node(node, at(1)).value();
  CHECK(fleet.add_node(node, at(50)).value() == first);
  CHECK(fleet.node_count() == 1);
}

TEST_CASE("a key or name that means somebody else is not pre-placed", "[fleet][keys]") {
  Fleet fleet{kInterval};
  enroll(fleet, 1, "h1");
  make_token(fleet).value();
  const auto refused = [&](std::string name, const PublicKey& key, Labels labels = {}) {
    return fleet.add_node({.name = std::move(name), .key = key, .labels = std::move(labels)}, at(1))
        .error()
        .code;
  };
  CHECK(refused("h1", key_number(2)) == ErrorCode::kConflict);
  CHECK(refused("h2", key_number(1)) == ErrorCode::kConflict);
  CHECK(refused("h2", key_number(kTokenKey)) == ErrorCode::kConflict);
  CHECK(refused("h 2", key_number(2)) == ErrorCode::kInvalid);
  CHECK(refused("h2", PublicKey{}) == ErrorCode::kInvalid);
  CHECK(refused("h2", key_number(2), {{"rack", "line\nbreak"}}) == ErrorCode::kInvalid);
  CHECK(fleet.node_count() == 1);
}

TEST_CASE("a node changes its key: both are trusted until it has spoken under the new one",
          "[fleet][keys]") {
  Fleet fleet{kInterval};
  const auto id = enroll(fleet, 1, "h1");
  fleet.hello(key_number(1), capable_hello(7), at(1)).value();
  CHECK_FALSE(fleet.rekey_due(id));
  const auto asked = fleet.ask_rekey(id, at(2)).value();
  CHECK(asked.nodes[0].rekey_asked_at == at(2).wall);
  CHECK(fleet.rekey_due(id));

  const auto pinned = fleet.rekey(id, key_number(2), at(3)).value();
  CHECK(pinned.nodes[0].key == key_number(1));
  CHECK(pinned.nodes[0].next_key == key_number(2));
  CHECK(fleet.trust_of(key_number(1)) == Trust{Role::kNode, id});
  CHECK(fleet.trust_of(key_number(2)) == Trust{Role::kNode, id, true});
  CHECK(fleet.rekey(id, key_number(2), at(4)).value() == pinned);  // its answer was lost

  CHECK(fleet.confirm_key(key_number(1), at(5)).empty());  // the old one proves nothing
  const auto confirmed = fleet.confirm_key(key_number(2), at(6)).nodes.at(0);
  CHECK(confirmed.key == key_number(2));
  CHECK(confirmed.key_since == at(6).wall);
  CHECK_FALSE(confirmed.next_key);
  CHECK_FALSE(confirmed.rekey_asked_at);
  CHECK_FALSE(fleet.trust_of(key_number(1)));
  CHECK(fleet.trust_of(key_number(2)) == Trust{Role::kNode, id});
  CHECK_FALSE(fleet.rekey_due(id));
  CHECK(fleet.counters().rekeys_done == 1);
}

TEST_CASE("the token that a node joined with stays its way back after a change of keys",
          "[fleet][keys]") {
  Fleet fleet{kInterval};
  const auto id = enroll(fleet, 1, "h1");
  fleet.create_token({.key = key_number(90)}, at(0)).value();
  fleet.join(key_number(90), join_of(1, "h1"), at(1)).value();
  fleet.ask_rekey(id, at(2)).value();
  fleet.rekey(id, key_number(2), at(3)).value();
  const auto change = fleet.confirm_key(key_number(2), at(4));
  REQUIRE(std::ranges::any_of(change.tokens, [](const auto& token) {
    return token.key == key_number(90) && token.spent_by == key_number(2);
  }));
  CHECK(fleet.join(key_number(90), join_of(2, "h1"), at(5)).value().node == id);
  CHECK(fleet.join(key_number(90), join_of(1, "h1"), at(6)).error().reason ==
        RefusalReason::kTokenSpent);
}

TEST_CASE("a restarted controller trusts both keys of a change that was under way",
          "[fleet][keys]") {
  Fleet before{kInterval};
  const auto id = enroll(before, 1, "h1");
  before.hello(key_number(1), capable_hello(7), at(1)).value();
  before.ask_rekey(id, at(2)).value();
  const auto pinned = before.rekey(id, key_number(2), at(3)).value();

  Fleet fleet{kInterval};
  const auto stored = node_record_from_json(to_json(pinned.nodes[0])).value();
  REQUIRE(fleet.restore({stored}, {}, at(4)));
  CHECK(fleet.trust_of(key_number(1)).has_value());
  CHECK(fleet.trust_of(key_number(2)) == Trust{Role::kNode, id, true});
  CHECK_FALSE(fleet.confirm_key(key_number(2), at(5)).empty());
  CHECK_FALSE(fleet.trust_of(key_number(1)));
}

TEST_CASE("a node that lost the pair that it told is believed the second one", "[fleet][keys]") {
  Fleet fleet{kInterval};
  const auto id = enroll(fleet, 1, "h1");
  fleet.hello(key_number(1), capable_hello(7), at(1)).value();
  fleet.ask_rekey(id, at(2)).value();
  fleet.rekey(id, key_number(2), at(3)).value();
  fleet.rekey(id, key_number(3), at(4)).value();
  CHECK_FALSE(fleet.trust_of(key_number(2)));
  CHECK(fleet.trust_of(key_number(3)).has_value());
}

TEST_CASE("new keys that nobody asked for, or that are in use, are refused", "[fleet][keys]") {
  Fleet fleet{kInterval};
  const auto id = enroll(fleet, 1, "h1");
  enroll(fleet, 2, "h2");
  make_token(fleet).value();
  fleet.hello(key_number(1), capable_hello(7), at(1)).value();
  CHECK_FALSE(fleet.rekey(id, key_number(3), at(2)));
  fleet.ask_rekey(id, at(2)).value();
  for (const auto& key : {PublicKey{}, key_number(1), key_number(2), key_number(kTokenKey)}) {
    CHECK_FALSE(fleet.rekey(id, key, at(3)));
  }
  CHECK(fleet.counters().rekeys_refused == 5);
  CHECK_FALSE(fleet.find(id)->record.next_key);
}

TEST_CASE("software that cannot change its key is not asked", "[fleet][keys]") {
  Fleet fleet{kInterval};
  const auto id = enroll(fleet, 1, "h1");
  // Not heard yet: it is asked when it says what it can.
  CHECK(fleet.ask_rekey(id, at(0)).has_value());
  CHECK(fleet.rekey_due(id));
  fleet.hello(key_number(1), capable_hello(7, kCapabilityTrace), at(1)).value();
  CHECK(fleet.ask_rekey(id, at(2)).error().code == ErrorCode::kUnsupported);
  CHECK_FALSE(fleet.rekey_due(id));
  CHECK(fleet.ask_rekey(NodeId{99}, at(2)).error().code == ErrorCode::kNotFound);
}

TEST_CASE("a removed node is trusted under neither of its keys", "[fleet][keys]") {
  Fleet fleet{kInterval};
  const auto id = enroll(fleet, 1, "h1");
  fleet.hello(key_number(1), capable_hello(7), at(1)).value();
  fleet.ask_rekey(id, at(2)).value();
  fleet.rekey(id, key_number(2), at(3)).value();
  const auto change = fleet.remove_node(id, at(4)).value();
  CHECK_FALSE(change.nodes[0].next_key);
  CHECK_FALSE(fleet.trust_of(key_number(1)));
  CHECK_FALSE(fleet.trust_of(key_number(2)));
  CHECK(fleet.confirm_key(key_number(2), at(5)).empty());
  CHECK_FALSE(fleet.rekey(id, key_number(3), at(5)));
}

TEST_CASE("the controller's keys are acknowledged by revision, and survive their JSON form",
          "[fleet][keys]") {
  Fleet fleet{kInterval};
  const auto first = enroll(fleet, 1, "h1");
  const auto second = enroll(fleet, 2, "h2");
  ControllerKeys keys;
  CHECK(keys.restore(std::nullopt, key_number(50), at(0).wall));
  CHECK(keys.announcement() == Controllers{.revision = 1, .keys = {key_number(50)}});
  REQUIRE(keys.propose(key_number(51), at(1).wall));
  REQUIRE(keys.propose(key_number(51), at(2).wall));  // repeated
  CHECK(keys.announcement() ==
        Controllers{.revision = 2, .keys = {key_number(50), key_number(51)}});
  CHECK(keys.propose(key_number(52), at(2).wall).error().code == ErrorCode::kConflict);
  CHECK(keys.propose(key_number(50), at(2).wall).error().code == ErrorCode::kConflict);
  CHECK(controller_keys_from_json(to_json(keys.record())) == keys.record());

  CHECK(keys.missing(fleet) == std::vector{first, second});
  CHECK_FALSE(fleet.controllers_acknowledged(first, 2).empty());
  CHECK(fleet.controllers_acknowledged(first, 1).empty());  // late
  CHECK(keys.missing(fleet) == std::vector{second});
  fleet.remove_node(second, at(3)).value();
  CHECK(keys.missing(fleet).empty());

  REQUIRE(keys.switch_over(at(4).wall));
  CHECK(keys.announcement() == Controllers{.revision = 3, .keys = {key_number(51)}});
  CHECK(keys.switch_over(at(5).wall).error().code == ErrorCode::kConflict);
  CHECK(keys.missing(fleet).empty());  // it learned this key when it was the next one
}

TEST_CASE("a key file that somebody replaced is what the controller is known by", "[fleet][keys]") {
  const ControllerKeysRecord stored{.revision = 7,
                                    .named_since = 7,
                                    .current = {key_number(50), at(0).wall},
                                    .next = ControllerKey{key_number(51), at(1).wall}};
  ControllerKeys same;
  CHECK_FALSE(same.restore(stored, key_number(50), at(9).wall));
  CHECK(same.record() == stored);
  ControllerKeys replaced;
  CHECK(replaced.restore(stored, key_number(60), at(9).wall));
  CHECK(replaced.record().revision == 8);
  CHECK(replaced.known_from() == 8);
  CHECK(replaced.record().current.key == key_number(60));
}

TEST_CASE("a damaged record of the controller's keys is corrupt", "[fleet][keys]") {
  const ControllerKeysRecord record{.revision = 7, .current = {key_number(50), at(0).wall}};
  for (const auto& [from, to] : {std::pair{"\"revision\":7", "\"revision\":-7"},
                                 {"\"version\":1", "\"version\":9"},
                                 {"\"current\"", "\"curent\""},
                                 {"\"since\"", "\"sinse\""}}) {
    auto text = to_json(record);
    text.replace(text.find(from), std::string_view(from).size(), to);
    CHECK(controller_keys_from_json(text).error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("tokens that carry only a void key of the controller are void", "[fleet][keys]") {
  Fleet fleet{kInterval};
  make_token(fleet, 201, {}, at(0)).value();
  make_token(fleet, 202, {}, at(10)).value();
  const auto change = fleet.void_tokens_before(at(5).wall);
  CHECK(change.tokens_erased == std::vector{key_number(201)});
  CHECK_FALSE(fleet.trust_of(key_number(201)));
  CHECK(fleet.trust_of(key_number(202)).has_value());
}

}  // namespace
}  // namespace faultline::fleet
