#include "tests/support/catch.h"
#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

FactsUpdate update_of(std::uint64_t digest) {
  return {.digest = digest, .payload = {std::byte{1}}};
}

TEST_CASE("a node's facts are kept, and it hears what is kept", "[core][facts]") {
  Bench bench;
  const auto node = bench.enroll(1);
  bench.say(node, update_of(7));
  REQUIRE(bench.effects.facts.size() == 1);
  CHECK(bench.effects.messages_to<FactsAck>(node).empty());
  bench.step(FactsKept{bench.effects.facts[0].first, 7});
  CHECK(bench.effects.messages_to<FactsAck>(node) == std::vector<FactsAck>{{.digest = 7}});
  CHECK(bench.core.counters().facts_kept == 1);
}

TEST_CASE("one update of a node is in hand at a time, and an update of a stranger never",
          "[core][facts]") {
  Bench bench;
  const auto node = bench.enroll(1);
  bench.say(node, update_of(7));
  bench.say(node, update_of(8));
  bench.say(key_of(99), update_of(9));
  CHECK(bench.effects.facts.size() == 1);
  CHECK(bench.core.counters().facts_shed == 1);
  bench.step(FactsKept{bench.effects.facts[0].first, 0});
  CHECK(bench.core.counters().facts_refused == 1);
  CHECK(bench.effects.messages_to<FactsAck>(node) == std::vector<FactsAck>{{.digest = 0}});
  bench.say(node, update_of(10));
  CHECK(bench.effects.facts.size() == 2);
}

TEST_CASE("who has facts to send is asked for them at once, others are not", "[core][facts]") {
  Bench bench;
  const auto node = bench.enroll(1);
  const auto id = NodeId{1};
  bench.step(AskFacts{.request = 5, .nodes = {id, NodeId{4000}}});
  CHECK(bench.effects.messages_to<FactsAck>(node) == std::vector<FactsAck>{{0, true}});
  CHECK(bench.core.counters().facts_asked == 1);
  CHECK(bench.effects.answers.back().first == 5);
  CHECK(bench.effects.answers.back().second);
}

TEST_CASE("what changed in a node's configuration is on record, with its MTUs", "[core][facts]") {
  Bench bench;
  const auto node = bench.enroll(1);
  bench.say(node, update_of(7));
  std::vector<changes::Change> changes(100, {.kind = changes::Kind::kFacts, .subject = "routes"});
  for (std::size_t i = 0; i < changes.size(); ++i) changes[i].after = std::to_string(i);
  changes[0] = {.kind = changes::Kind::kMtu,
                .subject = "interfaces eth0 mtu",
                .before = "9000",
                .after = "1500"};
  bench.step(FactsKept{bench.effects.facts[0].first, 7, changes});
  const auto& history = *bench.core.what_changed().history();
  const auto& name = bench.core.fleet().nodes().begin()->second.record.name;
  const auto found = history.touching({.suspects = {{name, {}, {}}}, .changes_max = 1000});
  REQUIRE(!found.empty());
  CHECK(found[0].subject == name + " interfaces eth0 mtu");
  CHECK(found[0].before == "9000");
  CHECK(std::ranges::count(found, changes::Kind::kFacts, &changes::Change::kind) ==
        kFactsToldMax - 1);
}

}  // namespace
}  // namespace faultline::core
