// Standing tests in the core: ordered, read, told.
#include "controller/core/standing_tests.h"

#include "common/ondemand/admission.h"
#include "common/ondemand/order_json.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

constexpr auto kEvery = seconds{20};

StandingTest closed_port(ondemand::Method method = ondemand::Method::kTcp) {
  StandingTest test{
      .name = "ssh", .from = {{"node", {"h1"}}}, .to = {{"node", {"h2"}}}, .every = kEvery};
  if (method == ondemand::Method::kTcp) {
    test.order.kind = ondemand::TestKind::kPort;
    test.order.target.port = 22;
  }
  test.order.method = method;
  return test;
}

CoreOptions options_with(StandingTest test) {
  CoreOptions options;
  options.standing.tests.push_back(std::move(test));
  return options;
}

struct StandingBench : Bench {
  PublicKey tester;
  PublicKey tested;

  explicit StandingBench(StandingTest test = closed_port(), Restored restored = {})
      : Bench(options_with(std::move(test)), std::move(restored)),
        tester(enroll(1)),
        tested(enroll(2)) {}

  void beat() {
    for (const auto& key : {tester, tested}) {
      say(key, Heartbeat{.sequence = 1, .sent_at = now.wall});
    }
  }
  // Passes time until another order has left for this node.
  TestRequest next_order(const PublicKey& to) {
    const auto before = effects.messages_to<TestRequest>(to).size();
    for (int i = 0; i < 60; ++i) {
      beat();
      pass(seconds{1});
      const auto orders = effects.messages_to<TestRequest>(to);
      if (orders.size() > before) return orders.back();
    }
    FAIL("no order within a minute");
    return {};
  }
  void answer(const TestRequest& order, const std::string& report) {
    say(tester, TestProgress{.test = order.test, .state = TestState::kDone, .report = report});
    pass(std::chrono::milliseconds{250});
  }
  void run_once(const std::string& report) { answer(next_order(tester), report); }
  [[nodiscard]] std::vector<incident::Suspect> suspects() const {
    return core.standing().suspects(now.instant);
  }
  [[nodiscard]] StandingPairView pair() {
    pass(seconds{1});
    return core.standing().view()->at(0).pairs.at(0);
  }
};

const std::string kOk = R"({"outcome":"ok","verdict":"open","summary":"5 of 5 answered"})";
const std::string kRefused =
    R"({"outcome":"fault","verdict":"refused","summary":"10.0.0.2 says: connection refused"})";

bool has_line(const Bench& bench, std::string_view words) {
  return std::ranges::any_of(bench.effects.lines, [&](const std::string& line) {
    return line.find(words) != std::string::npos;
  });
}

TEST_CASE("a port that is refused twice is a suspect, and one no more when it was open twice",
          "[core][standing]") {
  StandingBench bench;
  const auto order = bench.next_order(bench.tester);
  const auto read = ondemand::order_from_json(order.order);
  REQUIRE(read);
  CHECK(read->target == Endpoint{IpAddress::v4(0x0a000002), 22});
  bench.answer(order, kRefused);
  CHECK(bench.suspects().empty());
  CHECK(has_line(bench, "standing test ssh, h1 to h2: refused: 10.0.0.2 says"));
  bench.run_once(kRefused);
  REQUIRE(bench.suspects().size() == 1);
  const auto suspect = bench.suspects()[0];
  CHECK(suspect.kind == "test");
  CHECK(suspect.id == "test:ssh");
  CHECK(suspect.fault_class == "test_failing");
  CHECK(suspect.affected == std::vector<std::string>{"h1", "h2"});
  CHECK_THAT(suspect.text, Catch::Contains("ssh (port 22 by tcp) fails for 1 of 1 pairs"));
  CHECK(suspect.remedy->command == "faultline test port h1 h2 22");
  CHECK(bench.pair().result.failing);
  bench.run_once(kOk);
  CHECK(bench.suspects().size() == 1);
  CHECK(has_line(bench, "standing test ssh, h1 to h2: open again"));
  bench.run_once(kOk);
  CHECK(bench.suspects().empty());
  const auto counters = bench.core.standing().counters();
  CHECK(counters.fault == 2);
  CHECK(counters.ok == 2);
}

TEST_CASE("a test that opens no incidents is listed all the same", "[core][standing]") {
  auto test = closed_port();
  test.severity.reset();
  StandingBench bench(test);
  bench.run_once(kRefused);
  bench.run_once(kRefused);
  CHECK(bench.suspects().empty());
  CHECK(bench.pair().result.verdict == "refused");
  CHECK(bench.core.standing().view()->at(0).failing == 1);
}

