// The probe's conversation with its controller: joining, measuring, being acknowledged, and what
// survives the end of either side.
#include <signal.h>

#include <set>

#include "tests/integration/probe/app/scene.h"

namespace faultline::tests {
namespace {

TEST_CASE("a probe joins once, measures its plan, and its results are acknowledged",
          "[probe][integration]") {
  Scene scene;
  ProbeProcess probe{scene.probe_options};
  scene.settle();
  CHECK(scene.controller->seen<Join>().size() == 1);
  REQUIRE(scene.run_until_batches(3));

  auto& controller = *scene.controller;
  REQUIRE(controller.seen<PlanAck>().size() == 1);
  CHECK(controller.seen<PlanAck>()[0] ==
        PlanAck{.revision = PlanRevision{1}, .hash = plan_hash(scene.plan)});
  const auto& first = controller.batches[0];
  CHECK(first.from == scene.node_key);
  CHECK(first.batch.sequence == 1);
  CHECK(first.report.plan == PlanRevision{1});
  for (const auto& flow : controller.batches[2].report.flows) {
    CHECK(flow.target == NodeId{99});
    CHECK(flow.answered() == 0);
  }
  const auto boot = first.batch.boot;
  CHECK(is_complete(sequences(controller, boot)));
  const auto end = probe.end(SIGTERM);
  CHECK(end.status == 0);
  CHECK(end.errors.find("flt1_") == std::string::npos);  // never a token in the log

  // Again, without the token: it is known, and so is the plan.
  scene.probe_options.token.clear();
  ProbeProcess again{scene.probe_options};
  Hello hello;
  REQUIRE(controller.run_until([&] {
    hello = controller.seen<Hello>().back();
    return hello.boot != boot;
  }));
  CHECK(controller.seen<Join>().size() == 1);
  CHECK(hello.plan == PlanRevision{1});
  CHECK(hello.plan_hash ==
        0);  // what an older version kept may lack something: it is asked for whole
  REQUIRE(controller.run_until([&] { return !sequences(controller, hello.boot).empty(); }));
  CHECK(again.end(SIGTERM).status == 0);
}

TEST_CASE("what was not acknowledged survives the sudden death of the probe",
          "[probe][integration]") {
  Scene scene;
  auto& controller = *scene.controller;
  controller.acknowledges = false;
  std::vector<TakenBatch> before;
  {
    ProbeProcess probe{scene.probe_options};
    scene.settle();
    REQUIRE(scene.run_until_batches(3));
    probe.end(SIGKILL);
    before = std::exchange(controller.batches, {});
  }
  controller.acknowledges = true;
  ProbeProcess probe{scene.probe_options};
  const auto boot = before[0].batch.boot;
  REQUIRE(controller.run_until([&] {
    return sequences(controller, boot).size() >= before.size() &&
           controller.batches.back().batch.boot != boot;
  }));
  CHECK(is_complete(sequences(controller, boot)));
  for (const auto& old : before) {
    const auto again = std::ranges::find_if(
        controller.batches, [&](const auto& taken) { return taken.batch == old.batch; });
    CHECK(again != controller.batches.end());
  }
  CHECK(probe.end(SIGTERM).status == 0);
}

TEST_CASE("after the sudden death of the controller nothing is missing", "[probe][integration]") {
  Scene scene;
  ProbeProcess probe{scene.probe_options};
  scene.settle();
  REQUIRE(scene.run_until_batches(2));
  const auto boot = scene.controller->batches[0].batch.boot;
  scene.controller->acknowledges = false;  // it dies before these are durable
  REQUIRE(scene.run_until_batches(4));
  auto known = sequences(*scene.controller, boot);
  const auto nodes = scene.controller->nodes();
  scene.controller.reset();

  scene.start_controller();
  for (const auto& [key, node] : nodes) scene.controller->pin(key, node);
  scene.controller->plans[scene.node_key] = scene.plan;
  // 3 and 4 were never acknowledged, so they come again, and what was measured meanwhile comes.
  const auto came_again = [&] {
    // Newer ones may come before them.
    const auto after = sequences(*scene.controller, boot);
    auto all = known;
    all.insert(after.begin(), after.end());
    return after.contains(3) && after.contains(4) && after.size() >= 4 && is_complete(all);
  };
  REQUIRE(scene.controller->run_until(came_again));
  const auto after = sequences(*scene.controller, boot);
  CHECK(scene.controller->seen<Join>().empty());
  known.insert(after.begin(), after.end());
  CHECK(is_complete(known));
  CHECK(probe.end(SIGTERM).status == 0);
}

TEST_CASE("an idle probe stays small", "[probe][integration]") {
  Scene scene;
  ProbeProcess probe{scene.probe_options};
  scene.settle();
  REQUIRE(scene.run_until_batches(2));
  CHECK(probe.resident_kib() > 0);
// Their shadow memory is several times the probe.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(probe.resident_kib() < 20 * 1024);
#endif
  CHECK(probe.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
