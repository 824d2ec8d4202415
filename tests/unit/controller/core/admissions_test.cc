// Tests by STAMP between any two nodes: who is told to answer, and when the test goes.
#include "controller/core/admissions.h"

#include "common/ondemand/admission.h"
#include "common/ondemand/order_json.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

const Endpoint kTesterReflector{IpAddress::v4(0x0a000001), 862};

struct AdmissionBench : Bench {
  PublicKey tester = enroll(1);
  PublicKey tested = enroll(2);

  void order(std::uint64_t test, const std::string& at = "h2") {
    step(OrderTest{.request = test,
                   .order = {.request = {.test = test, .lease = seconds{30}, .order = "{}"},
                             .node = "h1",
                             .target = "h2",
                             .admitting = at,
                             .reflector = kTesterReflector}});
    REQUIRE(effects.answers.back().second);
  }
  [[nodiscard]] std::vector<std::string> orders_to(const PublicKey& key) const {
    std::vector<std::string> orders;
    for (const auto& request : effects.messages_to<TestRequest>(key)) {
      orders.push_back(request.order);
    }
    return orders;
  }
  [[nodiscard]] const OrderedTest& test(std::uint64_t number) const {
    return core.tests().tests().at(number);
  }
};

using Orders = std::vector<std::string>;

const std::string kAdmit = to_json_text(ondemand::Admission{.reflector = kTesterReflector});
const std::string kEnd{ondemand::kEndOrder};

TEST_CASE("who is tested is told first, the test goes when it agrees, and it hears of the end",
          "[core][tests]") {
  AdmissionBench bench;
  bench.order(7);
  CHECK(bench.effects.messages_to<TestRequest>(bench.tested) ==
        std::vector<TestRequest>{{.test = 7, .lease = seconds{35}, .order = kAdmit}});
  CHECK(bench.orders_to(bench.tester).empty());
  bench.say(bench.tester, TestProgress{.test = 7, .state = TestState::kRunning, .text = "?"});
  CHECK(bench.orders_to(bench.tester).empty());  // not the tester's to say
  bench.say(bench.tested, TestProgress{.test = 7, .state = TestState::kDone, .report = "{}"});
  CHECK(bench.orders_to(bench.tester) == Orders{"{}"});
  CHECK(bench.test(7).state == TestState::kRunning);
  bench.say(bench.tested, TestProgress{.test = 7, .state = TestState::kDone, .report = "{}"});
  CHECK(bench.orders_to(bench.tester) == Orders{"{}"});  // once
  bench.say(bench.tester, TestProgress{.test = 7, .state = TestState::kDone, .report = "{1}"});
  CHECK(bench.orders_to(bench.tested) == Orders{kAdmit, kEnd});
  CHECK(bench.test(7).remark.empty());
  bench.pass(seconds{1});
  CHECK(bench.orders_to(bench.tested) == Orders{kAdmit, kEnd});
}

TEST_CASE("a test does not wait for ever to be admitted, and says that it was not",
          "[core][tests]") {
  AdmissionBench bench;
  bench.order(7);
  SECTION("silence") {
    bench.pass(seconds{1});
    CHECK(bench.orders_to(bench.tester).empty());
    bench.pass(seconds{1});
    CHECK_THAT(bench.test(7).remark, Catch::Contains("h2 did not say in time"));
  }
  SECTION("a probe that is too old") {
    bench.say(bench.tested,
              TestProgress{.test = 7, .state = TestState::kRefused, .text = "unknown kind"});
    CHECK_THAT(bench.test(7).remark, Catch::Contains("h2 does not admit tests"));
  }
  CHECK(bench.orders_to(bench.tester) == Orders{"{}"});
  CHECK_THAT(bench.test(7).remark, Catch::Contains("silence says nothing of the network"));
  CHECK(bench.test(7).state == TestState::kRunning);
}

TEST_CASE("a node that is not there is not asked, and the test goes at once", "[core][tests]") {
  AdmissionBench bench;
  for (std::uint64_t beat = 0; beat < 90; ++beat) {
    bench.say(bench.tester, Heartbeat{.sequence = beat, .sent_at = bench.now.wall});
    bench.pass(seconds{1});
  }
  bench.order(7);
  CHECK(bench.orders_to(bench.tested).empty());
  CHECK(bench.orders_to(bench.tester).back() == "{}");  // after questions about the silent node
  CHECK_THAT(bench.test(7).remark, Catch::Contains("h2 could not be told to answer h1"));
}

TEST_CASE("a test of a machine without a probe, or of itself, needs nobody's leave",
          "[core][tests]") {
  AdmissionBench bench;
  bench.order(7, "");
  bench.order(8, "h1");
  CHECK(bench.orders_to(bench.tester) == Orders{"{}", "{}"});
  CHECK(bench.test(7).remark.empty());
}

TEST_CASE("a test that is ended while it waits to be admitted never goes", "[core][tests]") {
  AdmissionBench bench;
  bench.order(7);
  bench.step(EndTest{.request = 50, .test = 7, .why = "interrupted"});
  CHECK(bench.orders_to(bench.tested) == Orders{kAdmit, kEnd});
  bench.say(bench.tested, TestProgress{.test = 7, .state = TestState::kDone, .report = "{}"});
  bench.pass(seconds{5});
  CHECK(bench.orders_to(bench.tester) == Orders{kEnd});
}

}  // namespace
}  // namespace faultline::core
