#include "tests/support/catch.h"
#include "tests/unit/controller/fleet/builders.h"

namespace faultline::fleet {
namespace {

TEST_CASE("joining pins the node and spends the token in one change", "[fleet]") {
  Fleet fleet{kInterval};
  fleet.create_token({.key = key_number(kTokenKey), .name = {}, .labels = {{"rack", "r1"}}}, at(0))
      .value();
  const auto joined = fleet.join(key_number(kTokenKey), join_of(1, "h1"), at(1)).value();
  CHECK(joined.node == NodeId{1});
  CHECK(joined.name == "h1");
  REQUIRE(joined.change.nodes.size() == 1);
  REQUIRE(joined.change.tokens.size() == 1);
  CHECK(joined.change.nodes[0].key == key_number(1));
  CHECK(joined.change.nodes[0].joined_at == at(1).wall);
  CHECK(joined.change.nodes[0].pinned_labels == Labels{{"rack", "r1"}});
  CHECK(joined.change.tokens[0].spent_by == key_number(1));
  CHECK(fleet.trust_of(key_number(1)) == Trust{Role::kNode, NodeId{1}});
}

TEST_CASE("a join whose answer was lost gets the same answer and change again", "[fleet]") {
  Fleet fleet{kInterval};
  make_token(fleet).value();
  const auto first = fleet.join(key_number(kTokenKey), join_of(1, "h1"), at(0)).value();
  const auto again = fleet.join(key_number(kTokenKey), join_of(1, "h1"), at(60)).value();
  CHECK(again.node == first.node);
  CHECK(again.change == first.change);
  CHECK(fleet.node_count() == 1);
  CHECK(fleet.counters().joins_accepted == 1);
  CHECK(fleet.counters().joins_repeated == 1);
}

TEST_CASE("a spent token is refused to everybody else", "[fleet]") {
  Fleet fleet{kInterval};
  make_token(fleet).value();
  fleet.join(key_number(kTokenKey), join_of(1, "h1"), at(0)).value();
  const auto thief = fleet.join(key_number(kTokenKey), join_of(2, "h2"), at(1));
  REQUIRE(!thief);
  CHECK(thief.error().reason == RefusalReason::kTokenSpent);
  CHECK(fleet.node_count() == 1);
  CHECK(fleet.counters().joins_refused == 1);
}

TEST_CASE("a node that was removed cannot come back with its old token", "[fleet]") {
  Fleet fleet{kInterval};
  make_token(fleet).value();
  const auto node = fleet.join(key_number(kTokenKey), join_of(1, "h1"), at(0)).value().node;
  fleet.remove_node(node, at(1)).value();
  const auto back = fleet.join(key_number(kTokenKey), join_of(1, "h1"), at(2));
  REQUIRE(!back);
  CHECK(back.error().reason == RefusalReason::kTokenSpent);
}

TEST_CASE("what a join may get wrong is refused, said and without effect", "[fleet]") {
  struct Case {
    const char* what;
    RefusalReason reason;
    void (*spoil)(Join&);
  };
  const Case cases[] = {
      {"version", RefusalReason::kProtocolVersion, [](Join& join) { join.protocol_major = 9; }},
      {"name taken", RefusalReason::kNameTaken, [](Join& join) { join.name = "taken"; }},
      {"no name", RefusalReason::kMalformed, [](Join& join) { join.name.clear(); }},
      {"odd name", RefusalReason::kMalformed, [](Join& join) { join.name = "a b"; }},
      {"no key", RefusalReason::kMalformed, [](Join& join) { join.node_key = {}; }},
      {"token's key", RefusalReason::kMalformed,
       [](Join& join) { join.node_key = key_number(kTokenKey); }},
      {"no address", RefusalReason::kMalformed, [](Join& join) { join.profile.address = {}; }},
      {"no ports", RefusalReason::kMalformed,
       [](Join& join) { join.profile.source_port_count = 0; }},
      {"ports past the end", RefusalReason::kMalformed,
       [](Join& join) { join.profile.source_port_first = 65'530; }},
      {"no reflector", RefusalReason::kMalformed,
       [](Join& join) { join.profile.reflector_port = 0; }},
      {"label", RefusalReason::kMalformed,
       [](Join& join) { join.profile.labels["rack"] = "line\nbreak"; }},
  };
  for (const auto& test : cases) {
    CAPTURE(test.what);
    Fleet fleet{kInterval};
    enroll(fleet, 1, "taken");
    make_token(fleet).value();
    auto join = join_of(2, "h2");
    test.spoil(join);
    const auto result = fleet.join(key_number(kTokenKey), join, at(1));
    REQUIRE(!result);
    CHECK(result.error().reason == test.reason);
    CHECK(!result.error().text.empty());
    CHECK(fleet.node_count() == 1);
    CHECK(!fleet.tokens().at(key_number(kTokenKey)).spent_by);
    CHECK(fleet.join(key_number(kTokenKey), join_of(2, "h2"), at(2)));
  }
}

TEST_CASE("an expired token says so for a day and is then forgotten", "[fleet]") {
  Fleet fleet{kInterval};
  const auto hour = std::chrono::hours{1};
  fleet
      .create_token({.key = key_number(kTokenKey), .name = {}, .labels = {}, .lifetime = hour},
                    at(0))
      .value();
  const auto late = fleet.join(key_number(kTokenKey), join_of(1, "h1"), at(3600));
  REQUIRE(!late);
  CHECK(late.error().reason == RefusalReason::kTokenSpent);
  CHECK(late.error().text.find("expired") != std::string::npos);

  CHECK(fleet.tick(at(3600 * 24)).change.empty());
  const auto forgotten = fleet.tick(at(3600 * 25)).change;
  CHECK(forgotten.tokens_erased == std::vector{key_number(kTokenKey)});
  CHECK(!fleet.trust_of(key_number(kTokenKey)));
  const auto unknown = fleet.join(key_number(kTokenKey), join_of(1, "h1"), at(3600 * 25));
  REQUIRE(!unknown);
  CHECK(unknown.error().reason == RefusalReason::kUnknownKey);
}

TEST_CASE("a token's name wins over the one that the probe chose", "[fleet]") {
  Fleet fleet{kInterval};
  make_token(fleet, kTokenKey, "db-7").value();
  CHECK(fleet.join(key_number(kTokenKey), join_of(1, "whatever"), at(0)).value().name == "db-7");
}

TEST_CASE("tokens that could never be used are not made", "[fleet]") {
  Fleet fleet{kInterval};
  enroll(fleet, 1, "h1");
  make_token(fleet, kTokenKey, "db-7").value();
  CHECK(make_token(fleet, kTokenKey).error().code == ErrorCode::kConflict);
  CHECK(make_token(fleet, 1).error().code == ErrorCode::kConflict);
  CHECK(make_token(fleet, 201, "h1").error().code == ErrorCode::kConflict);
  CHECK(make_token(fleet, 201, "db-7").error().code == ErrorCode::kConflict);
  CHECK(make_token(fleet, 201, "a b").error().code == ErrorCode::kInvalid);
  CHECK(
      fleet.create_token({.key = key_number(201), .name = {}, .labels = {}, .lifetime = {}}, at(0))
          .error()
          .code == ErrorCode::kInvalid);
}

TEST_CASE("a removed token admits nobody", "[fleet]") {
  Fleet fleet{kInterval};
  make_token(fleet).value();
  CHECK(fleet.remove_token(key_number(kTokenKey)).value().tokens_erased ==
        std::vector{key_number(kTokenKey)});
  CHECK(fleet.trust().empty());
  CHECK(!fleet.join(key_number(kTokenKey), join_of(1, "h1"), at(0)));
  CHECK(fleet.remove_token(key_number(kTokenKey)).error().code == ErrorCode::kNotFound);
}

// It stayed unspent, so whoever else read it could join with it for as long as it lived.
TEST_CASE("a second token in the hands of a node is spent by it", "[fleet]") {
  Fleet fleet{kInterval};
  const auto node = enroll(fleet, 1, "h1");
  make_token(fleet).value();
  const auto first = fleet.join(key_number(kTokenKey), join_of(1, "h1"), at(1)).value();
  CHECK(first.node == node);
  REQUIRE(first.change.tokens.size() == 1);
  CHECK(first.change.tokens[0].spent_by == key_number(1));
  CHECK(fleet.join(key_number(kTokenKey), join_of(1, "h1"), at(2)).value().change == first.change);
  CHECK(fleet.join(key_number(kTokenKey), join_of(2, "h2"), at(3)).error().reason ==
        RefusalReason::kTokenSpent);
  CHECK(fleet.node_count() == 1);
}

TEST_CASE("a token of another name or past its time is no way back for a node", "[fleet]") {
  Fleet fleet{kInterval};
  enroll(fleet, 1, "h1");
  fleet.create_token({.key = key_number(91), .name = "h2"}, at(0)).value();
  CHECK(fleet.join(key_number(91), join_of(1, "h1"), at(1)).error().reason ==
        RefusalReason::kNameTaken);
  CHECK_FALSE(fleet.tokens().at(key_number(91)).spent_by);
  fleet.create_token({.key = key_number(92), .lifetime = std::chrono::seconds{5}}, at(0)).value();
  CHECK(fleet.join(key_number(92), join_of(1, "h1"), at(6)).error().reason ==
        RefusalReason::kTokenSpent);
}

}  // namespace
}  // namespace faultline::fleet
