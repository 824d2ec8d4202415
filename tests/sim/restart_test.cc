// Restarts that are no fault, and faults that a restart does not hide.
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

std::vector<SentAlert> alerts_of(const SimFleet& fleet, std::string_view event) {
  std::vector<SentAlert> found;
  std::ranges::copy_if(fleet.alerts, std::back_inserter(found),
                       [&](const SentAlert& alert) { return alert.event == event; });
  return found;
}

void show_alerts(const SimFleet& fleet) {
  for (const auto& alert : fleet.alerts) UNSCOPED_INFO(alert.event << " " << alert.component);
}

enum class How { kAsked, kKilled };

Duration random_duration(SimFleet& fleet, Duration low, Duration high) {
  return low + milliseconds{uniform_below(
                   fleet.rng, static_cast<std::uint64_t>((high - low) / milliseconds{1}))};
}

void restart(SimFleet& fleet, std::size_t probe, How how) {
  if (how == How::kAsked) {
    fleet.stop_probe(probe);
    fleet.run(seconds{3});
    REQUIRE_FALSE(fleet.probes[probe]->is_running());
  } else {
    fleet.kill_probe(probe);
  }
  fleet.run(random_duration(fleet, milliseconds{200}, seconds{6}));
  fleet.start_probe(probe);
}

// Every probe once, one after the other, some seconds apart.
void roll(SimFleet& fleet, How how) {
  for (std::size_t probe = 0; probe < fleet.probes.size(); ++probe) {
    restart(fleet, probe, how);
    fleet.run(random_duration(fleet, seconds{1}, seconds{15}));
  }
}

void check_every_result_arrived(SimFleet& fleet) {
  CHECK(fleet.acknowledged_but_lost().empty());
  CHECK(fleet.disk.written_twice == 0);
  CHECK(fleet.batches_waiting() <= fleet.probes.size());
  CHECK(fleet.disk.batches.size() + fleet.batches_waiting() >= fleet.batches_made());
}

TEST_CASE("a rolling restart of a healthy fleet is silent, and no result is lost", "[sim]") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (const auto how : {How::kAsked, How::kKilled}) {
      CAPTURE(seed, how == How::kKilled);
      SimFleet fleet(seed, 8, 4, 4);
      fleet.run(minutes{2});
      roll(fleet, how);
      fleet.run(minutes{1});
      show_alerts(fleet);
      CHECK(fleet.alerts.empty());
      CHECK(fleet.controller->core().fleet().counters().absences == 8);
      CHECK(fleet.controller->core().counters().observations_excused > 0);
      CHECK(fleet.every_plan_is_current());
      check_every_result_arrived(fleet);
    }
  }
}

TEST_CASE("a slow restart is no fault, though without absences it would be taken for one",
          "[sim]") {
  for (const auto excused_max : {fleet::kExcusedMaxDefault, Duration{1}}) {
    SimFleet fleet(1, 8, 4, 4);
    fleet.crash_controller();
    fleet.restart_excused_max = excused_max;
    fleet.start_controller();
    fleet.run(minutes{2});
    fleet.stop_probe(2);
    fleet.run(seconds{45});
    fleet.start_probe(2);
    fleet.run(minutes{1});
    show_alerts(fleet);
    CHECK(fleet.alerts.empty() == (excused_max == fleet::kExcusedMaxDefault));
  }
}

TEST_CASE("a real fault during a rolling restart is named, alone, and resolved when healed",
          "[sim]") {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    for (const auto how : {How::kAsked, How::kKilled}) {
      CAPTURE(seed, how == How::kKilled);
      SimFleet fleet(seed, 12, 4, 4);
      fleet.run(minutes{2});
      restart(fleet, 0, how);
      fleet.fabric.fault = {"leaf2>spine3", 0.05};
      roll(fleet, how);
      show_alerts(fleet);
      const auto opened = alerts_of(fleet, "opened");
      REQUIRE(opened.size() == 1);
      CHECK(opened.front().component == "leaf2>spine3");
      CHECK(alerts_of(fleet, "resolved").empty());
      fleet.fabric.fault.reset();
      fleet.run(minutes{2});
      CHECK(alerts_of(fleet, "opened").size() == 1);
      CHECK(alerts_of(fleet, "resolved").size() == 1);
      check_every_result_arrived(fleet);
    }
  }
}

