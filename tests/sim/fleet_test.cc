#include "tests/sim/fleet.h"

#include <algorithm>

#include "tests/sim/controller.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

std::vector<SentAlert> alerts_of(const SimFleet& fleet, std::string_view event) {
  std::vector<SentAlert> found;
  std::ranges::copy_if(fleet.alerts, std::back_inserter(found),
                       [&](const SentAlert& alert) { return alert.event == event; });
  return found;
}

void check_nothing_lost_or_doubled(const SimFleet& fleet) {
  CHECK(fleet.acknowledged_but_lost().empty());
  CHECK(fleet.disk.written_twice == 0);
}

TEST_CASE("a fleet joins, gets its plan, and a healthy network stays silent", "[sim]") {
  SimFleet fleet(1, 8, 4, 4);
  fleet.run(minutes{3});
  CHECK(fleet.every_plan_is_current());
  CHECK(fleet.batches_made() > 8 * 12);
  CHECK(fleet.alerts.empty());
  check_nothing_lost_or_doubled(fleet);
}

TEST_CASE("one lossy link is one incident: opened with its name, resolved when healed", "[sim]") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    SimFleet fleet(seed, 8, 4, 4);
    fleet.run(minutes{2});
    fleet.fabric.fault = {"leaf2>spine3", 0.03};
    fleet.run(minutes{2});
    fleet.fabric.fault.reset();
    fleet.run(minutes{2});
    for (const auto& alert : fleet.alerts) UNSCOPED_INFO(alert.event << " " << alert.component);
    const auto opened = alerts_of(fleet, "opened");
    REQUIRE(opened.size() == 1);
    CHECK(opened.front().component == "leaf2>spine3");
    const auto resolved = alerts_of(fleet, "resolved");
    REQUIRE(resolved.size() == 1);
    CHECK(resolved.front().incident == opened.front().incident);
    check_nothing_lost_or_doubled(fleet);
  }
}

TEST_CASE("an incident says what changed at its onset, the route before anything else", "[sim]") {
  SimFleet fleet(5001, 8, 4, 4);
  fleet.run(minutes{5});
  fleet.stop_probe(5);  // h6, which is of another leaf
  fleet.run(seconds{20});
  fleet.start_probe(5);
  fleet.run(minutes{3});       // long before the onset: no business of the incident
  fleet.fabric.rehash(1, 77);  // leaf2 sends its flows other ways, one of which is bad
  fleet.fabric.fault = {"leaf2>spine3", 0.03};
  fleet.run(minutes{2});
  const auto opened = alerts_of(fleet, "opened");
  REQUIRE(opened.size() == 1);
  const auto* incident = fleet.controller->core().incidents().find(opened.front().incident);
  REQUIRE(incident != nullptr);
  REQUIRE(!incident->changes.empty());
  for (const auto& change : incident->changes) {
    CAPTURE(change.subject, change.before, change.after);
    CHECK(change.kind == "path");
    CHECK(change.time >= incident->since - minutes{1});
  }
  const auto& first = incident->changes.front();
  CHECK(first.before.starts_with("leaf2 > spine"));
  CHECK(first.after.starts_with("leaf2 > spine"));
  CHECK((first.before + first.after).find("spine3") != std::string::npos);
  // All of it is on record, the restart too.
  const auto all = fleet.controller->core().what_changed().history()->since(WallTime::min(), 1000);
  CHECK(std::ranges::any_of(all, [](const changes::Change& change) {
    return change.kind == changes::Kind::kMembership && change.after == "restarted";
  }));
}

TEST_CASE("a link that swallows large packets only is named, as that", "[sim]") {
  SimFleet fleet(1, 8, 4, 4);
  fleet.run(minutes{2});
  fleet.fabric.fault = {"leaf2>spine3", 1, 1400};
  fleet.run(minutes{2});
  const auto opened = alerts_of(fleet, "opened");
  REQUIRE(opened.size() == 1);
  CHECK(opened.front().component == "leaf2>spine3");
  const auto& solution = fleet.controller->core().solution();
  REQUIRE(solution);
  REQUIRE(solution->verdict.suspects.size() == 1);
  const auto& suspect = solution->verdict.suspects.front();
  CHECK(suspect.fault_class == localize::FaultClass::kMtu);
  CHECK(suspect.size_lost == 1500);
}

TEST_CASE("a link that loses packets of one class only is named, with the class", "[sim]") {
  for (const double loss : {0.1, 0.3, 1.0}) {
    CAPTURE(loss);
    SimFleet fleet(1, 16, 4, 4, {.dscp_classes = {46, 10}});
    fleet.run(minutes{2});
    fleet.fabric.fault = {"leaf2>spine3", loss, 0, 46};
    fleet.run(minutes{2});
    const auto opened = alerts_of(fleet, "opened");
    REQUIRE(opened.size() == 1);
    CHECK(opened.front().component == "leaf2>spine3");
    const auto& solution = fleet.controller->core().solution();
    REQUIRE(solution);
    REQUIRE(solution->verdict.suspects.size() == 1);
    const auto& suspect = solution->verdict.suspects.front();
    CAPTURE(suspect.loss, to_string(suspect.fault_class));
    CHECK(suspect.slice.value_or("no slice").find("dscp 46") != std::string::npos);
  }
}

TEST_CASE("crashes and cut connections lose no acknowledged batch and double none", "[sim]") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    SimFleet fleet(seed, 6, 2, 2);
    fleet.run(minutes{1});
    for (int round = 0; round < 6; ++round) {
      fleet.run(std::chrono::milliseconds{uniform_below(fleet.rng, 20'000)});
      fleet.cut_connection(uniform_below(fleet.rng, fleet.probes.size()));
      fleet.run(std::chrono::milliseconds{uniform_below(fleet.rng, 20'000)});
      fleet.crash_controller();
      fleet.run(std::chrono::milliseconds{uniform_below(fleet.rng, 40'000)});
      fleet.start_controller();
      check_nothing_lost_or_doubled(fleet);
    }
    fleet.run(minutes{2});
    CHECK(fleet.every_plan_is_current());
    // At most the window that closes just now is under way.
    CHECK(fleet.batches_waiting() <= fleet.probes.size());
    CHECK(fleet.disk.batches.size() + fleet.batches_waiting() >= fleet.batches_made());
    check_nothing_lost_or_doubled(fleet);
  }
}

TEST_CASE("an incident survives a crash of the controller and is not paged twice", "[sim]") {
  SimFleet fleet(11, 8, 4, 4);
  fleet.run(minutes{2});
  fleet.fabric.fault = {"spine1>leaf3", 0.05};
  fleet.run(minutes{1});
  REQUIRE(alerts_of(fleet, "opened").size() == 1);
  fleet.crash_controller();
  fleet.run(seconds{25});
  fleet.start_controller();
  fleet.run(minutes{1});
  CHECK(alerts_of(fleet, "opened").size() == 1);
  fleet.fabric.fault.reset();
  fleet.run(minutes{2});
  CHECK(alerts_of(fleet, "resolved").size() == 1);
}

}  // namespace
}  // namespace faultline::sim