TEST_CASE("what a probe refuses, or does not answer, is no fault", "[core][standing]") {
  StandingBench bench;
  for (int i = 0; i < 3; ++i) {
    const auto order = bench.next_order(bench.tester);
    bench.say(bench.tester,
              TestProgress{.test = order.test, .state = TestState::kRefused, .text = "busy"});
    bench.pass(seconds{1});
  }
  CHECK(bench.suspects().empty());
  CHECK(bench.core.standing().counters().not_run == 3);
  CHECK(bench.pair().result.summary == "busy");
}

TEST_CASE("by STAMP the target is told first; where it does not agree silence is no fault",
          "[core][standing]") {
  StandingBench bench(closed_port(ondemand::Method::kStamp));
  const auto admission = bench.next_order(bench.tested);
  CHECK(ondemand::admission_from_json(admission.order) ==
        ondemand::Admission{.reflector = {IpAddress::v4(0x0a000001), 862}});
  CHECK(bench.effects.messages_to<TestRequest>(bench.tester).empty());
  bench.say(bench.tested, TestProgress{.test = admission.test, .state = TestState::kRefused});
  const auto orders = bench.effects.messages_to<TestRequest>(bench.tester);
  REQUIRE(orders.size() == 1);
  bench.answer(orders[0], R"({"outcome":"fault","verdict":"timeout","summary":"nothing"})");
  CHECK(bench.core.standing().counters().inconclusive == 1);
  CHECK(bench.core.standing().counters().fault == 0);
  CHECK(bench.effects.messages_to<TestRequest>(bench.tested).back().order == ondemand::kEndOrder);
}

TEST_CASE("nodes that are away are not tested, and what failed there is forgotten in time",
          "[core][standing]") {
  StandingBench bench;
  bench.run_once(kRefused);
  bench.run_once(kRefused);
  REQUIRE(bench.suspects().size() == 1);
  for (int i = 0; i < 120; ++i) {  // the tester alone
    bench.say(bench.tester, Heartbeat{.sequence = 1, .sent_at = bench.now.wall});
    bench.pass(seconds{1});
  }
  CHECK(bench.core.standing().counters().skipped > 0);
  // The questions about the node that is silent are not ours: of the mesh port.
  const auto orders = bench.effects.messages_to<TestRequest>(bench.tester);
  CHECK(std::ranges::count_if(orders, [](const TestRequest& order) {
          return order.order.find("\"port\":22,") != std::string::npos;
        }) <= 4);
  CHECK(bench.suspects().size() == 1);
  bench.pass(std::chrono::minutes{10});
  CHECK(bench.suspects().empty());
}

