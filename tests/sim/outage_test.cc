// A long outage of the controller: what comes after it does not wait for what came before.
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

constexpr std::uint32_t kHosts = 8;
constexpr Duration kOutageWindow = seconds{10};

// Windows from `next` on: whether every node's report was durable when the grace for it was over.
struct NewWindows {
  void look(const SimFleet& fleet) {
    const auto grace = fleet.controller->core().windows().judged_within();
    for (; next + kOutageWindow + grace <= fleet.clock.wall(); next += kOutageWindow) {
      const auto reported = std::ranges::count_if(fleet.disk.batches, [&](const auto& stored) {
        return stored.second.window_start == next;
      });
      ++judged;
      if (reported < kHosts) ++incomplete;
    }
  }
  WallTime next{};
  int judged = 0;
  int incomplete = 0;
};

// Those judged from `next` on without everybody's report.
auto judged_in_part(const SimFleet& fleet, WallTime next) {
  return std::ranges::count_if(fleet.judged, [&](const JudgedWindow& judged) {
    return judged.window_start >= next && judged.nodes_reported < kHosts;
  });
}

bool all_are_welcomed(const SimFleet& fleet) {
  return std::ranges::all_of(fleet.probes,
                             [](const auto& probe) { return probe->core().welcomed(); });
}

TEST_CASE("after most of an hour without a controller new windows are there when they are judged",
          "[sim]") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    SimFleet fleet(seed, kHosts, 4, 4);
    fleet.run(minutes{2});
    fleet.crash_controller();
    fleet.run(minutes{50});
    const auto spooled = fleet.batches_waiting();
    REQUIRE(spooled >= kHosts * 290);
    // The backlog takes half a minute to write, and a window up to eight: two full appends.
    fleet.batch_takes = milliseconds{15};
    fleet.start_controller();
    while (!all_are_welcomed(fleet)) fleet.run(milliseconds{100});
    const auto begin = window_start(fleet.clock.wall(), kOutageWindow);
    NewWindows windows{.next = begin};
    auto waiting = fleet.batches_waiting();
    while (waiting > kHosts) {
      for (Duration passed{}; passed < kOutageWindow; passed += seconds{1}) {
        fleet.run(seconds{1});
        windows.look(fleet);
      }
      REQUIRE(fleet.batches_waiting() < waiting);
      waiting = fleet.batches_waiting();
    }
    CHECK(windows.judged >= 2);
    CHECK(windows.incomplete == 0);
    CHECK(judged_in_part(fleet, begin) == 0);
    fleet.batch_takes = {};
    fleet.run(minutes{1});
    CHECK(fleet.alerts.empty());
    CHECK(fleet.acknowledged_but_lost().empty());
    CHECK(fleet.disk.written_twice == 0);
    CHECK(fleet.batches_waiting() <= kHosts);
    CHECK(fleet.disk.batches.size() + fleet.batches_waiting() == fleet.batches_made());
  }
}

}  // namespace
}  // namespace faultline::sim
