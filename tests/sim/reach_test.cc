// A probe that was killed, a host that is down and an uplink that is cut, told apart by asking
// others.
#include <algorithm>

#include "controller/core/reachability.h"
#include "tests/sim/controller.h"
#include "tests/sim/fleet.h"
#include "tests/sim/probe.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using core::Condition;
using std::chrono::minutes;
using std::chrono::seconds;

// "opened probe:h3 warning", in the order in which they were told.
std::vector<std::string> told(const SimFleet& fleet) {
  std::vector<std::string> lines;
  for (const auto& alert : fleet.alerts) {
    UNSCOPED_INFO(alert.summary);
    lines.push_back(alert.event + " " + alert.component + " " + alert.severity);
  }
  return lines;
}
using Lines = std::vector<std::string>;

const core::Reachability& known_of(const SimFleet& fleet, std::string_view name) {
  const auto& core = fleet.controller->core();
  const auto* known = core.inquiries().of(core.fleet().find(name)->record.id);
  REQUIRE(known != nullptr);
  return *known;
}

struct Fleet8 : SimFleet {
  explicit Fleet8(std::uint64_t seed) : SimFleet(seed, 8, 4, 4, {.labels = true}) {
    run(minutes{2} + std::chrono::milliseconds{uniform_below(rng, 10'000)});
  }
};

// What is dead at a host: it, its cable, or either direction of that.
bool is_at_host3(const std::string& component) {
  return component == "h3" || component.find("h3") != std::string::npos;
}

TEST_CASE("a killed probe on a healthy host is a warning about the probe, and no link is accused",
          "[sim][reach]") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    Fleet8 fleet(seed);
    fleet.kill_probe(2);
    const auto killed = fleet.clock.instant();
    fleet.run(minutes{5});
    CHECK(told(fleet) == Lines{"opened probe:h3 warning"});
    REQUIRE_FALSE(fleet.alerts.empty());
    CHECK(fleet.alerts.front().at - killed <= seconds{50});
    CHECK(known_of(fleet, "h3").condition == Condition::kProbeDown);
    CHECK(known_of(fleet, "h3").witnesses.size() == core::kAskedMax);
    fleet.start_probe(2);
    fleet.run(minutes{2});
    CHECK(told(fleet) == Lines{"opened probe:h3 warning", "resolved probe:h3 warning"});
    CHECK(fleet.controller->core().inquiries().counts().empty());
  }
}

TEST_CASE("a host that is down, or cut off, is paged as before", "[sim][reach]") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (const bool is_off : {true, false}) {
      CAPTURE(seed, is_off);
      Fleet8 fleet(seed);
      if (is_off) {
        fleet.switch_off(3);
      } else {
        fleet.cut_uplink(3, SimFleet::Way::kAll);
      }
      const auto began = fleet.clock.instant();
      fleet.run(minutes{2});
      CAPTURE(told(fleet));
      REQUIRE(fleet.alerts.size() == 1);
      const auto& page = fleet.alerts.front();
      CHECK(page.severity == "critical");
      CHECK(is_at_host3(page.component));
      CHECK(page.at - began <= seconds{50});
      CHECK(page.summary.starts_with("h3: down or cut off: nothing of it answers any of the 4"));
      CHECK(known_of(fleet, "h3").condition == Condition::kNodeDown);
      if (is_off) {
        fleet.switch_on(3);
      } else {
        fleet.mend_uplink(3);
      }
      fleet.run(minutes{3});
      CHECK(fleet.alerts.size() == 2);
      CHECK(fleet.alerts.back().event == "resolved");
    }
  }
}

TEST_CASE("a node that is heard while nothing measured reaches it has lost its uplink",
          "[sim][reach]") {
  Fleet8 fleet(1);
  fleet.cut_uplink(3, SimFleet::Way::kMeasured);
  fleet.run(minutes{2});
  CAPTURE(told(fleet));
  REQUIRE(fleet.alerts.size() == 1);
  CHECK(fleet.alerts.front().severity == "critical");
  CHECK(is_at_host3(fleet.alerts.front().component));
  CHECK(known_of(fleet, "h3").condition == Condition::kUplink);
}

