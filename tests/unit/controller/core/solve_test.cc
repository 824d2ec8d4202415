// From windows to a verdict: four hosts, two leaves, two spines, one STAMP session per pair and
// port.
#include "controller/core/live_localizer.h"

#include <algorithm>

#include "controller/core/observations.h"
#include "controller/core/sickness.h"
#include "controller/localize/bundle.h"
#include "controller/localize/verdict_json.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/core/fabric.h"

namespace faultline::core {
namespace {

// By a localizer that has just begun.
Solution solve(const SolveJob& job) { return LiveLocalizer({.window = job.window}).solve(job); }

TEST_CASE("one session's window speaks of its forward path, its return path and the round trip",
          "[observations]") {
  const Fabric fabric;
  ObservationBuilder builder(*fabric.topology, paths_of(*fabric.paths));
  Report report;
  report.window_start = kStart;
  FlowWindow flow;
  flow.target = NodeId{3};
  flow.source_port = 42000;
  flow.sent = 100;
  flow.lost_forward = 5;
  flow.lost_return = 2;
  flow.lost_undetermined = 10;
  report.flows.push_back(flow);
  builder.add(NodeId{1}, report);
  const auto& rows = builder.set().observations();
  REQUIRE(rows.size() == 3);
  CHECK((rows[0].sent == 90 && rows[0].lost == 5 && rows[0].back == localize::kNoRoute));
  CHECK((rows[1].sent == 85 && rows[1].lost == 2 && rows[1].back == localize::kNoRoute));
  CHECK((rows[2].sent == 10 && rows[2].lost == 10 && rows[2].back != localize::kNoRoute));
}

TEST_CASE("a session whose paths nobody traced yet is left out and counted", "[observations]") {
  const Fabric fabric;
  const topology::PathBook nothing;
  ObservationBuilder builder(*fabric.topology, paths_of(nothing));
  builder.add(NodeId{1}, *Fabric::window(0, kHealthy).front().report);
  CHECK(builder.set().observations().empty());
  CHECK(builder.sessions_without_path() == 3 * kPorts);
}

TEST_CASE("what a window says of its prober and its clock is kept by the solution, with the reason",
          "[solve]") {
  const Fabric fabric;
  const auto job = fabric.job({Fabric::window(0, kHealthy), Fabric::window(1, kHealthy)});
  CHECK(solve(job).sick.empty());
  CHECK(solve(job).clocks.empty());
  auto changed = job;
  auto& newest = changed.ripe.windows.back();
  auto report = *newest.front().report;
  report.health = {.lateness_max_ns = 40'000'000,
                   .stolen_ns = 6'200'000'000,
                   .processor_ns = 20'000'000'000,
                   .clock = ClockSync::kFree};
  newest.front().report = std::make_shared<const Report>(report);
  const auto solution = solve(changed);
  const auto name = changed.topology->node_name(newest.front().node);
  REQUIRE(solution.sick.size() == 1);
  CHECK(solution.sick.at(name) == std::pair{sickness(report).share, sickness(report).why});
  CHECK(solution.clocks == std::map<std::string, std::string>{{name, "nothing keeps its clock"}});
}

TEST_CASE("healthy windows accuse nobody", "[solve]") {
  const Fabric fabric;
  const auto solution =
      solve(fabric.job({Fabric::window(0, kHealthy), Fabric::window(1, kHealthy)}));
  CHECK(solution.verdict.suspects.empty());
  CHECK(solution.verdict.enough_data);
  CHECK(solution.sessions_without_path == 0);
}

TEST_CASE("what is observed at a node that is away is left out and counted, in its windows only",
          "[solve]") {
  const Fabric fabric;
  auto job = fabric.job({Fabric::window(0, kHealthy), Fabric::window(1, kAway)});
  CHECK_FALSE(solve(job).verdict.suspects.empty());
  job.excused[kStart + kWindow] = {NodeId{3}};
  const auto solution = solve(job);
  CHECK(solution.verdict.suspects.empty());
  CHECK(solution.verdict.enough_data);
  CHECK(solution.observations_excused == 6 * kPorts);  // 3 peers, there and back
  // Excused in another window, it counts in this one.
  job.excused = {{kStart, {NodeId{3}}}};
  CHECK_FALSE(solve(job).verdict.suspects.empty());
  CHECK(solve(job).observations_excused == 0);
}

TEST_CASE("a fault elsewhere is named though a node is away", "[solve]") {
  const Fabric fabric;
  const auto both = [](NodeId from, FlowWindow& flow) {
    kLossyLink(from, flow);
    if (from == NodeId{3} || flow.target == NodeId{3}) {
      flow.lost_forward = flow.lost_return = 0;
      flow.lost_undetermined = flow.sent;
    }
  };
  auto job = fabric.job({Fabric::window(0, kHealthy), Fabric::window(1, both)});
  job.excused[kStart + kWindow] = {NodeId{3}};
  const auto solution = solve(job);
  REQUIRE(solution.verdict.suspects.size() == 1);
  CHECK(solution.verdict.suspects.front().id == "leafA>spine1");
}

TEST_CASE("a component that only an absent node's flows cross is not measured; others are",
          "[solve]") {
  const Fabric fabric;
  auto job = fabric.job({Fabric::window(0, kHealthy), Fabric::window(1, kAway)});
  job.watched = {{.id = "leafB>h3", .from = "leafB", .to = "h3"},
                 {.id = "leafA>spine1", .from = "leafA", .to = "spine1"},
                 {.id = "h3", .from = {}, .to = {}},
                 {.id = "h3=leafB", .from = "h3", .to = "leafB"}};
  CHECK(solve(job).unmeasured.empty());  // nobody is excused: what is not there counts
  job.excused[kStart + kWindow] = {NodeId{3}};
  CHECK(solve(job).unmeasured == std::vector<std::string>{"leafB>h3", "h3", "h3=leafB"});
}

TEST_CASE("the lossy link is named in its direction, with the nodes it affects", "[solve]") {
  const Fabric fabric;
  const auto solution =
      solve(fabric.job({Fabric::window(0, kHealthy), Fabric::window(1, kLossyLink)}));
  REQUIRE(solution.verdict.suspects.size() == 1);
  CHECK(solution.verdict.suspects.front().id == "leafA>spine1");
  CHECK(solution.affected.at("leafA>spine1") == std::vector<std::string>{"h1", "h2", "h3", "h4"});
}

TEST_CASE("a healed fault is gone with the first window that shows no loss across it", "[solve]") {
  const Fabric fabric;
  const auto solution =
      solve(fabric.job({Fabric::window(0, kLossyLink), Fabric::window(1, kHealthy)}));
  CHECK(solution.verdict.suspects.empty());
}

TEST_CASE("a healed fault stays gone while its windows leave the horizon", "[solve]") {
  const Fabric fabric;
  std::vector<std::vector<NodeReport>> windows{Fabric::window(0, kLossyLink)};
  for (int number = 1; number <= 5; ++number) {
    CAPTURE(number);
    windows.push_back(Fabric::window(number, kHealthy));
    CHECK(solve(fabric.job(windows)).verdict.suspects.empty());
  }
}

TEST_CASE("a healed fault is not kept alive by the losses of the next one", "[solve]") {
  const Fabric fabric;
  // Flows that cross both links lose packets in the newest window, for the other link's sake.
  const auto other_link = [](NodeId from, FlowWindow& flow) {
    const bool enters_b = Fabric::leaf_of(from) == kLeafA && Fabric::leaf_of(flow.target) == kLeafB;
    const bool returns_to_b =
        Fabric::leaf_of(from) == kLeafB && Fabric::leaf_of(flow.target) == kLeafA;
    const auto spine = [&](Direction direction) {
      return Fabric::spine_of(flow.source_port, direction);
    };
    if (enters_b && spine(Direction::kForward) == kSpine2) flow.lost_forward = 3;
    if (returns_to_b && spine(Direction::kReturn) == kSpine2) flow.lost_return = 3;
  };
  const auto solution =
      solve(fabric.job({Fabric::window(0, kLossyLink), Fabric::window(1, kLossyLink),
                        Fabric::window(2, other_link)}));
  REQUIRE(solution.verdict.suspects.size() == 1);
  CHECK(solution.verdict.suspects.front().id != "leafA>spine1");
}

TEST_CASE("a spine that is dead is down, though it carried packets before", "[solve]") {
  const Fabric fabric;
  const auto dead = [](NodeId from, FlowWindow& flow) {
    const bool crosses = Fabric::leaf_of(from) != Fabric::leaf_of(flow.target);
    const auto touches = [&](Direction direction) {
      return Fabric::spine_of(flow.source_port, direction) == kSpine1;
    };
    // No reply comes back at all, so nothing says in which direction it was lost.
    if (crosses && (touches(Direction::kForward) || touches(Direction::kReturn))) {
      flow.lost_undetermined = flow.sent;
    }
  };
  const auto solution = solve(fabric.job({Fabric::window(0, kHealthy), Fabric::window(1, dead)}));
  REQUIRE_FALSE(solution.verdict.suspects.empty());
  CHECK(solution.verdict.suspects.front().fault_class == localize::FaultClass::kDown);
}

// Two nodes, a router between them that nobody declared, one session from each to the other.
SolveJob two_nodes(int healthy, int dead) {
  auto topology = std::make_shared<topology::Topology>();
  auto paths = std::make_shared<topology::PathBook>();
  for (std::uint32_t id = 1; id <= 2; ++id) {
    topology->set_node(NodeId{id}, "h" + std::to_string(id), NodeKind::kHost, address(0x100 + id));
  }
  SolveJob job;
  for (int number = 0; number < healthy + dead; ++number) {
    auto& window = job.ripe.windows.emplace_back();
    for (std::uint32_t id = 1; id <= 2; ++id) {
      if (number >= healthy && id == 2) continue;  // its probe was killed
      Report report;
      report.window_start = kStart + kWindow * number;
      report.window = kWindow;
      for (int port = 0; port < kPorts; ++port) {
        FlowWindow flow;
        flow.target = NodeId{3 - id};
        flow.source_port = static_cast<std::uint16_t>(42000 + port);
        flow.sent = kPackets;
        if (number >= healthy) flow.lost_undetermined = flow.sent;
        for (const auto direction : {Direction::kForward, Direction::kReturn}) {
          const PathRecord path{.target = flow.target,
                                .source_port = flow.source_port,
                                .direction = direction,
                                .traced_at = kStart,
                                .complete = true,
                                .hops = {{address(1)}}};
          paths->update(NodeId{id}, path);
          topology->learn(NodeId{id}, path);
        }
        report.flows.push_back(flow);
      }
      window.push_back({NodeId{id}, std::make_shared<const Report>(std::move(report))});
    }
  }
  topology->settle();
  job.window = kWindow;
  job.ripe.window_start = job.ripe.windows.back().front().report->window_start;
  job.topology = std::move(topology);
  job.paths = std::move(paths);
  return job;
}

// As `faultline localize` and `faultline bundle create` do: the same observations, once judged here
// and once written out and judged elsewhere.
void check_bundle_agrees(const SolveJob& job) {
  ObservationBuilder builder(*job.topology, paths_of(*job.paths));
  for (const auto& window : job.ripe.windows) {
    for (const auto& [node, report] : window) builder.add(node, *report);
  }
  const auto live = localize::localize(builder.set(), {});
  REQUIRE_FALSE(live.suspects.empty());
  std::string text;
  localize::write_bundle(builder.set(), "test", [&](std::string_view line) {
    text += line;
    return true;
  });
  const auto again = localize::read_bundle(text);
  REQUIRE(again.has_value());
  CHECK(localize::verdict_json(localize::localize(*again, {}), std::nullopt) ==
        localize::verdict_json(live, std::nullopt));
}

TEST_CASE("a bundle of the controller's observations gives the controller's answer", "[solve]") {
  Fabric fabric;
  fabric.topology->set_node(NodeId{1}, "h1", NodeKind::kVm, address(0x101), {"hv1", "az1"});
  fabric.topology->settle();
  const auto lossy_and_sick = [](NodeId from, FlowWindow& flow) {
    kLossyLink(from, flow);
    if (from == NodeId{3} && flow.source_port == 42003) flow.lost_undetermined = 2;
  };
  check_bundle_agrees(fabric.job({Fabric::window(0, kHealthy), Fabric::window(1, kLossyLink)}));
  check_bundle_agrees(fabric.job({Fabric::window(0, lossy_and_sick)}));
  check_bundle_agrees(two_nodes(2, 1));
}

TEST_CASE("of two nodes, a dead one and its cable are one group, whatever was healthy before",
          "[solve]") {
  for (const int healthy : {0, 1, 5}) {
    CAPTURE(healthy);
    const auto solution = solve(two_nodes(healthy, 1));
    REQUIRE(solution.verdict.suspects.size() == 1);
    const auto& suspect = solution.verdict.suspects.front();
    std::set<std::string> group(suspect.ambiguous_with.begin(), suspect.ambiguous_with.end());
    group.insert(suspect.id);
    for (const std::string member : {"h1", "h2", "10.9.0.1", "10.9.0.1=h2", "10.9.0.1=h1"}) {
      CAPTURE(member);
      CHECK(group.contains(member));
    }
    CHECK(suspect.fault_class == localize::FaultClass::kDown);
  }
}

}  // namespace
}  // namespace faultline::core