TEST_CASE("an incident of before a restart lasts until its pairs were tested twice",
          "[core][standing]") {
  incident::Incident open{.id = "i-1", .state = incident::State::kOpen};
  open.suspect = {.kind = "test", .id = "test:ssh", .fault_class = "test_failing", .posterior = 1};
  open.components = {{.id = "test:ssh"}};
  open.opened_at = open.since = wall_time_from_unix_seconds(1'789'999'000);
  Restored restored;
  restored.incidents.push_back(open);
  StandingBench bench(closed_port(), std::move(restored));
  CHECK(bench.suspects().size() == 1);
  for (int i = 0; i < 2; ++i) {
    const auto order = bench.next_order(bench.tester);
    bench.say(bench.tester, TestProgress{.test = order.test, .state = TestState::kRefused});
    bench.pass(std::chrono::milliseconds{250});
    CHECK(bench.suspects().size() == 1);  // that says nothing
  }
  bench.run_once(kOk);
  CHECK(bench.suspects().size() == 1);
  bench.run_once(kOk);
  CHECK(bench.suspects().empty());
}

TestOrders::Request operators_ping(std::uint64_t number) {
  ondemand::TestOrder order;
  order.target.address = IpAddress::v4(0xc0000207);
  return {.request = {.test = number,
                      .lease = std::chrono::minutes{1},
                      .order = ondemand::to_json_text(order)},
          .node = "h1",
          .target = "192.0.2.7"};
}

TEST_CASE("a standing test gives way to an operator's, and none begins meanwhile",
          "[core][standing]") {
  StandingBench bench;
  const auto standing = bench.next_order(bench.tester);
  bench.effects.sent.clear();
  bench.step(OrderTest{.request = 9, .order = operators_ping(77)});
  auto orders = bench.effects.messages_to<TestRequest>(bench.tester);
  REQUIRE(orders.size() == 2);
  CHECK(orders[0].test == standing.test);
  CHECK(orders[0].order == ondemand::kEndOrder);
  CHECK(orders[1].test == 77);
  CHECK_THAT(bench.pair().result.summary, Catch::Contains("needed for another test"));
  CHECK(bench.core.standing().counters().not_run == 1);
  for (int i = 0; i < 40; ++i) {  // two periods
    bench.beat();
    bench.pass(seconds{1});
    REQUIRE(bench.effects.messages_to<TestRequest>(bench.tester).size() == 2);
  }
  bench.say(bench.tester, TestProgress{.test = 77, .state = TestState::kDone, .report = kOk});
  CHECK(bench.next_order(bench.tester).test != 77);
}

TEST_CASE("who is asked about a node that is not heard ends its standing test first",
          "[core][standing]") {
  auto test = closed_port();
  test.from = {{"node", {"h2"}}};
  test.to = {};
  test.target = IpAddress::v4(0xc0000207);
  Bench bench(options_with(test));
  std::vector<PublicKey> keys;
  for (std::uint8_t node = 1; node <= 5; ++node) keys.push_back(bench.enroll(node));
  const auto pass_second = [&](std::size_t silent) {
    for (std::size_t node = silent; node < keys.size(); ++node) {
      bench.say(keys[node], Heartbeat{.sequence = 1, .sent_at = bench.now.wall});
    }
    bench.pass(seconds{1});
    bench.finish_commits();
    return bench.effects.messages_to<TestRequest>(keys[1]);
  };
  auto orders = pass_second(0);
  for (int i = 0; i < 60 && orders.empty(); ++i) orders = pass_second(0);
  REQUIRE(orders.size() == 1);
  for (int i = 0; i < 30 && orders.size() < 3; ++i) orders = pass_second(1);  // h1 is gone
  REQUIRE(orders.size() == 3);
  CHECK(orders[1].test == orders[0].test);
  CHECK(orders[1].order == ondemand::kEndOrder);
  CHECK_THAT(orders[2].order, Catch::Contains("10.0.0.1"));
}

TEST_CASE("why a pair is not tested, and that a test has no pair, is told", "[core][standing]") {
  auto test = closed_port();
  test.from = {{"node", {"h1"}}};
  test.to = {};
  test.target = IpAddress::parse("2001:db8::7");
  test.order.source = IpAddress::v4(0x0a000001);
  StandingBench bench(test);
  for (int i = 0; i < 30; ++i) {
    bench.beat();
    bench.pass(seconds{1});
  }
  CHECK(bench.effects.messages_to<TestRequest>(bench.tester).empty());
  CHECK(bench.pair().result.outcome == StandingOutcome::kNotRun);
  CHECK_THAT(bench.pair().result.summary, Catch::Contains("both be IPv4 or both IPv6"));
  CHECK(bench.core.standing().counters().skipped > 0);

  auto of_nobody = closed_port();
  of_nobody.from = {{"node", {"h7"}}};
  StandingBench nobody(of_nobody);
  for (int i = 0; i < 30; ++i) nobody.pass(seconds{1});
  CHECK(std::ranges::count_if(nobody.effects.lines, [](const std::string& line) {
          return line.find("standing test ssh tests nothing: from node=h7") != std::string::npos;
        }) == 1);
}

TEST_CASE("the command that repeats a test has what differs from the usual", "[core][standing]") {
  const auto command = [](StandingTest test) {
    StandingBench bench(std::move(test));
    bench.run_once(kRefused);
    bench.run_once(kRefused);
    REQUIRE(bench.suspects().size() == 1);
    return bench.suspects()[0].remedy->command;
  };
  auto port = closed_port();
  port.order.count = 2;
  port.order.dscp = 46;
  CHECK(command(port) == "faultline test port h1 h2 22 --count 2 --dscp 46");
  auto ping = closed_port(ondemand::Method::kIcmp);
  CHECK(command(ping) == "faultline test ping h1 h2");
  ping.order.size = 1500;
  ping.order.timeout = std::chrono::milliseconds{500};
  ping.order.interval = std::chrono::milliseconds{50};
  CHECK(command(ping) == "faultline test ping h1 h2 --interval 50ms --size 1500 --wait 500ms");
}

}  // namespace
}  // namespace faultline::core
