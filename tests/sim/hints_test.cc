// Traces at once when loss begins: what a fleet knows of a path that changed, and when.
#include <algorithm>
#include <set>

#include "tests/sim/controller.h"
#include "tests/sim/fleet.h"
#include "tests/sim/probe.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// Nodes with a flow that lost, and those that knew such a flow's new way within three seconds.
struct Knowledge {
  std::set<NodeId> losing;
  std::set<NodeId> knowing;
  std::uint64_t visits = 0;
};

std::uint32_t host_of(const SimFleet& fleet, NodeId node) {
  for (std::uint32_t host = 1; host <= fleet.probes.size(); ++host) {
    if (fleet.probes[host - 1]->disk().membership->node == node) return host;
  }
  FAIL("no such node");
  return 0;
}

// Every leaf sends its flows other ways, and one of these is dead.
Knowledge change_paths(std::uint64_t seed, bool hints) {
  SimFleet fleet(seed, 12, 4, 4, {.traces_per_second = 2, .hints = hints});
  fleet.run(minutes{3});
  const auto visits = [&] {
    std::uint64_t sum = 0;
    for (const auto& probe : fleet.probes) sum += probe->core().tracer().counters().visits;
    return sum;
  };
  Knowledge knowledge{.losing = {}, .knowing = {}, .visits = visits()};
  for (std::uint32_t leaf = 0; leaf < 4; ++leaf) fleet.fabric.rehash(leaf, 77 + leaf);
  fleet.fabric.fault = {"spine3>leaf2", 1};
  const auto since = fleet.clock.wall();
  fleet.run(minutes{1});  // windows close, reports come
  knowledge.visits = visits() - knowledge.visits;
  Rng rng(1);
  for (const auto& [reporter, path] : fleet.disk.paths) {
    if (path.direction != Direction::kForward || path.traced_at < since) continue;
    const auto from = host_of(fleet, reporter);
    const auto to = host_of(fleet, path.target);
    const bool loses =
        fleet.fabric.lost(from, to, path.source_port, Direction::kForward, {.packets = 1}, rng) > 0;
    if (!loses) continue;
    knowledge.losing.insert(reporter);
    if (path.traced_at - since > seconds{3}) continue;
    CHECK(path.hops == fleet.fabric.hops(from, to, path.source_port, Direction::kForward));
    knowledge.knowing.insert(reporter);
  }
  return knowledge;
}

TEST_CASE("within three seconds of its first lost packet a node knows the new way of a flow",
          "[sim]") {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    CAPTURE(seed);
    const auto hinted = change_paths(seed, true);
    CHECK(hinted.losing.size() >= 9);  // all that are of other leaves
    CHECK(hinted.knowing == hinted.losing);
    const auto unhinted = change_paths(seed, false);
    CHECK(unhinted.losing == hinted.losing);
    CHECK(unhinted.knowing.size() < unhinted.losing.size());
    // And no router sees more of them than it did.
    CHECK(hinted.visits <= unhinted.visits + 2 * 12);
  }
}

}  // namespace
}  // namespace faultline::sim
