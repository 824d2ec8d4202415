// The live localizer in a whole fleet: what only half an hour shows, what a slow solver costs, and
// what a new controller knows.
#include <algorithm>

#include "tests/sim/controller.h"
#include "tests/sim/probe.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kLink = "leaf2>spine3";

bool was_told(const SimFleet& fleet, std::string_view event) {
  return std::ranges::any_of(fleet.alerts, [&](const SentAlert& alert) {
    return alert.event == event && alert.component == kLink;
  });
}

Duration until_told(SimFleet& fleet, std::string_view event, Duration most) {
  const Instant began = fleet.clock.instant();
  while (!was_told(fleet, event) && fleet.clock.instant() - began < most) fleet.run(seconds{10});
  return fleet.clock.instant() - began;
}

TEST_CASE("a loss of .06 %, which no minute shows, is paged from half an hour and then resolved",
          "[sim][horizons]") {
  SimFleet fleet(5001, 16, 8, 8);
  fleet.adaptive.enabled = false;
  fleet.crash_controller();
  fleet.start_controller();
  fleet.fabric.background = 5e-5;
  fleet.fabric.fault = {kLink, 0.0006};
  fleet.run(minutes{2});
  CHECK(fleet.alerts.empty());
  const auto opened_after = until_told(fleet, "opened", minutes{28});
  CAPTURE(format_duration(opened_after));
  REQUIRE(was_told(fleet, "opened"));
  fleet.fabric.fault.reset();
  const auto resolved_after = until_told(fleet, "resolved", minutes{40});
  CAPTURE(format_duration(resolved_after));
  CHECK(was_told(fleet, "resolved"));
  for (const auto& alert : fleet.alerts) {
    CAPTURE(alert.event, alert.component);
    CHECK(alert.component == kLink);
  }
}

TEST_CASE("a solver that takes two windows' time keeps nothing from being stored and misses none",
          "[sim][horizons]") {
  SimFleet fleet(5002, 8, 4, 4);
  fleet.solve_takes = seconds{25};
  fleet.run(minutes{2});
  fleet.fabric.fault = {kLink, 0.05};
  for (int i = 0; i < 24; ++i) {
    fleet.run(seconds{10});
    CHECK(fleet.batches_waiting() <= fleet.probes.size());
  }
  const auto& core = fleet.controller->core();
  CHECK(core.windows().windows_skipped() > 5);
  CHECK(core.windows().refused_reports() == 0);
  CHECK(core.windows().late_reports() == 0);
  CHECK(was_told(fleet, "opened"));
  CHECK(fleet.acknowledged_but_lost().empty());
}

TEST_CASE("a new controller recalls half an hour, and each batch once", "[sim][horizons]") {
  for (std::uint64_t seed = 5003; seed <= 5005; ++seed) {
    CAPTURE(seed);
    SimFleet fleet(seed, 8, 4, 4);
    fleet.fabric.background = 1e-3;
    fleet.run(minutes{12});
    fleet.crash_controller();
    const auto stored = fleet.disk.batches.size();
    fleet.run(seconds{15});
    fleet.start_controller();
    fleet.run(minutes{1});
    const auto recalled = fleet.controller->core().counters().reports_recalled;
    // What was stored but not due yet is judged, not recalled.
    CHECK(recalled <= stored);
    CHECK(recalled + 2 * fleet.probes.size() >= stored);
    const auto known = fleet.controller->core().solution()->live;
    CHECK(known.rows_late == 0);
    CHECK(known.rows_refused == 0);
  }
}

}  // namespace
}  // namespace faultline::sim
