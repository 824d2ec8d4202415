// What a standing test is: its pairs, and what becomes of what they say.
#include "controller/core/standing_test.h"

#include <algorithm>
#include <set>

#include "tests/support/catch.h"
#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

using Names = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Names names_of(const StandingPairs& found) {
  Names names;
  for (const auto& pair : found.pairs) names.emplace_back(pair.from.value(), pair.to.value());
  return names;
}

StandingTest ssh(incident::Selector from, incident::Selector to) {
  StandingTest test{.name = "ssh", .from = std::move(from), .to = std::move(to)};
  test.order.kind = ondemand::TestKind::kPort;
  test.order.method = ondemand::Method::kTcp;
  test.order.target.port = 22;
  return test;
}

StandingResult run(StandingOutcome outcome, int at = 0) {
  return {.outcome = outcome, .verdict = "v", .at = wall_time_from_unix_seconds(1000 + at)};
}

struct FourNodes : Bench {
  FourNodes() {
    for (std::uint8_t number = 1; number <= 4; ++number) enroll(number);
  }
};

}  // namespace

TEST_CASE("pairs are all that both selectors name, without a node and itself", "[core][standing]") {
  FourNodes bench;
  const auto& fleet = bench.core.fleet();
  CHECK(names_of(pairs_of(ssh({{"node", {"h1", "h2"}}}, {{"node", {"h2", "h3"}}}), 0, fleet)) ==
        Names{{1, 2}, {1, 3}, {2, 3}});
  CHECK(pairs_of(ssh({}, {}), 0, fleet).pairs.size() == 12);
  CHECK(pairs_of(ssh({{"rack", {"r1"}}}, {}), 0, fleet).pairs.empty());
  CHECK(pairs_of(ssh({{"node", {"h1"}}}, {{"node", {"h1"}}}), 0, fleet).pairs.empty());
}

TEST_CASE("a target that is a node's address is that node, any other is itself",
          "[core][standing]") {
  FourNodes bench;
  auto test = ssh({{"node", {"h1", "h2"}}}, {});
  test.target = IpAddress::v4(0x0a000002);
  CHECK(names_of(pairs_of(test, 3, bench.core.fleet())) == Names{{1, 2}});
  test.target = IpAddress::v4(0xc0000207);
  const auto found = pairs_of(test, 3, bench.core.fleet());
  REQUIRE(found.pairs.size() == 2);
  CHECK(found.pairs[0] ==
        StandingPair{.test = 3, .from = NodeId{1}, .to = {}, .target = *test.target});
  const auto order = order_of(test, found.pairs[0], bench.core.fleet());
  REQUIRE(order);
  CHECK(order->target == Endpoint{*test.target, 22});
  CHECK(order->source == IpAddress::v4(0x0a000001));
}

TEST_CASE("of too many pairs every node gets its share, and the others are counted",
          "[core][standing]") {
  Bench bench;
  for (std::uint8_t number = 1; number <= 40; ++number) bench.enroll(number);
  const auto found = pairs_of(ssh({}, {}), 0, bench.core.fleet());
  REQUIRE(found.pairs.size() == kStandingPairsMax);
  CHECK(found.left_out == 40 * 39 - kStandingPairsMax);
  std::map<NodeId, int> from;
  std::map<NodeId, int> to;
  const std::set<StandingPair> unique(found.pairs.begin(), found.pairs.end());
  CHECK(unique.size() == found.pairs.size());
  for (const auto& pair : found.pairs) {
    ++from[pair.from];
    ++to[pair.to];
  }
  CHECK(from.size() == 40);
  CHECK(to.size() == 40);
  for (const auto& [node, count] : from) CHECK(std::abs(count - 6) <= 1);
}

