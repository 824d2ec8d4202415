// Keys change while the fleet measures, and whoever likes crashes meanwhile: everything converges,
// and nothing that was measured is lost.
#include <algorithm>

#include "tests/sim/controller.h"
#include "tests/sim/fleet.h"
#include "tests/sim/probe.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string name_of(std::size_t probe) { return "h" + std::to_string(probe + 1); }

// Both sides of every node hold one key, the same, and another than before.
void check_all_changed(const SimFleet& fleet, std::uint8_t changes) {
  for (std::size_t i = 0; i < fleet.probes.size(); ++i) {
    CAPTURE(i);
    const auto& probe = *fleet.probes[i];
    const auto* node = fleet.controller->core().fleet().find(name_of(i));
    REQUIRE(node != nullptr);
    CHECK(node->record.key == probe.disk().key);
    CHECK_FALSE(node->record.next_key);
    CHECK_FALSE(node->record.rekey_asked_at);
    CHECK_FALSE(probe.disk().next_key);
    CHECK(probe.disk().key.bytes[3] == changes);
    CHECK(probe.core().welcomed());
  }
}

void check_nothing_lost(SimFleet& fleet) {
  CHECK(fleet.every_plan_is_current());
  CHECK(fleet.acknowledged_but_lost().empty());
  CHECK(fleet.disk.written_twice == 0);
  // At most the window that closes just now is under way.
  CHECK(fleet.batches_waiting() <= fleet.probes.size());
  CHECK(fleet.disk.batches.size() + fleet.batches_waiting() >= fleet.batches_made());
  CHECK(fleet.alerts.empty());
}

void crash_something(SimFleet& fleet) {
  switch (uniform_below(fleet.rng, 3)) {
    case 0:
      fleet.crash_controller();
      fleet.run(milliseconds{uniform_below(fleet.rng, 8'000)});
      return fleet.start_controller();
    case 1:
      return fleet.probes[uniform_below(fleet.rng, fleet.probes.size())]->crash();
    default:
      return fleet.cut_connection(uniform_below(fleet.rng, fleet.probes.size()));
  }
}

TEST_CASE("every node changes its key without a gap", "[sim][keys]") {
  SimFleet fleet(3, 6, 2, 2);
  fleet.run(minutes{1});
  const auto timeouts_of = [&](std::size_t i) {
    const auto& counters = fleet.probes[i]->core().tracer().counters();
    return counters.timeouts + counters.untrusted + counters.asks_unsent + counters.asks_refused;
  };
  for (std::uint8_t round = 1; round <= 2; ++round) {
    for (std::size_t i = 0; i < fleet.probes.size(); ++i) {
      fleet.controller->handle(core::RekeyNode{.request = 100 + i, .name = name_of(i)});
    }
    fleet.run(minutes{1});
    check_all_changed(fleet, round);
    check_nothing_lost(fleet);
    for (std::size_t i = 0; i < fleet.probes.size(); ++i) CHECK(timeouts_of(i) == 0);
  }
}

TEST_CASE("a change of nodes' keys converges whatever crashes at whichever step",
          "[sim][keys][property]") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    SimFleet fleet(seed, 5, 2, 2);
    fleet.run(seconds{40});
    for (std::size_t i = 0; i < fleet.probes.size(); ++i) {
      fleet.controller->handle(core::RekeyNode{.request = 100 + i, .name = name_of(i)});
      // The whole exchange takes about a second: a crash falls into any of its steps.
      for (int crash = 0; crash < 3; ++crash) {
        fleet.run(milliseconds{uniform_below(fleet.rng, 1'200)});
        crash_something(fleet);
      }
    }
    fleet.run(minutes{2});
    // A wish that crashed with the controller before it was durable was never granted to anybody.
    for (std::size_t i = 0; i < fleet.probes.size(); ++i) {
      fleet.controller->handle(core::RekeyNode{.request = 200 + i, .name = name_of(i)});
    }
    fleet.run(minutes{1});
    for (std::size_t i = 0; i < fleet.probes.size(); ++i) {
      const auto* node = fleet.controller->core().fleet().find(name_of(i));
      CHECK(node->record.key == fleet.probes[i]->disk().key);
      CHECK_FALSE(node->record.next_key);
      CHECK_FALSE(fleet.probes[i]->disk().next_key);
      CHECK(fleet.probes[i]->disk().key != node_key(static_cast<std::uint32_t>(i + 1)));
    }
    check_nothing_lost(fleet);
  }
}

TEST_CASE("the controller changes its key when every node knows the new one", "[sim][keys]") {
  SimFleet fleet(5, 6, 2, 2);
  fleet.run(minutes{1});
  fleet.controller->handle(core::RekeyController{.request = 9, .next = controller_key(2)});
  CHECK(fleet.controller->core().controller_keys().record().current.key == controller_key(1));
  fleet.run(minutes{1});
  CHECK(fleet.controller->core().controller_keys().record().current.key == controller_key(2));
  for (const auto& probe : fleet.probes) {
    CHECK(probe->core().welcomed());
    // The old key is void everywhere, also on disk.
    CHECK(probe->disk().membership->controllers == std::vector{controller_key(2)});
  }
  check_nothing_lost(fleet);
}

TEST_CASE("a change of the controller's key converges whatever crashes at whichever step",
          "[sim][keys][property]") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    SimFleet fleet(seed, 5, 2, 2);
    fleet.run(seconds{40});
    for (std::uint32_t number = 2; number <= 3; ++number) {
      fleet.controller->handle(
          core::RekeyController{.request = number, .next = controller_key(number)});
      for (int crash = 0; crash < 4; ++crash) {
        fleet.run(milliseconds{uniform_below(fleet.rng, 500)});
        crash_something(fleet);
      }
      fleet.run(minutes{1});
      // The same key again, in case that the wish crashed before it was durable.
      fleet.controller->handle(
          core::RekeyController{.request = number, .next = controller_key(number)});
      fleet.run(minutes{1});
      const auto& record = fleet.controller->core().controller_keys().record();
      CHECK(record.current.key == controller_key(number));
      CHECK_FALSE(record.next);
      CHECK(fleet.controller->core()
                .controller_keys()
                .missing(fleet.controller->core().fleet())
                .empty());
      for (const auto& probe : fleet.probes) {
        CHECK(probe->core().welcomed());
        CHECK(probe->disk().membership->controllers == std::vector{controller_key(number)});
      }
    }
    check_nothing_lost(fleet);
  }
}

}  // namespace
}  // namespace faultline::sim
