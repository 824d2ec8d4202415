// The localizer that lives on: what it keeps between windows, and what it must not.
#include "controller/core/live_localizer.h"

#include <algorithm>
#include <functional>

#include "common/base/random.h"
#include "controller/localize/verdict_json.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/core/fabric.h"

namespace faultline::core {
namespace {

using Window = std::vector<NodeReport>;

std::vector<std::string> names_of(const Solution& solution) {
  std::vector<std::string> names;
  for (const auto& suspect : solution.verdict.suspects) names.push_back(suspect.id);
  return names;
}
using Names = std::vector<std::string>;

// Whether it is the suspect, or one of those that nothing here can tell it from.
bool may_be(const localize::Suspect& suspect, const std::string& id) {
  return suspect.id == id ||
         std::ranges::find(suspect.ambiguous_with, id) != suspect.ambiguous_with.end();
}

// Ten packets per flow; loses `rate` of what crosses leafA>spine1, by chance.
class WeakLink {
 public:
  WeakLink(std::uint64_t seed, double rate) : rng_(seed), rate_(rate) {}

  void operator()(NodeId from, FlowWindow& flow) {
    flow.sent = 10;
    const bool leaves_a = Fabric::leaf_of(from) == kLeafA && Fabric::leaf_of(flow.target) == kLeafB;
    const bool returns_via_a =
        Fabric::leaf_of(from) == kLeafB && Fabric::leaf_of(flow.target) == kLeafA;
    const auto spine = [&](Direction way) { return Fabric::spine_of(flow.source_port, way); };
    if (leaves_a && spine(Direction::kForward) == kSpine1) flow.lost_forward = lost(flow.sent);
    if (returns_via_a && spine(Direction::kReturn) == kSpine1) flow.lost_return = lost(flow.sent);
  }

 private:
  std::uint32_t lost(std::uint32_t sent) {
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < sent; ++i) count += uniform(rng_) < rate_ ? 1 : 0;
    return count;
  }

  Rng rng_;
  double rate_;
};

TEST_CASE("a loss too weak for a window and a minute is named by half an hour, and healed by it",
          "[live]") {
  const Fabric fabric;
  int named = 0;
  constexpr int kSeeds = 5;
  for (std::uint64_t seed = 5000; seed < 5000 + kSeeds; ++seed) {
    CAPTURE(seed);
    LiveLocalizer live({.window = kWindow});
    WeakLink weak(seed, 0.0005);
    WeakLink mended(seed, 0);
    int window = 0;
    bool found = false;
    bool found_early = false;
    for (; window < 180; ++window) {
      const auto solution = live.solve(fabric.job({Fabric::window(window, std::ref(weak))}));
      CHECK(solution.verdict.suspects.size() <= 1);
      found = !solution.verdict.suspects.empty();
      if (found) CHECK(may_be(solution.verdict.suspects.front(), "leafA>spine1"));
      if (window < 6) found_early = found_early || found;
    }
    CAPTURE(found, found_early);
    named += found && !found_early ? 1 : 0;
    // Mended. What the half hour remembers goes as soon as newer windows could not be so clean.
    int cleared = -1;
    for (int clean = 0; clean < 180; ++clean, ++window) {
      const auto names =
          names_of(live.solve(fabric.job({Fabric::window(window, std::ref(mended))})));
      if (names.empty() && cleared < 0) cleared = clean;
      if (cleared >= 0) CHECK(names.empty());
    }
    CAPTURE(cleared);
    CHECK(cleared >= 0);
    CHECK(cleared < 90);  // by then as long again as it takes to see so little
  }
  CHECK(named >= kSeeds - 1);
}

// Loses a share of what crosses leafA>spine1.
class LossyLink {
 public:
  explicit LossyLink(double share) : share_(share) {}

  void operator()(NodeId from, FlowWindow& flow) const {
    if (crosses(from, flow.target, flow.source_port, Direction::kForward)) {
      flow.lost_forward = static_cast<std::uint32_t>(kPackets * share_);
    }
    if (crosses(from, flow.target, flow.source_port, Direction::kReturn)) {
      flow.lost_return = static_cast<std::uint32_t>(kPackets * share_);
    }
  }
  static bool crosses(NodeId from, NodeId to, std::uint16_t port, Direction direction) {
    const bool there = direction == Direction::kForward;
    return Fabric::leaf_of(there ? from : to) == kLeafA &&
           Fabric::leaf_of(there ? to : from) == kLeafB &&
           Fabric::spine_of(port, direction) == kSpine1;
  }

