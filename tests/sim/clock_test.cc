// A whole fleet in which clocks are wrong: what their nodes measure belongs where it happened.
#include <algorithm>
#include <map>

#include "tests/sim/controller.h"
#include "tests/sim/probe.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kWindow = seconds{10};
// Of a clock that has just been set nobody knows: until three heartbeats.
constexpr Duration kLearned = seconds{20};
constexpr std::size_t kWrong = 3;  // the probe

struct Placed {
  std::size_t right = 0;  // within a window of where they were measured
  std::size_t wrong = 0;
  std::size_t marked = 0;
};

// What is stored of the windows of one node that were measured in an interval.
Placed placed_of(const SimFleet& fleet, NodeId node, WallTime from, WallTime to) {
  Placed placed;
  for (const auto& [name, write] : fleet.disk.batches) {
    const auto at = fleet.true_windows.find({write.batch.boot, write.batch.sequence});
    if (write.node != node || at == fleet.true_windows.end()) continue;
    if (at->second < from || at->second >= to) continue;
    ++(std::chrono::abs(write.window_start - at->second) <= kWindow ? placed.right : placed.wrong);
    if (write.moved != nullptr) ++placed.marked;
  }
  return placed;
}

TEST_CASE("windows of a clock that is wrong are moved, marked and judged with the others",
          "[sim][clock]") {
  for (const Duration ahead :
       {seconds{20}, seconds{-20}, seconds{47}, seconds{-47}, seconds{3'600}, seconds{-3'600}}) {
    CAPTURE(format_duration(ahead));
    SimFleet fleet(6001, 8, 4, 4);
    fleet.run(minutes{2});
    auto& probe = *fleet.probes[kWrong];
    const NodeId node = probe.core().uplink().membership()->node;
    probe.clock_ahead = ahead;
    const auto set_wrong = fleet.clock.wall();
    fleet.run(minutes{4});
    const auto& solution = *fleet.controller->core().solution();
    CHECK(solution.nodes_reported == solution.nodes_expected);
    CHECK(solution.nodes_reported == fleet.probes.size());

    probe.clock_ahead = {};
    const auto set_right = fleet.clock.wall();
    fleet.run(minutes{4});
    const auto wrong = placed_of(fleet, node, set_wrong + kLearned, set_right - 2 * kWindow);
    CHECK(wrong.wrong == 0);
    CHECK(wrong.right >= 18);
    CHECK(wrong.marked == wrong.right);
    const auto right = placed_of(fleet, node, set_right + kLearned, set_right + minutes{3});
    CHECK(right.wrong == 0);
    CHECK(right.marked == 0);
    CHECK(right.right >= 15);
    CHECK(fleet.alerts.empty());
    CHECK(fleet.acknowledged_but_lost().empty());
    CHECK(fleet.disk.written_twice == 0);
  }
}

TEST_CASE("what a right clock measured before it was set wrong, and was spooled, stays where it is",
          "[sim][clock]") {
  SimFleet fleet(6002, 8, 4, 4);
  fleet.run(minutes{2});
  const NodeId node = fleet.probes[kWrong]->core().uplink().membership()->node;
  fleet.crash_controller();
  const auto cut = fleet.clock.wall();
  fleet.run(minutes{5});
  fleet.probes[kWrong]->clock_ahead = seconds{90};
  const auto set_wrong = fleet.clock.wall();
  fleet.start_controller();
  fleet.run(minutes{3});
  const auto spooled = placed_of(fleet, node, cut + kWindow, set_wrong - minutes{1});
  CHECK(spooled.wrong == 0);
  CHECK(spooled.right >= 23);
  CHECK(spooled.marked == 0);
}

// Judged anew, with everybody's windows, at most three windows later.
void check_judging(SimFleet& fleet) {
  const auto judged = fleet.controller->core().counters().windows_judged;
  fleet.run(3 * kWindow);
  CHECK(fleet.controller->core().counters().windows_judged > judged);
  fleet.run(minutes{2});
  const auto& solution = *fleet.controller->core().solution();
  CHECK(fleet.controller->core().counters().windows_judged >= judged + 12);
  CHECK(solution.nodes_reported == fleet.probes.size());
  CHECK(fleet.acknowledged_but_lost().empty());
  CHECK(fleet.disk.written_twice == 0);
}

