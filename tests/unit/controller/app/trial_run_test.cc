#include "controller/app/trial_run.h"

#include <map>

#include "tests/support/catch.h"

namespace faultline::app {
namespace {

using Texts = std::vector<std::string>;

// A fleet in which tests are numbered as they are ordered, and end as the case says.
struct Fleet {
  std::map<std::uint64_t, core::OrderedTest> tests{};
  std::size_t room = 2;
  std::optional<Error> refusal{};

  TrialRun run() {
    return TrialRun({.begin = [this](const auto& node, const auto&) { return begin(node); },
                     .look = [this](std::uint64_t number) -> std::optional<core::OrderedTest> {
                       return tests.contains(number) ? std::optional(tests[number]) : std::nullopt;
                     }});
  }
  Result<std::uint64_t> begin(const std::string& node) {
    if (refusal) return tl::unexpected(*refusal);
    std::size_t running = 0;
    for (const auto& [number, test] : tests) running += test.state == TestState::kRunning ? 1 : 0;
    if (running >= room) return fail(ErrorCode::kLimit, "two are under way");
    const auto number = tests.size() + 1;
    tests[number] = {.node_name = node};
    return number;
  }
  void end(std::uint64_t number, const std::string& report) {
    tests[number].state = TestState::kDone;
    tests[number].report = std::make_shared<const std::string>(report);
  }
};

const std::vector<diagnose::Trial> kThree{
    {.what = "icmp"}, {.what = "mtu", .size = 1500}, {.from_b = true, .what = "icmp"}};

diagnose::Inputs pair() {
  diagnose::Inputs inputs;
  inputs.a = {.name = "h1", .address = IpAddress::parse("10.0.1.1")};
  inputs.b = {.name = "h2", .address = IpAddress::parse("10.0.1.2")};
  return inputs;
}

TEST_CASE("what finds no room is ordered again, until all is told", "[app][trials]") {
  Fleet fleet;
  auto inputs = pair();
  auto run = fleet.run();
  run.want(kThree, inputs);
  CHECK_FALSE(run.step());
  CHECK(fleet.tests.size() == 2);
  fleet.end(1, R"({"verdict":"answered","summary":"4 of 4 answered"})");
  CHECK_FALSE(run.step());
  CHECK(fleet.tests.size() == 3);
  CHECK(fleet.tests[3].node_name == "h2");
  fleet.end(2, R"({"verdict":"timeout","summary":"none"})");
  fleet.end(3, R"({"verdict":"answered","summary":"4 of 4 answered"})");
  CHECK(run.step());
  run.tell(inputs);
  REQUIRE(inputs.tried.size() == 3);
  CHECK(inputs.tried[1].outcome == "timeout");
  CHECK(inputs.tried[2].from_b);
  CHECK(inputs.untried.empty());
  CHECK(run.ordered() == Texts{"h1 to h2: icmp", "h1 to h2: mtu 1500", "h2 to h1: icmp"});
}

TEST_CASE("what is not over when nobody waits any more is told as such", "[app][trials]") {
  Fleet fleet{.room = 1};
  auto inputs = pair();
  auto run = fleet.run();
  run.want(kThree, inputs);
  CHECK_FALSE(run.step());
  CHECK_FALSE(run.step());
  run.tell(inputs);
  CHECK(inputs.tried.empty());
  CHECK(inputs.untried == Texts{"h1 to h2: icmp: no answer in time",
                                "h1 to h2: mtu 1500: the node has other tests to make",
                                "h2 to h1: icmp: the node has other tests to make"});
  CHECK(run.ordered() == Texts{"h1 to h2: icmp"});
}

TEST_CASE("a node that refuses, and a report that says nothing, are told", "[app][trials]") {
  Fleet fleet;
  auto inputs = pair();
  auto run = fleet.run();
  run.want({kThree[0], kThree[2]}, inputs);
  CHECK_FALSE(run.step());
  fleet.tests[1].state = TestState::kRefused;
  fleet.tests[1].text = "the probe of h1 is gone since the test began";
  fleet.end(2, R"({"verdict":"not-sent","summary":"nothing could be sent: no route"})");
  CHECK(run.step());
  fleet.refusal = Error{ErrorCode::kConflict, "the probe of h1 is too old"};
  run.want({kThree[1]}, inputs);
  CHECK(run.step());
  run.tell(inputs);
  CHECK(inputs.untried == Texts{"h1 to h2: icmp: the probe of h1 is gone since the test began",
                                "h2 to h1: icmp: nothing could be sent: no route",
                                "h1 to h2: mtu 1500: the probe of h1 is too old"});
}

TEST_CASE("no more tests are taken than a diagnosis may have", "[app][trials]") {
  Fleet fleet{.room = 100};
  auto inputs = pair();
  auto run = fleet.run();
  for (int i = 0; i < 4; ++i) run.want(kThree, inputs);
  CHECK_FALSE(run.step());
  CHECK(fleet.tests.size() == diagnose::kTrialsMax);
}

}  // namespace
}  // namespace faultline::app
