#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

Welcome welcome_with(std::uint64_t capabilities) {
  auto message = welcome();
  message.capabilities = capabilities;
  return message;
}

// Measures, welcomed, with everything delivered.
struct Measuring : Bench {
  explicit Measuring(std::uint64_t capabilities = kCapabilitiesOfThisBuild) {
    pass(milliseconds{200});
    receive(welcome_with(capabilities));
    receive(make_plan(1));
    step(SpoolFetched{.batches = {}, .level = SpoolLevel{}});  // nothing new
    step(SpoolFetched{.batches = {}, .level = SpoolLevel{}});  // nothing from before
    REQUIRE(core.plan().measuring());
  }
  [[nodiscard]] std::vector<Goodbye> goodbyes() const { return world.sent_of<Goodbye>(); }
};

TEST_CASE("a probe that is asked to stop closes its window, delivers it, and says goodbye",
          "[probe_core]") {
  Measuring bench;
  bench.step(StopRequested{});
  CHECK(bench.world.finishes == std::vector<Duration>{kFinishGrace});
  bench.pass(milliseconds{300});
  CHECK(bench.goodbyes().empty());
  bench.step(WindowClosed{Report{}});
  bench.step(MeasuringEnded{});
  bench.pass(milliseconds{100});
  CHECK(bench.goodbyes().empty());  // the window is on its way into the spool
  bench.step(SpoolAppended{.status = {}, .results = 1, .level = SpoolLevel{.batches = 1}});
  bench.step(SpoolFetched{.batches = {batch_of(1)}, .level = SpoolLevel{.batches = 1}});
  bench.step(SpoolFetched{.batches = {}, .level = SpoolLevel{.batches = 1}});
  bench.step(SpoolFetched{.batches = {}, .level = SpoolLevel{.batches = 1}});
  bench.pass(milliseconds{100});
  CHECK(bench.goodbyes().empty());  // the batch is not acknowledged
  bench.receive(BatchAck{.boot = BootId{7}, .durable = {{1, 1}}, .credit = 8});
  bench.step(SpoolAppended{.level = SpoolLevel{.batches = 0}});
  bench.step(SpoolFetched{.batches = {}, .level = SpoolLevel{.batches = 0}});
  bench.step(SpoolFetched{.batches = {}, .level = SpoolLevel{.batches = 0}});
  bench.pass(milliseconds{100});
  REQUIRE(bench.goodbyes().size() == 1);
  CHECK(bench.goodbyes()[0].boot == BootId{7});
  CHECK(bench.goodbyes()[0].spool_batches == 0);
  CHECK_FALSE(bench.world.ended);
  bench.pass(kGoodbyeLeaves);
  CHECK(bench.world.ended);
  CHECK(bench.goodbyes().size() == 1);
}

TEST_CASE(
    "an engine and a controller that do not answer cost two seconds, and the goodbye tells "
    "what is left",
    "[probe_core]") {
  Measuring bench;
  bench.step(SpoolAppended{.status = {}, .results = 1, .level = SpoolLevel{.batches = 4}});
  bench.step(StopRequested{});
  bench.step(StopRequested{});
  CHECK(bench.world.finishes.size() == 1);
  bench.pass(kDeliverMax - milliseconds{100});
  CHECK(bench.goodbyes().empty());
  bench.pass(milliseconds{100});
  REQUIRE(bench.goodbyes().size() == 1);
  CHECK(bench.goodbyes()[0].spool_batches == 4);
  bench.pass(kGoodbyeLeaves);
  CHECK(bench.world.ended);
}

TEST_CASE("a controller that does not know goodbye is not sent one", "[probe_core][protocol]") {
  Measuring bench(kCapabilityTrace | kCapabilityMesh);
  bench.step(StopRequested{});
  bench.step(MeasuringEnded{});
  bench.pass(milliseconds{200});
  CHECK(bench.goodbyes().empty());
  CHECK(bench.world.ended);
}

TEST_CASE("without a controller a probe stops as soon as its window is closed", "[probe_core]") {
  Bench bench;
  bench.step(StopRequested{});
  CHECK(bench.world.finishes.empty());  // it did not measure
  bench.pass(milliseconds{100});
  CHECK(bench.world.ended);
}

TEST_CASE("a plan that comes while a probe stops is left to its next process", "[probe_core]") {
  Measuring bench;
  const auto applied = bench.world.applied.size();
  bench.step(StopRequested{});
  bench.receive(make_plan(2));
  CHECK(bench.world.applied.size() == applied);
  CHECK(bench.world.sent_of<PlanAck>().size() == 1);
}

}  // namespace
}  // namespace faultline::probe_core::tests