 private:
  double share_;
};

TEST_CASE("a link that swallows large packets is named, as that", "[live]") {
  const Fabric fabric;
  const auto swallowed = [](NodeId from, FlowWindow& flow) {
    if (flow.source_port % 4 == 0) flow.size = 1500;  // as a plan would have it
    if (flow.size == 0) return;
    if (LossyLink::crosses(from, flow.target, flow.source_port, Direction::kForward)) {
      flow.lost_forward = flow.sent;
    } else if (LossyLink::crosses(from, flow.target, flow.source_port, Direction::kReturn)) {
      flow.lost_return = flow.sent;
    }
  };
  LiveLocalizer live({.window = kWindow});
  for (int number = 0; number < 4; ++number) {
    CAPTURE(number);
    const auto solution = live.solve(fabric.job({Fabric::window(number, swallowed)}));
    REQUIRE(solution.verdict.suspects.size() == 1);
    const auto& suspect = solution.verdict.suspects.front();
    CHECK(may_be(suspect, "leafA>spine1"));
    CHECK(suspect.fault_class == localize::FaultClass::kMtu);
    CHECK(suspect.mtu == 72);
    CHECK(suspect.size_lost == 1500);
    CHECK_FALSE(suspect.over);
  }
}

// Everything that crossed leafA>spine1 goes over spine2 from that window on.
void route_around(Fabric& fabric, int window) {
  auto paths = std::make_shared<topology::PathBook>(*fabric.paths);
  Fabric::for_each_session([&](NodeId from, NodeId to, std::uint16_t port) {
    for (const auto direction : {Direction::kForward, Direction::kReturn}) {
      if (!LossyLink::crosses(from, to, port, direction)) continue;
      paths->update(
          from,
          {.target = to,
           .source_port = port,
           .direction = direction,
           .traced_at = kStart + kWindow * window,
           .complete = true,
           .hops = {{host_port(kLeafA)}, {ingress(kSpine2, kLeafA)}, {ingress(kLeafB, kSpine2)}}});
    }
  });
  fabric.paths = paths;
}

TEST_CASE("a fault that is over is not named again, whether mended or routed around", "[live]") {
  const auto around = GENERATE(false, true);
  const auto [share, windows] = GENERATE(table<double, int>({{1, 1}, {0.5, 3}, {0.1, 30}}));
  CAPTURE(around, share, windows);
  Fabric fabric;
  LiveLocalizer live({.window = kWindow});
  const auto judge = [&](int window, double lost) {
    return live.solve(fabric.job({Fabric::window(window, LossyLink(lost))}));
  };
  int window = 0;
  for (; window < 60; ++window) CHECK(judge(window, 0).verdict.suspects.empty());
  for (int i = 0; i < windows; ++i, ++window) {
    const auto solution = judge(window, share);
    REQUIRE(solution.verdict.suspects.size() == 1);
    CHECK(may_be(solution.verdict.suspects.front(), "leafA>spine1"));
  }
  if (around) route_around(fabric, window);
  for (int clean = 0; clean < 200; ++clean, ++window) {
    CAPTURE(clean);
    const auto names = names_of(judge(window, 0));
    if (clean >= 1) CHECK(names.empty());
  }
}

TEST_CASE("a burst or two are no fault, nor is a busy link", "[live]") {
  constexpr double kBackground = 1e-4;
  constexpr std::uint64_t kSent = 2000;
  const auto blocks_of = [](std::initializer_list<std::uint64_t> lost) {  // newest first
    CrossedBlocks blocks;
    for (const auto count : lost) {
      blocks.push_back({1000 - 10 * static_cast<std::int64_t>(blocks.size()), kSent, count});
    }
    return blocks;
  };
  const auto is_more = [&](const CrossedBlocks& blocks, std::int64_t since_s = localize::kNoTime) {
    return is_corroborated(since_s, blocks, kBackground, 1000);
  };
  CHECK(is_more(blocks_of({30, 0, 0, 0})));        // it has just begun
  CHECK(is_more(blocks_of({30, 28, 0, 0})));       // and goes on
  CHECK_FALSE(is_more(blocks_of({0, 30, 0, 0})));  // it was over at once
  CHECK_FALSE(is_more(blocks_of({1, 30, 1, 0, 0, 0})));
  CHECK_FALSE(is_more(blocks_of({1, 0, 30, 0, 25, 0})));
  CHECK(is_more(blocks_of({2, 3, 2, 4, 3, 2, 3, 4, 2, 3})));        // each weak, together none
  CHECK_FALSE(is_more(blocks_of({1, 2, 1, 2, 3, 1, 2, 2, 1, 2})));  // busy
  CHECK_FALSE(is_more(blocks_of({1, 0, 0, 9, 9, 9, 9, 9}), 970));
}

TEST_CASE("a late report of a window that a horizon has left changes nothing there", "[live]") {
  const Fabric fabric;
  LiveLocalizer live({.window = kWindow});
  auto first = Fabric::window(0, kHealthy);
  first.resize(1);  // few flows are known yet
  static_cast<void>(live.solve(fabric.job({first})));
  static_cast<void>(live.solve(fabric.job({Fabric::window(7, kHealthy)})));  // nobody reported 6
  static_cast<void>(
      live.solve(fabric.job({Fabric::window(0, kAway), Fabric::window(8, kHealthy)})));
  auto job = fabric.job({Fabric::window(9, kHealthy)});
  job.ripe.window_start = kStart + kWindow * 9;
  job.excused[kStart] = {NodeId{3}};
  const auto solution = live.solve(job);
  CHECK(solution.live.rows_taken_out > 0);
  CHECK(solution.verdict.suspects.empty());
}

TEST_CASE("windows of two seconds have horizons in proportion", "[live]") {
  const Fabric fabric;
  LiveLocalizer live({.window = seconds{2}});
  const auto job_of = [&](int number, bool lossy) {
    auto window = lossy ? Fabric::window(number, kLossyLink) : Fabric::window(number, kHealthy);
    for (auto& [node, report] : window) {
      auto changed = *report;
      changed.window_start = kStart + seconds{2} * number;
      changed.window = seconds{2};
      report = std::make_shared<const Report>(std::move(changed));
    }
    auto job = fabric.job({std::move(window)});
    job.window = seconds{2};
    return job;
  };
  for (int number = 0; number < 40; ++number) {
    CHECK(names_of(live.solve(job_of(number, false))).empty());
  }
  CHECK(names_of(live.solve(job_of(40, true))) == Names{"leafA>spine1"});
  CHECK(names_of(live.solve(job_of(41, true))) == Names{"leafA>spine1"});
  for (int number = 42; number < 80; ++number) {
    CAPTURE(number);
    CHECK(names_of(live.solve(job_of(number, false))).empty());
  }
}

TEST_CASE("a late report counts when it comes, and once", "[live]") {
  const Fabric fabric;
  auto first = Fabric::window(0, kLossyLink);
  const NodeReport late = first.back();
  first.pop_back();
  LiveLocalizer live({.window = kWindow});
  const auto before = live.solve(fabric.job({first})).verdict.packets;
  const auto with = live.solve(fabric.job({{late}, Fabric::window(1, kHealthy)})).verdict.packets;
  LiveLocalizer other({.window = kWindow});
  const auto whole = other.solve(fabric.job({Fabric::window(0, kLossyLink)})).verdict.packets;
  const auto both = other.solve(fabric.job({Fabric::window(1, kHealthy)})).verdict.packets;
  CHECK(before < whole);
  CHECK(with == both);
}

TEST_CASE("rows that no horizon reaches, and rows of too many flows, are counted", "[live]") {
  const Fabric fabric;
  LiveLocalizer live({.window = kWindow, .flows_max = 10});
  const auto rows_of_window = 4 * 3 * kPorts * 2U;
  const auto first = live.solve(fabric.job({Fabric::window(1000, kHealthy)}));
  CHECK(first.live.flows == 10);
  CHECK(first.live.rows_refused == rows_of_window - 10);
  CHECK(first.live.rows_late == 0);
  const auto second =
      live.solve(fabric.job({Fabric::window(1, kHealthy), Fabric::window(1001, kHealthy)}));
  CHECK(second.live.rows_late == rows_of_window);
}

TEST_CASE("what a node lost that turns out to have been away is taken out again", "[live]") {
  const Fabric fabric;
  const auto run = [&](bool late) {
    LiveLocalizer live({.window = kWindow});
    auto first = fabric.job({Fabric::window(0, kHealthy), Fabric::window(1, kAway)});
    if (!late) first.excused[kStart + kWindow] = {NodeId{3}};
    const auto solution = live.solve(first);
    CHECK(solution.verdict.suspects.empty() == !late);
    auto second = fabric.job({Fabric::window(2, kHealthy)});
    second.excused[kStart + kWindow] = {NodeId{3}};
    auto answer = live.solve(second);
    // Said again, it is not taken out again.
    auto third = fabric.job({Fabric::window(3, kHealthy)});
    third.excused = second.excused;
    CHECK(live.solve(third).live.rows_taken_out == answer.live.rows_taken_out);
    return answer;
  };
  const auto in_time = run(false);
  const auto afterwards = run(true);
  CHECK(in_time.live.rows_taken_out == 0);
  CHECK(afterwards.live.rows_taken_out > 0);
  CHECK(afterwards.verdict.lost == 0);
  CHECK(afterwards.verdict == in_time.verdict);
}

TEST_CASE(
    "a late report of the window in which a node was away takes nothing out twice or not at all",
    "[live]") {
  const Fabric fabric;
  LiveLocalizer live({.window = kWindow});
  auto away = Fabric::window(1, kAway);
  const NodeReport late = away.front();
  away.erase(away.begin());
  CHECK(live.solve(fabric.job({Fabric::window(0, kHealthy), away})).verdict.lost > 0);
  auto next = fabric.job({{late}, Fabric::window(2, kHealthy)});
  next.excused[kStart + kWindow] = {NodeId{3}};
  CHECK(live.solve(next).verdict.lost == 0);
}

TEST_CASE("a window is counted on the path of its time, however late it comes", "[live]") {
  Fabric fabric;
  // h1's session to h3 moves from spine1 to spine2 before the third window.
  const auto move = [&](WallTime when) {
    for (const auto direction : {Direction::kForward, Direction::kReturn}) {
      const PathRecord path{.target = NodeId{3},
                            .source_port = 42000,
                            .direction = direction,
                            .traced_at = when,
                            .complete = true,
                            .hops = Fabric::hops(NodeId{1}, NodeId{3}, 42003, direction)};
      fabric.paths->update(NodeId{1}, path);
      fabric.topology->learn(NodeId{1}, path);
    }
    fabric.topology->settle();
  };
  const auto dead = [](NodeId from, FlowWindow& flow) {
    const bool moved = from == NodeId{1} && flow.target == NodeId{3} && flow.source_port == 42000;
    if (moved) flow.lost_forward = flow.sent;
  };
  const auto crossing = [](const LiveLocalizer&, const Solution& solution) {
    std::set<std::string> links;
    for (const auto& suspect : solution.verdict.suspects) {
      links.insert(suspect.id);
      links.insert(suspect.ambiguous_with.begin(), suspect.ambiguous_with.end());
    }
    return links;
  };
  auto late = Fabric::window(1, dead);
  std::erase_if(late, [](const NodeReport& it) { return it.node != NodeId{1}; });
  auto rest = Fabric::window(1, kHealthy);
  std::erase_if(rest, [](const NodeReport& it) { return it.node == NodeId{1}; });
  ObservationBuilder builder(*fabric.topology, paths_of(*fabric.paths));
  move(kStart + kWindow * 2 + seconds{1});
  builder.use(*fabric.topology, paths_of(*fabric.paths));
  builder.add(NodeId{1}, *late.front().report);
  const auto& set = builder.set();
  for (const auto& row : set.observations()) {
    if (row.lost == 0) continue;
    const auto links = set.at(set.at(row.forward).front().path);
    CHECK(set.at(links[1]).id == "leafA>spine1");
  }
  LiveLocalizer live({.window = kWindow});
  static_cast<void>(live.solve(fabric.job({rest})));
  const auto solution = live.solve(fabric.job({late, Fabric::window(2, kHealthy)}));
  CHECK_FALSE(crossing(live, solution).contains("leafA>spine2"));
}

TEST_CASE("when a device turns out to have two names, what was counted is counted for both",
          "[live]") {
  const auto lossy = [](int number) { return Fabric::window(number, kLossyLink); };
  Fabric fabric;
  LiveLocalizer live({.window = kWindow});
  static_cast<void>(live.solve(fabric.job({lossy(0)})));
  fabric.topology->set_node(NodeId{1}, "web1", NodeKind::kVm, address(0x101), {"hv1", "az1"});
  fabric.topology->settle();
  const auto renewed = live.solve(fabric.job({lossy(1)}));
  CHECK(renewed.live.renewals == 1);
  LiveLocalizer cold({.window = kWindow});
  const auto anew = cold.solve(fabric.job({lossy(0), lossy(1)}));
  CHECK(localize::verdict_json(renewed.verdict, std::nullopt) ==
        localize::verdict_json(anew.verdict, std::nullopt));
  CHECK(renewed.affected == anew.affected);
  CHECK(renewed.affected.begin()->second.back() == "web1");
  CHECK(live.solve(fabric.job({lossy(2)})).live.renewals == 1);
}

TEST_CASE("names that no horizon holds any more are forgotten", "[live]") {
  Fabric fabric;
  LiveLocalizer live({.window = kWindow, .horizon_windows = 1});
  std::uint64_t sessions_max = 0;
  std::uint64_t renewals = 0;
  constexpr int kWindows = 900;
  for (int number = 0; number < kWindows; ++number) {
    auto window = Fabric::window(number, kHealthy);
    // Every window has other ports, as if plans changed all the time.
    for (auto& [node, report] : window) {
      auto changed = *report;
      for (auto& flow : changed.flows) {
        flow.source_port = static_cast<std::uint16_t>(flow.source_port + 8 * number);
        for (const auto direction : {Direction::kForward, Direction::kReturn}) {
          fabric.paths->update(
              node, {.target = flow.target,
                     .source_port = flow.source_port,
                     .direction = direction,
                     .traced_at = kStart,
                     .complete = true,
                     .hops = Fabric::hops(node, flow.target, flow.source_port, direction)});
        }
      }
      report = std::make_shared<const Report>(std::move(changed));
    }
    const auto solution = live.solve(fabric.job({std::move(window)}));
    sessions_max = std::max(sessions_max, solution.live.sessions);
    renewals = solution.live.renewals;
  }
  const std::uint64_t of_window = 4 * 3 * kPorts;
  CHECK(renewals > 0);
  CHECK(sessions_max < of_window * 90);  // 30 windows are in use
  CHECK(sessions_max > of_window * 30);
}

TEST_CASE("what a former process judged is recalled from the journal, and nothing twice",
          "[live]") {
  const Fabric fabric;
  LiveLocalizer before({.window = kWindow});
  Solution last;
  for (int number = 0; number < 20; ++number) {
    last = before.solve(fabric.job({Fabric::window(number, kLossyLink)}));
  }
  LiveLocalizer after({.window = kWindow});
  RecallJob recall{.window_start = {},
                   .window = kWindow,
                   .excused = {},
                   .durable = nullptr,
                   .topology = fabric.topology,
                   .paths = fabric.paths};
  for (int number = 18; number >= 0; --number) {
    recall.window_start = kStart + kWindow * number;
    after.recall(recall, Fabric::window(number, kLossyLink));
  }
  const auto again = after.solve(fabric.job({Fabric::window(19, kLossyLink)}));
  CHECK(again.verdict == last.verdict);
  CHECK(again.affected == last.affected);
}

// Rows of windows that were taken under the same names before were too old for every horizon.
TEST_CASE("when the clock was set back the localizer begins anew", "[live]") {
  const Fabric fabric;
  LiveLocalizer live({.window = kWindow});
  LiveLocalizer fresh({.window = kWindow});
  for (int number = 400; number < 410; ++number) {
    static_cast<void>(live.solve(fabric.job({Fabric::window(number, kHealthy)})));
  }
  for (int number = 0; number < 6; ++number) {
    auto job = fabric.job({Fabric::window(number, kLossyLink)});
    const auto expected = fresh.solve(job);
    job.clock_set = {.by = -400 * kWindow, .back = number == 0};
    const auto solution = live.solve(job);
    CHECK(solution.verdict == expected.verdict);
    CHECK(solution.affected == expected.affected);
    CHECK(solution.live.rows_late == 0);
    CHECK_FALSE(solution.verdict.suspects.empty());
  }
}

TEST_CASE("recalled is what was durable when the process began", "[live]") {
  auto durable = std::make_shared<DurableBatches>();
  (*durable)[{NodeId{1}, BootId{7}}] = {{1, 5}, {8, 9}};
  RecallJob job;
  job.durable = durable;
  CHECK(is_recalled(job, NodeId{1}, BootId{7}, 5));
  CHECK_FALSE(is_recalled(job, NodeId{1}, BootId{7}, 6));
  CHECK(is_recalled(job, NodeId{1}, BootId{7}, 8));
  CHECK_FALSE(is_recalled(job, NodeId{1}, BootId{8}, 5));
  CHECK_FALSE(is_recalled(job, NodeId{2}, BootId{7}, 5));
}

}  // namespace
}  // namespace faultline::core