TEST_CASE("a node that goes changes few pairs of the others, and a pair that fails stays",
          "[core][standing]") {
  Bench bench;
  for (std::uint8_t number = 1; number <= 40; ++number) bench.enroll(number);
  const auto& fleet = bench.core.fleet();
  const auto test = ssh({}, {});
  const auto before = pairs_of(test, 0, fleet).pairs;
  incident::Selector others;
  for (int number = 1; number <= 40; ++number) {
    if (number != 7) others["node"].push_back("h" + std::to_string(number));
  }
  const auto after = pairs_of(ssh(others, others), 0, fleet).pairs;
  const std::set<StandingPair> now(after.begin(), after.end());
  CHECK(now.size() == kStandingPairsMax);
  const auto gone =
      std::ranges::count_if(before, [&](const StandingPair& pair) { return !now.contains(pair); });
  const auto of_it = std::ranges::count_if(before, [](const StandingPair& pair) {
    return pair.from == NodeId{7} || pair.to == NodeId{7};
  });
  CHECK(gone == of_it);

  std::set<StandingPair> failing;
  for (std::uint32_t from = 1; from <= 40; ++from) {
    for (std::uint32_t to = 1; to <= 40; ++to) {
      const StandingPair pair{.test = 0, .from = NodeId{from}, .to = NodeId{to}};
      const bool is_chosen = std::ranges::find(before, pair) != before.end();
      if (from != to && !is_chosen && failing.size() < 20) failing.insert(pair);
    }
  }
  REQUIRE(failing.size() == 20);
  auto keep = failing;
  keep.insert({.test = 0, .from = NodeId{77}, .to = NodeId{1}});  // it is no node
  const auto kept = pairs_of(test, 0, fleet, keep);
  CHECK(kept.pairs.size() == kStandingPairsMax);
  CHECK(kept.left_out == 40 * 39 - kStandingPairsMax);
  CHECK(std::ranges::includes(kept.pairs, failing));
}

TEST_CASE("by STAMP a node is tested at its reflector", "[core][standing]") {
  FourNodes bench;
  StandingTest test{.from = {{"node", {"h1"}}}, .to = {{"node", {"h2"}}}};
  test.order.method = ondemand::Method::kStamp;
  const auto pairs = pairs_of(test, 0, bench.core.fleet()).pairs;
  REQUIRE(pairs.size() == 1);
  const auto order = order_of(test, pairs[0], bench.core.fleet());
  REQUIRE(order);
  CHECK(order->target == Endpoint{IpAddress::v4(0x0a000002), 862});
  CHECK_FALSE(order_of(test, {.from = NodeId{1}, .to = NodeId{77}}, bench.core.fleet()));
}

TEST_CASE("a pair fails after two faults in a row, until two successes in a row",
          "[core][standing]") {
  using enum StandingOutcome;
  StandingResult known;
  const auto fails = [&](StandingOutcome outcome) {
    follow(known, run(outcome));
    return known.failing;
  };
  CHECK_FALSE(fails(kFault));
  CHECK_FALSE(fails(kOk));
  CHECK_FALSE(fails(kFault));
  CHECK_FALSE(fails(kInconclusive));  // counts neither way
  CHECK(fails(kFault));
  CHECK(fails(kOk));
  CHECK(fails(kFault));
  CHECK(fails(kOk));
  CHECK(fails(kNotRun));
  CHECK_FALSE(fails(kOk));
  CHECK(known.runs == 10);
}

TEST_CASE("since when it is so is when the outcome became another", "[core][standing]") {
  StandingResult known;
  follow(known, run(StandingOutcome::kOk, 1));
  follow(known, run(StandingOutcome::kFault, 2));
  follow(known, run(StandingOutcome::kFault, 3));
  CHECK(known.since == wall_time_from_unix_seconds(1002));
  CHECK(known.at == wall_time_from_unix_seconds(1003));
}

TEST_CASE("what a probe reports is read with care", "[core][standing]") {
  const auto read = read_result(
      R"({"outcome":"fault","verdict":"refused","summary":"a\u001b[31m says: no\n","more":[1]})");
  CHECK(read.outcome == StandingOutcome::kFault);
  CHECK(read.verdict == "refused");
  CHECK(read.summary == "a?[31m says: no?");
  CHECK(read_result("nonsense").outcome == StandingOutcome::kNotRun);
  CHECK(read_result("{}").outcome == StandingOutcome::kInconclusive);
  const auto long_one =
      read_result(R"({"outcome":"ok","verdict":7,"summary":")" + std::string(9000, 'x') + "\"}");
  CHECK(long_one.outcome == StandingOutcome::kOk);
  CHECK(long_one.verdict.empty());
  CHECK(long_one.summary.size() == 300);
}

TEST_CASE("a standing test is refused as the test on demand would be", "[core][standing]") {
  auto test = ssh({}, {});
  CHECK(validate(test));
  test.order.target.port = 0;
  CHECK_THAT(validate(test).error().context, Catch::Contains("tcp needs a port"));
  test = ssh({}, {});
  test.every = std::chrono::seconds{9};
  CHECK_THAT(validate(test).error().context, Catch::Contains("every must be between 10s and"));
  test = ssh({}, {{"node", {"h1"}}});
  test.target = IpAddress::v4(0xc0000207);
  CHECK_THAT(validate(test).error().context, Catch::Contains("both to and target"));
  test = ssh({}, {});
  test.order.kind = ondemand::TestKind::kCapture;
  CHECK_FALSE(validate(test));
}

}  // namespace faultline::core
