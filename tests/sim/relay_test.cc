// A node whose way to the controller is cut: its results come by way of a peer.
#include <algorithm>

#include "controller/core/reachability.h"
#include "tests/sim/controller.h"
#include "tests/sim/fleet.h"
#include "tests/sim/probe.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint32_t kCutHost = 3;

struct CutFleet : SimFleet {
  explicit CutFleet(std::uint64_t seed) : SimFleet(seed, 8, 4, 4, {.labels = true}) {
    run(minutes{2} + std::chrono::milliseconds{uniform_below(rng, 10'000)});
    cut_uplink(kCutHost, Way::kController);
  }
  [[nodiscard]] SimProbe& cut() { return *probe_at(kCutHost); }
  [[nodiscard]] const core::Reachability* known() const {
    const auto& core = controller->core();
    return core.inquiries().of(core.fleet().find("h3")->record.id);
  }
  [[nodiscard]] const core::RelayCounters& relayed() const {
    return controller->core().relays().counters();
  }
  // Whoever is named as bringing its results; 0: nobody.
  [[nodiscard]] std::uint32_t relay() const {
    const auto* it = known();
    if (it == nullptr || it->by_way_of.empty()) return 0;
    return static_cast<std::uint32_t>(std::stoul(it->by_way_of.substr(1)));
  }
};

void check_all_arrived_once(SimFleet& fleet) {
  CHECK(fleet.acknowledged_but_lost().empty());
  CHECK(fleet.disk.written_twice == 0);
  CHECK(fleet.batches_waiting() <= fleet.probes.size());
  CHECK(fleet.disk.batches.size() + fleet.batches_waiting() >= fleet.batches_made());
}

TEST_CASE("the windows of a node that is cut off keep arriving by way of a peer, each once",
          "[sim][relay]") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    CutFleet fleet(seed);
    fleet.run(minutes{10});
    CHECK(fleet.alerts.empty());
    CHECK(fleet.cut().waiting() <= 2);
    CHECK(fleet.cut().core().detour().is_open());
    CHECK(fleet.cut().core().detour().counters().opened == 1);
    CHECK(fleet.relayed().batches >= 50);
    CHECK(fleet.relayed().refused == 0);
    check_all_arrived_once(fleet);
    REQUIRE(fleet.known() != nullptr);
    CHECK(fleet.known()->condition == core::Condition::kControllerWay);
    CHECK(fleet.relay() != 0);
    CHECK(sentence(*fleet.known()).ends_with("; it reports by way of " + fleet.known()->by_way_of));
    // The newest judgement is of its windows, too.
    CHECK(fleet.controller->core().solution()->verdict.enough_data);

    fleet.mend_uplink(kCutHost);
    fleet.run(minutes{2});
    const auto relayed = fleet.relayed().batches;
    fleet.run(minutes{2});
    CHECK_FALSE(fleet.cut().core().detour().is_open());
    CHECK(fleet.relayed().batches == relayed);
    CHECK(fleet.known() == nullptr);
    CHECK(fleet.alerts.empty());
    check_all_arrived_once(fleet);
  }
}

TEST_CASE("a relay that dies is left for another, and nothing is lost", "[sim][relay]") {
  CutFleet fleet(4);
  fleet.run(minutes{3});
  const auto first = fleet.relay();
  REQUIRE(first != 0);
  fleet.stop_probe(first - 1);
  fleet.run(minutes{3});
  CHECK(fleet.relay() != 0);
  CHECK(fleet.relay() != first);
  CHECK(fleet.cut().core().detour().counters().broken >= 1);
  CHECK(fleet.cut().waiting() <= 2);
  fleet.start_probe(first - 1);
  fleet.mend_uplink(kCutHost);
  fleet.run(minutes{3});
  check_all_arrived_once(fleet);
}

TEST_CASE("a fault is named by the windows of a node that is cut off as well", "[sim][relay]") {
  CutFleet fleet(5);
  fleet.run(minutes{2});
  fleet.fabric.fault = {"leaf3>spine2", 0.2};  // h3 and h7 are leaf3's
  fleet.run(minutes{3});
  REQUIRE(fleet.alerts.size() == 1);
  CHECK(fleet.alerts.front().component == "leaf3>spine2");
}

TEST_CASE("while the controller is down, peers are asked for a way seldom, and in vain",
          "[sim][relay]") {
  SimFleet fleet(6, 8, 4, 4, {.labels = true});
  fleet.run(minutes{2});
  fleet.crash_controller();
  fleet.run(minutes{10});
  for (const auto& probe : fleet.probes) {
    const auto& detour = probe->core().detour().counters();
    CHECK(detour.asked > 0);
    CHECK(detour.asked <= 10 * probe_core::kAsksPerRound);
    CHECK(detour.asked - detour.refused <= 1);  // the last may be on its way
    CHECK(detour.opened == 0);
    CHECK(probe->core().relay().counters().ready == 0);
  }
  fleet.start_controller();
  fleet.run(minutes{3});
  CHECK(fleet.alerts.empty());
  CHECK(fleet.controller->core().relays().counters() == core::RelayCounters{});
  check_all_arrived_once(fleet);
}

TEST_CASE("a controller that starts anew while a node is cut off goes on with its results",
          "[sim][relay]") {
  CutFleet fleet(7);
  fleet.run(minutes{3});
  REQUIRE(fleet.relay() != 0);
  fleet.crash_controller();
  fleet.run(seconds{40});
  fleet.start_controller();
  fleet.run(minutes{4});
  CHECK(fleet.relayed().batches > 0);
  CHECK(fleet.cut().waiting() <= 2);
  check_all_arrived_once(fleet);
}

}  // namespace
}  // namespace faultline::sim
