#include "probe/core/facts_schedule.h"

#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

FactsCollected with_update(std::uint64_t digest) {
  return {.update = FactsUpdate{.digest = digest, .payload = {std::byte{1}}}, .pause = seconds{60}};
}

struct Welcomed : Bench {
  explicit Welcomed(std::uint64_t capabilities = kCapabilitiesOfThisBuild) {
    pass(milliseconds{200});
    auto message = welcome();
    message.capabilities = capabilities;
    receive(message);
  }

  // While the controller answers.
  void pass_heard(Duration time) {
    for (Duration passed{}; passed < time; passed += milliseconds{100}) {
      receive(HeartbeatReply{});
      pass(milliseconds{100});
    }
  }
};

TEST_CASE("facts are collected soon after a welcome, sent, and again after the pause",
          "[probe_core][facts]") {
  Welcomed bench;
  bench.pass_heard(kFactsDelayMin - milliseconds{100});
  CHECK(bench.world.facts_collected == 0);
  bench.pass_heard(kFactsDelayMax - kFactsDelayMin + milliseconds{200});
  CHECK(bench.world.facts_collected == 1);
  bench.step(with_update(7));
  REQUIRE(bench.world.sent_of<FactsUpdate>().size() == 1);
  bench.receive(FactsAck{.digest = 7});
  CHECK(bench.world.facts_acks == std::vector<FactsAck>{{.digest = 7}});
  bench.pass_heard(seconds{59});
  CHECK(bench.world.facts_collected == 1);
  bench.pass_heard(seconds{2});
  CHECK(bench.world.facts_collected == 2);
  bench.step(FactsCollected{.update = {}, .pause = seconds{60}});
  CHECK(bench.world.sent_of<FactsUpdate>().size() == 1);  // nothing of it was news
}

TEST_CASE("a controller that does not know facts is not sent any, and none are collected",
          "[probe_core][facts]") {
  Welcomed bench(kCapabilitiesOfThisBuild & ~kCapabilityFacts);
  bench.pass(kFactsDelayMax + seconds{1});
  CHECK(bench.world.facts_collected == 0);
}

TEST_CASE("one collection is under way at most, and one that does not come back is given up",
          "[probe_core][facts]") {
  Welcomed bench;
  while (bench.world.facts_collected == 0) bench.pass_heard(milliseconds{100});
  bench.pass_heard(kFactsPatience - seconds{1});
  CHECK(bench.world.facts_collected == 1);
  bench.pass_heard(seconds{2});
  CHECK(bench.world.facts_collected == 2);
  CHECK(bench.core.facts().counters().lost == 1);
}

TEST_CASE("facts that somebody waits for come at once, and not more often than every two seconds",
          "[probe_core][facts]") {
  Welcomed bench;
  bench.receive(FactsAck{.again = true});
  CHECK(bench.world.facts_collected == 1);
  bench.receive(FactsAck{.again = true});  // while that is under way: read once more
  bench.step(with_update(7));
  bench.pass(kFactsHurryMin - milliseconds{200});
  CHECK(bench.world.facts_collected == 1);
  bench.pass(milliseconds{400});
  CHECK(bench.world.facts_collected == 2);
  bench.step(with_update(8));
  bench.pass(seconds{10});
  CHECK(bench.world.facts_collected == 2);  // the usual pause again
  CHECK(bench.world.facts_acks.size() == 2);
}

TEST_CASE("who asks just after a collection that was due anyhow does not wait",
          "[probe_core][facts]") {
  Welcomed bench;
  while (bench.world.facts_collected == 0) bench.pass_heard(milliseconds{100});
  bench.step(with_update(7));
  bench.receive(FactsAck{.again = true});
  bench.pass(milliseconds{200});
  CHECK(bench.world.facts_collected == 2);
}

}  // namespace
}  // namespace faultline::probe_core::tests
