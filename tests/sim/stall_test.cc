// A whole fleet whose controller's disk is slow, stands still or takes nothing: nobody is told that
// a window is kept before it is, and all of them arrive afterwards.
#include "tests/sim/controller.h"
#include "tests/sim/probe.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kReportEvery = seconds{10};

void check_kept(const SimFleet& fleet) {
  CHECK(fleet.acknowledged_but_lost().empty());
  CHECK(fleet.disk.written_twice == 0);
}

// `trouble` for so long: the probes' spools hold what was measured, and no more.
void check_trouble(SimFleet& fleet, bool& trouble, Duration length) {
  trouble = true;
  fleet.run(seconds{1});  // what was written already is acknowledged
  const auto acknowledged = fleet.batches_acknowledged();
  fleet.run(length - seconds{1});
  CHECK(fleet.batches_acknowledged() == acknowledged);
  const auto windows = static_cast<std::size_t>(length / kReportEvery);
  for (const auto& probe : fleet.probes) {
    CHECK(probe->waiting() >= windows - 1);
    CHECK(probe->waiting() <= windows + 2);
  }
  check_kept(fleet);
  trouble = false;
  fleet.run(minutes{2});
  CHECK(fleet.batches_waiting() <= fleet.probes.size());
  CHECK(fleet.disk.batches.size() + fleet.batches_waiting() == fleet.batches_made());
  check_kept(fleet);
}

void check_next_fault_is_named(SimFleet& fleet) {
  CHECK(fleet.alerts.empty());
  fleet.fabric.fault = {"leaf1>spine2", 0.2};
  fleet.run(minutes{2});
  REQUIRE_FALSE(fleet.alerts.empty());
  CHECK(fleet.alerts.front().component == "leaf1>spine2");
  fleet.fabric.fault.reset();
  fleet.run(minutes{5});
  CHECK(fleet.alerts.back().event == "resolved");
}

TEST_CASE("a disk that stands still for five minutes delays windows and loses none",
          "[sim][stall]") {
  SimFleet fleet(7001, 12, 4, 4);
  fleet.run(minutes{3});
  check_trouble(fleet, fleet.disk_stalled, minutes{5});
  check_next_fault_is_named(fleet);
}

TEST_CASE("a disk that fails for two minutes delays windows and loses none", "[sim][stall]") {
  SimFleet fleet(7002, 12, 4, 4);
  fleet.run(minutes{3});
  check_trouble(fleet, fleet.disk_fails, minutes{2});
  CHECK(fleet.controller->core().intake_counters().append_failures > 0);
  CHECK(fleet.controller->core().store_trouble(fleet.clock.instant()).empty());
  check_next_fault_is_named(fleet);
}

TEST_CASE("appends that take three seconds keep up with a fleet", "[sim][stall]") {
  SimFleet fleet(7003, 12, 4, 4);
  fleet.run(minutes{3});
  fleet.append_takes = seconds{3};
  fleet.run(minutes{5});
  for (const auto& probe : fleet.probes) CHECK(probe->waiting() <= 2);
  check_kept(fleet);
  CHECK(fleet.controller->core().windows().windows_skipped() == 0);
  check_next_fault_is_named(fleet);
  fleet.append_takes = std::chrono::milliseconds{5};
  fleet.run(minutes{1});
  CHECK(fleet.batches_waiting() <= fleet.probes.size());
  check_kept(fleet);
}

TEST_CASE("a controller that crashes while its disk stands still loses nothing", "[sim][stall]") {
  SimFleet fleet(7004, 12, 4, 4);
  fleet.run(minutes{3});
  fleet.disk_stalled = true;
  fleet.run(minutes{1});
  fleet.crash_controller();
  fleet.disk_stalled = false;
  fleet.run(seconds{30});
  fleet.start_controller();
  fleet.run(minutes{3});
  CHECK(fleet.batches_waiting() <= fleet.probes.size());
  CHECK(fleet.disk.batches.size() + fleet.batches_waiting() == fleet.batches_made());
  check_kept(fleet);
  check_next_fault_is_named(fleet);
}

}  // namespace
}  // namespace faultline::sim
