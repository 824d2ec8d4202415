// Two probes that measure each other: what one needs the other's help for.
#include <signal.h>

#include <set>
#include <tuple>

#include "tests/integration/probe/app/fake_controller.h"
#include "tests/integration/probe/app/probe_pair.h"

namespace faultline::tests {
namespace {

struct Pair : ProbePair {
  // Every flow of both is traced in both directions, and answered, from now on.
  [[nodiscard]] bool trace_all() {
    // Per reporting node, source port and direction.
    std::set<std::tuple<PublicKey, std::uint16_t, Direction>> traced;
    std::set<PublicKey> answered;
    controller.batches.clear();
    return controller.run_until([&] {
      for (const auto& taken : std::exchange(controller.batches, {})) {
        if (taken.from != a.key && taken.from != b.key) continue;
        for (const auto& path : taken.report.paths) {
          // Loopback has no routers: the far end answers the first packet.
          if (path.complete && path.hops.empty()) {
            traced.emplace(taken.from, path.source_port, path.direction);
          }
        }
        for (const auto& flow : taken.report.flows) {
          if (flow.answered() > 0) answered.insert(taken.from);
        }
      }
      return traced.size() == 8 && answered.size() == 2;
    });
  }
};

TEST_CASE("two probes measure each other and trace each flow in both directions",
          "[probe][mesh][integration]") {
  Pair pair;
  CHECK(pair.trace_all());
  CHECK(pair.a.process->end(SIGTERM).status == 0);
  CHECK(pair.b.process->end(SIGTERM).status == 0);
}

TEST_CASE("traces go on in both directions when a probe changes its key",
          "[probe][mesh][keys][integration]") {
  Pair pair;
  auto& controller = pair.controller;
  REQUIRE(pair.trace_all());

  // The peer hears of the new key after it is used: late, which a controller avoids.
  controller.say(pair.a.key, RekeyRequest{});
  auto plan = controller.plans.at(pair.b.key);
  plan.revision = PlanRevision{2};
  plan.peers[0].second_key = controller.greeter_after(pair.a.key, pair.b.key);
  controller.plans[pair.b.key] = plan;
  controller.send_plan(pair.b.key);
  pair.a.key = *plan.peers[0].second_key;
  CHECK(pair.trace_all());

  plan.revision = PlanRevision{3};
  plan.peers[0].key = pair.a.key;
  plan.peers[0].second_key.reset();
  controller.plans[pair.b.key] = plan;
  controller.send_plan(pair.b.key);
  CHECK(pair.trace_all());
  CHECK(pair.a.process->end(SIGTERM).status == 0);
  CHECK(pair.b.process->end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
