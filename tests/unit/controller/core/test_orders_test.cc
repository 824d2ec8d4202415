#include "controller/core/test_orders.h"

#include "common/ondemand/order_json.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

// A fleet of nodes that say hello; the first is "h1".
struct TestBench : Bench {
  PublicKey node = enroll(1);
  std::string name = core.fleet().find(NodeId{1})->record.name;

  Status order(std::uint64_t test, const std::string& from = {}, bool watched = false) {
    step(OrderTest{.request = test,
                   .order = {.request = {.test = test, .lease = seconds{30}, .order = "{}"},
                             .node = from.empty() ? name : from,
                             .target = "h9",
                             .watched = watched}});
    REQUIRE(effects.answers.back().first == test);
    return effects.answers.back().second;
  }
  const OrderedTest& test(std::uint64_t number) const { return core.tests().tests().at(number); }
};

TEST_CASE("an ordered test goes to its node, and its report is there for who asks",
          "[core][tests]") {
  TestBench bench;
  REQUIRE(bench.order(7));
  CHECK(bench.effects.messages_to<TestRequest>(bench.node) ==
        std::vector<TestRequest>{{.test = 7, .lease = seconds{30}, .order = "{}"}});
  bench.say(bench.node, TestProgress{.test = 7, .text = "2 of 5"});
  CHECK(bench.test(7).text == "2 of 5");
  CHECK(bench.test(7).state == TestState::kRunning);
  bench.say(bench.node, TestProgress{.test = 7, .state = TestState::kDone, .report = "{1}"});
  CHECK(*bench.test(7).report == "{1}");
  bench.say(bench.node, TestProgress{.test = 7, .text = "late"});  // it is over
  CHECK(bench.test(7).state == TestState::kDone);
}

TEST_CASE("news of a test come from the node that was ordered it, not from another",
          "[core][tests]") {
  TestBench bench;
  const auto other = bench.enroll(2);
  REQUIRE(bench.order(7));
  bench.say(other, TestProgress{.test = 7, .state = TestState::kDone, .report = "{forged}"});
  bench.say(other, TestProgress{.test = 8, .state = TestState::kDone, .report = "{unknown}"});
  CHECK(bench.test(7).state == TestState::kRunning);
  CHECK(bench.core.tests().tests().size() == 1);
}

TEST_CASE("two tests are under way on a node and no third, until one is over", "[core][tests]") {
  TestBench bench;
  REQUIRE(bench.order(1));
  bench.pass(seconds{10});
  bench.say(bench.node, Heartbeat{.sequence = 1, .sent_at = bench.now.wall});
  REQUIRE(bench.order(2));
  const auto third = bench.order(3);
  REQUIRE_FALSE(third);
  CHECK(third.error().code == ErrorCode::kLimit);
  CHECK_THAT(third.error().context,
             Catch::Contains("at most 35 s more, and the first of them 25 s"));
  bench.say(bench.node, TestProgress{.test = 1, .state = TestState::kRefused, .text = "no"});
  CHECK(bench.order(4));
  CHECK(bench.core.tests().counters() ==
        TestOrderCounters{.ordered = 3, .refused = 1, .turned_away = 1});
}

TEST_CASE("who is no node, or whose probe is too old or gone, is told so at once",
          "[core][tests]") {
  TestBench bench;
  CHECK(bench.order(1, "h77").error().code == ErrorCode::kNotFound);
  bench.say(bench.node, Hello{.capabilities = kCapabilitiesOfThisBuild & ~kCapabilityTest,
                              .software = "faultline-probe 0.0.9",
                              .boot = BootId{5},
                              .profile = bench.core.fleet().find(NodeId{1})->record.profile});
  const auto old = bench.order(2);
  CHECK(old.error().code == ErrorCode::kConflict);
  CHECK(old.error().context.find("faultline-probe 0.0.9") != std::string::npos);
  bench.pass(std::chrono::minutes{5});  // silent
  CHECK(bench.order(3).error().code == ErrorCode::kUnavailable);
  CHECK(bench.effects.messages_to<TestRequest>(bench.node).empty());
}

