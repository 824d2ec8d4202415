#include "controller/core/test_orders.h"

#include "tests/support/catch.h"
#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

// A fleet of nodes that say hello; the first is "h1".
struct TestBench : Bench {
  PublicKey node = enroll(1);
  std::string name = core.fleet().find(NodeId{1})->record.name;

  Status order(std::uint64_t test, const std::string& from = {}) {
    step(OrderTest{.request = test,
                   .order = {.request = {.test = test, .lease = seconds{30}, .order = "{}"},
                             .node = from.empty() ? name : from,
                             .target = "h9"}});
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
  REQUIRE(bench.order(2));
  const auto third = bench.order(3);
  REQUIRE_FALSE(third);
  CHECK(third.error().code == ErrorCode::kLimit);
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