// For as long as a step was, at most half an hour, nothing is over.
Duration until_resolved(Duration step) {
  return std::min<Duration>(std::chrono::abs(step), minutes{30}) + minutes{5};
}

// A controller whose clock was set back judged nothing until it had caught up.
TEST_CASE("a controller whose clock is set goes on judging and names the next fault",
          "[sim][clock]") {
  for (const Duration ahead : {seconds{47}, seconds{-47}, seconds{3'600}, seconds{-3'600}}) {
    CAPTURE(format_duration(ahead));
    SimFleet fleet(6003, 8, 4, 4);
    fleet.run(minutes{5});
    for (const Duration set : {ahead, Duration{}}) {
      CAPTURE(format_duration(set));
      const auto alerts = fleet.alerts.size();
      fleet.controller_ahead = set;
      check_judging(fleet);
      CHECK(fleet.alerts.size() == alerts);
      fleet.fabric.fault = {"leaf1>spine2", 0.2};
      fleet.run(minutes{2});
      REQUIRE(fleet.alerts.size() > alerts);
      CHECK(fleet.alerts[alerts].event == "opened");
      CHECK(fleet.alerts[alerts].component == "leaf1>spine2");
      fleet.fabric.fault.reset();
      fleet.run(until_resolved(ahead));
      CHECK(fleet.alerts.back().event == "resolved");
    }
    CHECK(fleet.controller->core().counters().clock_steps == 2);
    CHECK(fleet.batches_waiting() <= fleet.probes.size());
    CHECK(fleet.disk.batches.size() + fleet.batches_waiting() == fleet.batches_made());
  }
}

// A window that all have reported is judged before it is due: a small step back made it due again.
// And the clock was set while it was: its verdict counts, for there is no other.
TEST_CASE("small steps of the controller's clock have no window judged twice, or not at all",
          "[sim][clock]") {
  for (const int step : {3, 4, 6, 8, 9}) {
    CAPTURE(step);
    SimFleet fleet(6005, 8, 4, 4);
    fleet.solve_takes = seconds{1};
    fleet.run(minutes{2});
    while (fleet.controller->core().windows().judged_until() + kWindow > fleet.clock.wall()) {
      fleet.run(std::chrono::milliseconds{50});
    }
    const auto judged = fleet.judged.size();
    while (fleet.judged.size() == judged) fleet.run(std::chrono::milliseconds{50});
    fleet.controller_ahead = -seconds{step};
    fleet.run(2 * fleet.solve_takes);
    CHECK(fleet.controller->core().counters().windows_judged == judged + 1);
    check_judging(fleet);
    CHECK(fleet.controller->core().counters().clock_steps == 1);
    std::map<WallTime, int> times;
    for (const auto& window : fleet.judged) CHECK(++times[window.window_start] == 1);
  }
}

TEST_CASE("an incident outlives steps of the controller's clock, and ends once", "[sim][clock]") {
  for (const Duration ahead : {seconds{5}, seconds{47}, seconds{-47}, seconds{-3'600}}) {
    CAPTURE(format_duration(ahead));
    SimFleet fleet(6004, 8, 4, 4);
    fleet.run(minutes{2});
    fleet.fabric.fault = {"leaf1>spine2", 0.2};
    fleet.run(minutes{3});
    for (const Duration set : {ahead, Duration{}}) {
      fleet.controller_ahead = set;
      check_judging(fleet);
    }
    REQUIRE(fleet.alerts.size() >= 1);
    CHECK(fleet.alerts.front().event == "opened");
    for (const auto& alert : fleet.alerts) {
      CHECK(alert.incident == fleet.alerts.front().incident);
      CHECK(alert.event != "resolved");
    }
    fleet.fabric.fault.reset();
    fleet.run(until_resolved(ahead));
    CHECK(fleet.alerts.back().event == "resolved");
    CHECK(fleet.controller->core().incidents().counters().opened == 1);
    CHECK(fleet.controller->core().incidents().counters().reopened == 0);
  }
}

}  // namespace
}  // namespace faultline::sim