TEST_CASE("a rolling upgrade restarts the controller too, while probes are away", "[sim]") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (const auto how : {How::kAsked, How::kKilled}) {
      CAPTURE(seed, how == How::kKilled);
      SimFleet fleet(seed, 8, 4, 4);
      fleet.run(minutes{2});
      for (std::size_t probe = 0; probe < fleet.probes.size(); ++probe) {
        if (probe % 3 == 1) {
          how == How::kAsked ? fleet.stop_probe(probe) : fleet.kill_probe(probe);
          fleet.run(random_duration(fleet, seconds{3}, seconds{5}));
          fleet.crash_controller();
          fleet.run(random_duration(fleet, milliseconds{100}, seconds{6}));
          if (seed % 2 == 0) fleet.start_probe(probe);  // while the controller is down
          fleet.run(random_duration(fleet, milliseconds{100}, seconds{6}));
          fleet.start_controller();
          fleet.run(random_duration(fleet, milliseconds{100}, seconds{2}));
          if (seed % 2 == 1) fleet.start_probe(probe);
        } else {
          restart(fleet, probe, how);
        }
        fleet.run(random_duration(fleet, seconds{5}, seconds{20}));
      }
      fleet.run(minutes{2});
      show_alerts(fleet);
      CHECK(fleet.alerts.empty());
      CHECK(fleet.every_plan_is_current());
      check_every_result_arrived(fleet);
    }
  }
}

TEST_CASE(
    "a restart of the controller that no probe notices is made up for with the next heartbeats",
    "[sim]") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    SimFleet fleet(seed, 8, 4, 4);
    fleet.run(minutes{1} + milliseconds{uniform_below(fleet.rng, 5000)});
    fleet.crash_controller();
    fleet.run(milliseconds{200});
    fleet.start_controller();
    fleet.run(seconds{15});  // a heartbeat, the wait after it, a greeting
    for (const auto& [id, node] : fleet.controller->core().fleet().nodes()) {
      CAPTURE(node.record.name);
      CHECK(node.software == "sim");
      CHECK(node.state == fleet::NodeState::kLive);
    }
    CHECK(fleet.controller->core().counters().hellos_asked > 0);
    fleet.run(minutes{1});
    show_alerts(fleet);
    CHECK(fleet.alerts.empty());
    CHECK(fleet.every_plan_is_current());
    check_every_result_arrived(fleet);
  }
}

TEST_CASE("a probe that says goodbye and stays away is excused for five minutes, no longer",
          "[sim]") {
  SimFleet fleet(5, 8, 4, 4);
  fleet.run(minutes{2});
  fleet.stop_probe(4);
  fleet.run(minutes{4});
  const auto state = [&] { return fleet.controller->core().fleet().find("h5")->state; };
  CHECK(state() == fleet::NodeState::kRestarting);
  CHECK(fleet.alerts.empty());
  fleet.run(minutes{2});
  CHECK(state() == fleet::NodeState::kSilent);
  show_alerts(fleet);
  const auto opened = alerts_of(fleet, "opened");
  REQUIRE(opened.size() == 1);
  CHECK(opened.front().component.find("h5") != std::string::npos);
  fleet.start_probe(4);
  fleet.run(minutes{2});
  CHECK(state() == fleet::NodeState::kLive);
  CHECK(alerts_of(fleet, "resolved").size() == 1);
  CHECK(alerts_of(fleet, "opened").size() == 1);
}

TEST_CASE("a probe that restarts all the time is not excused for ever", "[sim]") {
  SimFleet fleet(6, 8, 4, 4);
  fleet.run(minutes{2});
  for (std::size_t round = 0; round < fleet::kAbsencesPerHourMax; ++round) {
    restart(fleet, 4, How::kAsked);
    fleet.run(seconds{15});
  }
  CHECK(fleet.alerts.empty());
  for (int round = 0; round < 4; ++round) {
    restart(fleet, 4, How::kAsked);
    fleet.run(seconds{8});
  }
  CHECK(fleet.controller->core().fleet().counters().absences_refused > 0);
  show_alerts(fleet);
  const auto opened = alerts_of(fleet, "opened");
  REQUIRE_FALSE(opened.empty());
  CHECK(opened.front().component.find("h5") != std::string::npos);
}

TEST_CASE("the fault of a node's own link is not resolved by restarting the node", "[sim]") {
  SimFleet fleet(7, 8, 4, 4);
  fleet.run(minutes{2});
  fleet.fabric.fault = {"leaf1>h5", 0.2};
  fleet.run(minutes{2});
  REQUIRE(alerts_of(fleet, "opened").size() == 1);
  CHECK(alerts_of(fleet, "opened").front().component.find("h5") != std::string::npos);
  fleet.stop_probe(4);
  fleet.run(minutes{2});  // more windows than it takes to resolve
  fleet.start_probe(4);
  fleet.run(minutes{2});
  show_alerts(fleet);
  CHECK(alerts_of(fleet, "resolved").empty());
  CHECK(alerts_of(fleet, "opened").size() == 1);
  fleet.fabric.fault.reset();
  fleet.run(minutes{2});
  CHECK(alerts_of(fleet, "resolved").size() == 1);
}

}  // namespace
}  // namespace faultline::sim
