// Pairs beside components: four hosts, two leaves, two spines.
#include "controller/core/live_detector.h"

#include <algorithm>

#include "controller/core/live_localizer.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/core/fabric.h"

namespace faultline::core {
namespace {

using detect::Kind;

// The controller's solver with one fabric, window by window.
struct Live {
  Fabric fabric;
  LiveLocalizer localizer{{.window = kWindow}};
  LiveDetector detector{{}};
  int window = 0;
  std::set<NodeId> excused;

  // `rtt_us` of a pair; `spoil` puts losses in.
  template <typename Rtt, typename Spoil>
  Solution run(int count, Rtt rtt_us, Spoil spoil) {
    Solution solution;
    for (int i = 0; i < count; ++i, ++window) {
      auto job = fabric.job({with_delays(Fabric::window(window, spoil), rtt_us)});
      if (!excused.empty()) job.excused[job.ripe.window_start] = excused;
      solution = localizer.solve(job);
      detector.judge(job, solution);
    }
    return solution;
  }

  template <typename Rtt>
  static std::vector<NodeReport> with_delays(std::vector<NodeReport> reports, Rtt rtt_us) {
    for (auto& [node, report] : reports) {
      auto changed = std::make_shared<Report>(*report);
      for (auto& flow : changed->flows) {
        if (flow.answered() == 0) continue;
        const auto ns = static_cast<std::uint64_t>(rtt_us(node, flow.target) * 1000);
        flow.rtt_min_ns = flow.rtt_mean_ns = flow.rtt_max_ns = ns;
        if (changed->delays.empty() || changed->delays.back().target != flow.target) {
          changed->delays.push_back({.target = flow.target, .rtt = {}});
        }
        changed->delays.back().rtt.add(ns, flow.answered());
      }
      report = std::move(changed);
    }
    return reports;
  }
};

const auto kUsualRtt = [](NodeId, NodeId) { return 400.0; };
const auto kH1H3Slow = [](NodeId from, NodeId to) {
  return from == NodeId{1} && to == NodeId{3} ? 3100.0 : 400.0;
};

TEST_CASE("a pair that no component explains is told in words, and becomes an incident if wished",
          "[detect]") {
  Live live;
  CHECK(live.run(40, kUsualRtt, kHealthy).abnormal.empty());
  const auto young = live.run(4, kH1H3Slow, kHealthy);
  REQUIRE(young.abnormal.size() == 1);
  CHECK(young.abnormal[0].text.starts_with("h1 -> h3: round trip 0.4"));
  CHECK(young.abnormal[0].explained_by.empty());
  CHECK(young.detection.pairs == 12);
  CHECK(young.detection.pairs_judging == 12);
  CHECK(abnormal_suspects(young, {Kind::kRttShift}).empty());  // may still be named
  const auto old = live.run(4, kH1H3Slow, kHealthy);
  CHECK(abnormal_suspects(old, {Kind::kLoss}).empty());
  const auto suspects = abnormal_suspects(old, {Kind::kRttShift});
  REQUIRE(suspects.size() == 1);
  CHECK(suspects[0].id == "h1->h3");
  CHECK(suspects[0].kind == "pair");
  CHECK(suspects[0].fault_class == "rtt-shift");
  CHECK(suspects[0].since == kStart + 40 * kWindow);
  CHECK(incident::severity_of(suspects[0]) == incident::Severity::kWarning);
}

TEST_CASE("what a suspect explains says so, and opens nothing of its own", "[detect]") {
  Live live;
  live.run(40, kUsualRtt, kHealthy);
  const auto lossy = [](NodeId from, FlowWindow& flow) {
    kLossyLink(from, flow);
    flow.lost_forward *= 7;
    flow.lost_return *= 7;
  };
  const auto solution = live.run(12, kUsualRtt, lossy);
  REQUIRE(solution.verdict.suspects.size() == 1);
  REQUIRE(!solution.abnormal.empty());
  for (const auto& abnormal : solution.abnormal) {
    CAPTURE(abnormal.text);
    CHECK(abnormal.finding.worst.kind == Kind::kLoss);
    CHECK(abnormal.finding.worst.way != detect::Way::kBoth);
    CHECK(abnormal.explained_by == solution.verdict.suspects[0].id);
  }
  CHECK(abnormal_suspects(solution, {Kind::kLoss}).empty());
}

TEST_CASE("a node that is excused is abnormal in no pair", "[detect]") {
  Live live;
  live.run(40, kUsualRtt, kHealthy);
  const auto away = [](NodeId from, FlowWindow& flow) {
    if (from == NodeId{3} || flow.target == NodeId{3}) flow.lost_undetermined = flow.sent;
  };
  live.excused = {NodeId{3}};
  CHECK(live.run(6, kUsualRtt, away).abnormal.empty());
  live.excused.clear();
  CHECK(!live.run(6, kUsualRtt, away).abnormal.empty());
}

}  // namespace
}  // namespace faultline::core
