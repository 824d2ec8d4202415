// Adaptive probing in a whole fleet: what it finds, what it costs, and that it ends.
#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include "common/base/time.h"
#include "tests/sim/controller.h"
#include "tests/sim/probe.h"
#include "tests/support/catch.h"

namespace faultline::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint32_t kWatched = 16;
constexpr const char* kWeakLink = "leaf2>spine3";
// What chance makes once in a month of a fleet is not paged, which takes its time.
constexpr Duration kLooked = minutes{12};

// A fleet whose every way loses a little and one link a little more.
std::unique_ptr<SimFleet> weak_fault(std::uint64_t seed, bool adaptive) {
  auto fleet = std::make_unique<SimFleet>(seed, kWatched, 8, 8);
  fleet->adaptive.enabled = adaptive;
  fleet->crash_controller();
  fleet->start_controller();
  fleet->fabric.background = 1e-4;
  fleet->fabric.fault = {kWeakLink, 0.001};
  return fleet;
}

bool is_found(const SimFleet& fleet) {
  return std::ranges::any_of(fleet.alerts, [](const SentAlert& alert) {
    return alert.event == "opened" && alert.component == kWeakLink;
  });
}

// What extra packets brought for the weak link, as its incident tells.
std::optional<incident::Confirmation> confirmation(const SimFleet& fleet) {
  for (const auto& incident : fleet.controller->core().incidents().incidents()) {
    if (incident.suspect.id == kWeakLink) return incident.confirmation;
  }
  return std::nullopt;
}

std::uint64_t extra_packets(const SimFleet& fleet) {
  std::uint64_t packets = 0;
  for (const auto& probe : fleet.probes) packets += probe->extra_packets();
  return packets;
}

// What the boosts of one round let links and nodes carry more, in packets per second.
struct Load {
  std::map<std::string, double> by_link;
  std::map<std::uint32_t, double> by_host;

  void add(const SimFleet& fleet, const SentBoost& sent) {
    const auto& core = fleet.controller->core();
    const auto& plans = core.plans().plans;
    const auto plan = std::ranges::find(plans, sent.node, &Plan::node);
    REQUIRE(plan != plans.end());
    if (plan->revision != sent.boost.plan) return;  // of an earlier plan: its flows are not known
    const auto from = SimFabric::host_at(core.fleet().find(sent.node)->record.profile.address);
    for (const auto& [index, times] : sent.boost.flows) {
      const auto& flow = plan->flows.at(index);
      const auto to = SimFabric::host_at(plan->peers[flow.peer].address);
      const double load = (times - 1) / std::chrono::duration<double>(plan->flow_interval).count();
      by_host[from] += load;
      by_host[to] += load;
      for (const auto direction : {Direction::kForward, Direction::kReturn}) {
        // A hop's address is where the packet came in: the link before it.
        for (const auto& hop : fleet.fabric.hops(from, to, flow.source_port, direction)) {
          if (hop.address) by_link[hop.address->to_string()] += load;
        }
      }
    }
  }
};

void check_bounds(const SimFleet& fleet) {
  std::map<Instant, Load> rounds;
  for (const auto& sent : fleet.boosts) {
    CHECK(sent.boost.life < seconds{10});
    rounds[sent.at].add(fleet, sent);
  }
  for (const auto& [at, load] : rounds) {
    for (const auto& [link, more] : load.by_link) {
      CHECK(more <= fleet.adaptive.link_packets_per_second_max);
    }
    for (const auto& [host, more] : load.by_host) {
      CHECK(more <= fleet.adaptive.node_packets_per_second_max);
    }
  }
  const double planned = kWatched * (kWatched - 1) * 8 *
                         std::chrono::duration<double>(fleet.clock.instant() - Instant{}).count();
  CHECK(static_cast<double>(extra_packets(fleet)) <= fleet.adaptive.extra_share * planned);
}

// How long until the weak link is paged; at most `most`.
Duration time_to_find(SimFleet& fleet, Duration most) {
  const Instant began = fleet.clock.instant();
  while (!is_found(fleet) && fleet.clock.instant() - began < most) fleet.run(seconds{5});
  return fleet.clock.instant() - began;
}

TEST_CASE("a weak fault is found sooner with extra packets, within every bound",
          "[sim][adaptive]") {
  Duration with_extra{};
  Duration without_extra{};
  int confirmed = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    const auto without = weak_fault(seed, false);
    without_extra += time_to_find(*without, kLooked);
    CHECK(without->boosts.empty());
    CHECK(extra_packets(*without) == 0);
    const auto with = weak_fault(seed, true);
    with_extra += time_to_find(*with, kLooked);
    CHECK_FALSE(with->boosts.empty());
    CHECK(extra_packets(*with) > 0);
    CHECK(is_found(*with));
    check_bounds(*with);
    CHECK_FALSE(confirmation(*without).has_value());
    const auto told = confirmation(*with);
    if (!told || told->outcome != "confirmed") continue;
    ++confirmed;
    CAPTURE(told->before, told->after, told->packets);
    CHECK(told->component == kWeakLink);
    CHECK(told->before < told->after);
    CHECK(told->after >= 0.9);
    CHECK(told->packets > 0);
    CHECK(told->packets * 10 <= extra_packets(*with) * 11);  // those on order are counted too
    CHECK(told->ended_at > told->began_at);
  }
  CHECK(confirmed >= 2);  // without luck it would have been found by ordinary packets
  CAPTURE(format_duration(with_extra), format_duration(without_extra));
  CHECK(with_extra * 10 <= without_extra * 9);  // the longer horizons find it too, later
}

TEST_CASE("extra packets end when nothing is suspicious any more", "[sim][adaptive]") {
  const auto fleet = weak_fault(1, true);
  fleet->run(minutes{3});
  fleet->fabric.background = 0;
  fleet->fabric.fault.reset();
  fleet->run(minutes{6});  // longer than it took to become suspicious
  const auto boosts = fleet->boosts.size();
  const auto packets = extra_packets(*fleet);
  CHECK(boosts > 0);
  fleet->run(minutes{1});
  CHECK(fleet->boosts.size() == boosts);
  CHECK(extra_packets(*fleet) == packets);
  CHECK(fleet->controller->core().adaptive().tests() == 0);
}

}  // namespace
}  // namespace faultline::sim