TEST_CASE("a node that others measure and the controller does not hear is no fault of the network",
          "[sim][reach]") {
  Fleet8 fleet(1);
  fleet.cut_uplink(3, SimFleet::Way::kController);
  fleet.run(minutes{2});
  CHECK(told(fleet) == Lines{});
  CHECK(known_of(fleet, "h3").condition == Condition::kControllerWay);
}

TEST_CASE("a host that goes down after its probe was killed is paged all the same",
          "[sim][reach]") {
  Fleet8 fleet(2);
  fleet.kill_probe(2);
  fleet.run(minutes{3});
  CHECK(told(fleet) == Lines{"opened probe:h3 warning"});
  fleet.switch_off(3);
  const auto began = fleet.clock.instant();
  fleet.run(minutes{2});
  CAPTURE(told(fleet));
  REQUIRE(fleet.alerts.size() == 2);
  CHECK(fleet.alerts.back().severity == "critical");
  CHECK(is_at_host3(fleet.alerts.back().component));
  CHECK(fleet.alerts.back().at - began <= seconds{90});
  fleet.switch_on(3);
  fleet.run(minutes{3});
  CHECK(fleet.alerts.size() == 4);  // both are resolved, none is opened
}

TEST_CASE("a probe that is down outlives the controller: nothing is told twice, and no link",
          "[sim][reach]") {
  for (const auto away : {seconds{2}, seconds{40}}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      CAPTURE(seed, away / seconds{1});
      Fleet8 fleet(seed);
      fleet.kill_probe(2);
      fleet.run(minutes{2});
      fleet.crash_controller();
      fleet.run(away);
      fleet.start_controller();
      fleet.run(minutes{4});
      CHECK(told(fleet) == Lines{"opened probe:h3 warning"});
      CHECK(known_of(fleet, "h3").condition == Condition::kProbeDown);
      fleet.start_probe(2);
      fleet.run(minutes{2});
      CHECK(told(fleet) == Lines{"opened probe:h3 warning", "resolved probe:h3 warning"});
    }
  }
}

TEST_CASE(
    "all probes behind one leaf are killed: the leaf is not accused, and they are one finding",
    "[sim][reach]") {
  Fleet8 fleet(3);  // h3 and h7 are leaf3's
  fleet.kill_probe(2);
  fleet.run(seconds{3});
  fleet.kill_probe(6);
  fleet.run(minutes{5});
  CHECK(told(fleet) == Lines{"opened probe:h3 warning"});
  CHECK(fleet.alerts.front().summary.starts_with("the probes of h"));
  const auto down =
      fleet.controller->core().inquiries().probes_down(fleet.controller->core().fleet());
  REQUIRE(down.size() == 1);
  CHECK(down.front().nodes == std::vector<std::string>{"h3", "h7"});
}

TEST_CASE("a fault elsewhere is named while a probe is down", "[sim][reach]") {
  Fleet8 fleet(4);
  fleet.kill_probe(2);
  fleet.run(minutes{2});
  fleet.fabric.fault = {"leaf2>spine3", 0.05};
  fleet.run(minutes{3});
  CHECK(told(fleet) == Lines{"opened probe:h3 warning", "opened leaf2>spine3 error"});
}

TEST_CASE("what is asked is bounded, whoever is in question", "[sim][reach]") {
  SimFleet fleet(5, 24, 4, 4, {.labels = true});
  fleet.run(minutes{2});
  CHECK(fleet.tests_ordered == 0);
  for (std::size_t probe = 0; probe < 12; ++probe) fleet.kill_probe(probe);
  for (int minute = 0; minute < 5; ++minute) {
    const auto before = fleet.tests_ordered;
    fleet.run(minutes{1});
    CHECK(fleet.tests_ordered - before <= 2 * core::kInquiryOrdersPerMinuteMax);
  }
  CHECK(fleet.tests_ordered <= 6 * core::kInquiryOrdersPerMinuteMax);
  for (std::uint32_t host = 1; host <= 12; ++host) {
    CHECK(known_of(fleet, "h" + std::to_string(host)).condition == Condition::kProbeDown);
  }
}

}  // namespace
}  // namespace faultline::sim
