#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

struct MemberBench : Bench {
  MemberBench() {
    pass(milliseconds{200});
    receive(welcome());
  }
};

const TestRequest kRequest{.test = 7, .lease = seconds{30}, .order = "{}"};

TEST_CASE("a test that the controller orders is begun, and its news go back", "[probe_core]") {
  MemberBench bench;
  bench.receive(kRequest);
  CHECK(bench.world.tests == std::vector<TestRequest>{kRequest});
  const TestProgress done{.test = 7, .state = TestState::kDone, .report = "{}"};
  bench.step(TestNews{done});
  CHECK(bench.world.sent_of<TestProgress>() == std::vector<TestProgress>{done});
}

TEST_CASE("a test that the probe has no room for is refused with a sentence", "[probe_core]") {
  MemberBench bench;
  bench.world.takes_tests = false;
  bench.receive(kRequest);
  REQUIRE(bench.world.sent_of<TestProgress>().size() == 1);
  CHECK(bench.world.sent_of<TestProgress>()[0].state == TestState::kRefused);
  CHECK(bench.core.counters().tests_refused == 1);
}

TEST_CASE("a probe that stops begins no test, and one that is not welcome tells nothing",
          "[probe_core]") {
  MemberBench bench;
  bench.step(StopRequested{});
  bench.receive(kRequest);
  CHECK(bench.world.tests.empty());
  CHECK(bench.core.counters().tests_refused == 1);
  Bench stranger;
  stranger.receive(kRequest);
  CHECK(stranger.world.tests.empty());
}

}  // namespace
}  // namespace faultline::probe_core::tests