TEST_CASE("an order to a node that the controller does not know again yet says just that",
          "[core][tests]") {
  Restored restored;
  restored.nodes.push_back({.id = NodeId{1}, .name = "h1", .key = key_of(1)});
  Bench bench({}, std::move(restored));
  const auto refusal = [&](std::uint64_t number) {
    bench.step(OrderTest{.request = number,
                         .order = {.request = {.test = number, .lease = seconds{30}, .order = "{}"},
                                   .node = "h1",
                                   .target = "h9"}});
    return bench.effects.answers.back().second;
  };
  const auto check = [&](const Status& status) {
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::kUnavailable);
    CHECK(status.error().context ==
          "the probe of h1 has not introduced itself since the controller started; try again in "
          "some seconds");
  };
  check(refusal(1));  // not heard yet
  bench.say(key_of(1), Heartbeat{.sequence = 1, .sent_at = bench.now.wall});
  check(refusal(2));
  bench.say(key_of(1), Hello{.capabilities = kCapabilitiesOfThisBuild,
                             .software = "test",
                             .boot = BootId{1},
                             .profile = Bench::profile(1)});
  CHECK(refusal(3));
}

TEST_CASE("a test that is ended makes room at once, and its probe is told", "[core][tests]") {
  TestBench bench;
  REQUIRE(bench.order(1));
  REQUIRE(bench.order(2));
  bench.step(EndTest{.request = 50, .test = 1, .why = "interrupted"});
  CHECK(bench.effects.answers.back().second);
  CHECK(bench.test(1).state == TestState::kRefused);
  CHECK(bench.test(1).text == "interrupted");
  const TestRequest told{
      .test = 1, .lease = kTestLeaseMin, .order = std::string(ondemand::kEndOrder)};
  CHECK(bench.effects.messages_to<TestRequest>(bench.node).back() == told);
  REQUIRE(bench.order(3));
  bench.say(bench.node, TestProgress{.test = 1, .state = TestState::kDone, .report = "{late}"});
  CHECK(bench.test(1).state == TestState::kRefused);
  const auto sent = bench.effects.messages_to<TestRequest>(bench.node).size();
  bench.step(EndTest{.request = 51, .test = 1, .why = "once more"});
  CHECK(bench.effects.answers.back().second);
  CHECK(bench.effects.messages_to<TestRequest>(bench.node).size() == sent);
  bench.step(EndTest{.request = 52, .test = 77, .why = "nobody's"});
  CHECK(bench.effects.answers.back().second.error().code == ErrorCode::kNotFound);
  CHECK(bench.core.tests().counters().ended == 1);
}

TEST_CASE("a watched test is ended when nobody looks at it any more, and no other is",
          "[core][tests]") {
  TestBench bench;
  REQUIRE(bench.order(1, {}, true));
  REQUIRE(bench.order(2));
  const auto wait = [&](int passes, bool looking) {
    for (int i = 0; i < passes; ++i) {
      bench.say(bench.node, Heartbeat{.sequence = 1, .sent_at = bench.now.wall});
      if (looking) bench.step(LookAtTest{.request = 60, .test = 1});
      bench.pass(seconds{1});
    }
  };
  wait(15, true);
  CHECK(bench.test(1).state == TestState::kRunning);
  wait(11, false);
  CHECK(bench.test(1).state == TestState::kRefused);
  CHECK(bench.test(2).state == TestState::kRunning);
  CHECK(bench.effects.messages_to<TestRequest>(bench.node).back().order == ondemand::kEndOrder);
}

TEST_CASE("a test that nobody answers is given up: the probe is silent, restarted or stuck",
          "[core][tests]") {
  TestBench bench;
  REQUIRE(bench.order(1));
  SECTION("restarted") {
    bench.say(bench.node, Hello{.software = "x",
                                .boot = BootId{99},
                                .profile = bench.core.fleet().find(NodeId{1})->record.profile});
    CHECK(bench.test(1).text.find("restarted") != std::string::npos);
  }
  SECTION("stuck, though it lives") {
    for (int i = 0; i < 36; ++i) {
      bench.say(bench.node, Heartbeat{.sequence = 1, .sent_at = bench.now.wall});
      bench.pass(seconds{1});
    }
    CHECK(bench.test(1).text.find("did not answer in time") != std::string::npos);
  }
  SECTION("silent") {
    bench.pass(std::chrono::minutes{5});
    CHECK(bench.test(1).text.find("is gone") != std::string::npos);
  }
  CHECK(bench.test(1).state == TestState::kRefused);
  CHECK(bench.core.tests().counters().given_up == 1);
}

TEST_CASE("reports that are over are kept for a while, the newest of them", "[core][tests]") {
  TestBench bench;
  for (std::uint64_t number = 1; number <= kTestsKept + 9; ++number) {
    bench.now.wall += seconds{1};
    REQUIRE(bench.order(number));
    bench.say(bench.node, TestProgress{.test = number, .state = TestState::kDone, .report = "{}"});
  }
  CHECK(bench.core.tests().tests().size() == kTestsKept);
  CHECK(bench.core.tests().tests().begin()->first == 10);
}

}  // namespace
}  // namespace faultline::core
