#include "controller/localize/delay.h"

#include "controller/localize/congestion.h"
#include "controller/localize/delay_fit.h"
#include "controller/localize/delay_flows.h"
#include "controller/localize/verdict_json.h"
#include "controller/localize/verdict_table.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/localize/delay_fabric.h"

namespace faultline::localize {
namespace {

Verdict judge(const SmallFabric& fabric, const SmallDelays& delays, std::uint64_t seed = 1,
              const LocalizeOptions& options = {}) {
  return localize(delays.build(fabric.rows(seed), seed), options);
}

bool is_congested(const Verdict& verdict, const std::string& id) {
  return std::ranges::any_of(verdict.congested, [&](const Suspect& it) {
    return it.id == id && it.fault_class == FaultClass::kCongestion;
  });
}

TEST_CASE("a link that adds latency and loses nothing is named, with how much it adds",
          "[localize][delay]") {
  const Verdict verdict = judge({}, {.added_us = {{"leaf2>spine3", 200}}});
  REQUIRE(verdict.suspects.size() == 1);
  const Suspect& suspect = verdict.suspects.front();
  CHECK(suspect.id == "leaf2>spine3");
  CHECK(suspect.fault_class == FaultClass::kDelay);
  CHECK(suspect.posterior > 0.95);
  CHECK(suspect.loss == 0);
  CHECK(suspect.delay_us.value() == Approx(200).margin(15));
  CHECK(suspect.delay_p95_us.value() == Approx(200).margin(25));
  CHECK(suspect.evidence.bad_flows_crossing == suspect.evidence.bad_flows);
  CHECK(verdict.congested.empty());
}

TEST_CASE("the onset of added latency is the first slow window", "[localize][delay]") {
  const Verdict verdict =
      judge({.windows = 6}, {.added_us = {{"leaf2>spine3", 200}}, .since_window = 4});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects.front().id == "leaf2>spine3");
  CHECK(verdict.suspects.front().since_s == 1'790'000'040);
}

TEST_CASE("windows before the horizon are a flow's past", "[localize][delay]") {
  // One spine: no flow between the same leaves has another way, so only the past can tell.
  const SmallFabric fabric{.spines = 1, .windows = 3};
  const SmallDelays delays{.added_us = {{"leaf2>spine1", 200}}, .since_window = 2};
  const auto rows = fabric.rows(1);
  const ObservationSet set = delays.build(rows, 1);
  const Verdict newest = localize(set, {.after_s = 1'790'000'020});
  REQUIRE(newest.suspects.size() == 1);
  // Which direction, one-way delays cannot tell: the clocks of a whole leaf might have moved.
  CHECK(newest.suspects.front().id == "leaf2=spine1");
  CHECK(newest.suspects.front().fault_class == FaultClass::kDelay);
}

TEST_CASE("when added latency is over, what never had it is not slow", "[localize][delay]") {
  // Each link of a leaf carries half of its flows, so that half of them fall back to normal.
  const SmallFabric fabric{.spines = 2, .windows = 6};
  const SmallDelays delays{.added_us = {{"leaf2>spine1", 200}, {"spine1>leaf3", 200}},
                           .until_window = 4};
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    CHECK(judge(fabric, delays, seed).suspects.empty());
  }
}

TEST_CASE("flows over full queues accuse no link where they meet by chance",
          "[localize][delay][congestion]") {
  // The links to h9 and h10 queue; of their flows, those over spine3 met the queue more often than
  // not, so that their p50 moved as well.
  ObservationSet set;
  Rng rng(1);
  for (const SmallFabric::Row& row : SmallFabric{}.rows(1)) {
    std::vector<DeviceIndex> hops;
    for (const std::string& hop : row.hops) hops.push_back(set.device(hop));
    const bool queues = row.hops.back() == "h9" || row.hops.back() == "h10";
    const bool meets = std::ranges::find(row.hops, "spine3") != row.hops.end();
    Delay delay;
    delay.min_us = 20 + 5 * static_cast<float>(row.hops.size());
    delay.p50_us =
        delay.min_us + static_cast<float>(4 * uniform(rng)) + (queues && meets ? 110 : 0);
    delay.p95_us = delay.p50_us + 10 + (queues ? 400 : 0) * static_cast<float>(0.7 + uniform(rng));
    Observation observation = row.observation;
    observation.src = hops.front();
    observation.dst = hops.back();
    observation.forward = set.route(set.path(hops));
    observation.flow = set.flow(row.flow);
    observation.delay = set.add_delay(delay);
    REQUIRE(set.add(observation));
  }
  const Verdict verdict = localize(set, {});
  CHECK(verdict.suspects.empty());
  CHECK_FALSE(verdict.congested.empty());
}

TEST_CASE("a longer link is not a slower one: without a past a link needs peers",
          "[localize][delay]") {
  const Verdict verdict = judge({.spines = 1}, {.added_us = {{"leaf2>spine1", 5'000}}});
  CHECK(verdict.suspects.empty());
}

TEST_CASE("clocks that disagree accuse nobody", "[localize][delay]") {
  const Verdict verdict = judge({}, {.clock_us = {{"h1", 4'000}, {"h2", -700}, {"h9", 300}}});
  CHECK(verdict.suspects.empty());
  CHECK(verdict.congested.empty());
}

TEST_CASE("a link that loses and queues is congested and not accused", "[localize][congestion]") {
  SmallFabric fabric{.packets = 1'000};
  fabric.loss["leaf2>spine3"] = 1e-3;
  const Verdict verdict = judge(fabric, {.queued_us = {{"leaf2>spine3", 150}}});
  CHECK(verdict.suspects.empty());
  REQUIRE(is_congested(verdict, "leaf2>spine3"));
  CHECK(verdict.congested.front().delay_p95_us.value() == Approx(150).margin(40));
}

TEST_CASE("a link that loses as much and does not queue is corrupting", "[localize][congestion]") {
  SmallFabric fabric{.packets = 1'000};
  fabric.loss["leaf2>spine3"] = 1e-3;
  const Verdict verdict = judge(fabric, {.queued_us = {{"leaf1>spine1", 150}}});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects.front().id == "leaf2>spine3");
  CHECK(verdict.suspects.front().fault_class == FaultClass::kLoss);
  CHECK(is_congested(verdict, "leaf1>spine1"));
}

TEST_CASE("congestion that loses much is a suspect of its own class", "[localize][congestion]") {
  SmallFabric fabric{.packets = 1'000};
  fabric.loss["leaf2>spine3"] = 0.02;
  const Verdict verdict = judge(fabric, {.queued_us = {{"leaf2>spine3", 3'000}}});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects.front().id == "leaf2>spine3");
  CHECK(verdict.suspects.front().fault_class == FaultClass::kCongestion);
  CHECK(verdict.congested.empty());
}

TEST_CASE("a short queue does not excuse a large loss", "[localize][congestion]") {
  CHECK(spread_needed(1e-4) < spread_needed(1e-2));
  CHECK(spread_needed(1e-2) == Approx(53).margin(1));
  CHECK(std::isinf(spread_needed(kBusyShare)));
  SmallFabric fabric{.packets = 1'000};
  fabric.loss["leaf2>spine3"] = 0.1;
  const Verdict verdict = judge(fabric, {.queued_us = {{"leaf2>spine3", 60}}});
  REQUIRE(verdict.suspects.size() == 1);
  CHECK(verdict.suspects.front().fault_class == FaultClass::kLoss);
}

TEST_CASE("a flow's level is the median of its windows, now and before", "[localize][delay]") {
  const SmallFabric fabric{
      .leaves = 2, .spines = 1, .hosts_per_leaf = 1, .flows_per_pair = 1, .windows = 6};
  const SmallDelays delays{.added_us = {{"leaf1>spine1", 100}}, .since_window = 4};
  const ObservationSet set = delays.build(fabric.rows(1), 1);
  const DelayFlows flows = collect_delays(set, {});
  REQUIRE(flows.flows.size() == 2);
  CHECK(flows.has_past);
  CHECK(flows.now_from_s == 1'790'000'040);
  CHECK(flows.flows[0].now.p50 - flows.flows[0].before.p50 == Approx(100).margin(5));
  CHECK(flows.flows[1].now.p50 - flows.flows[1].before.p50 == Approx(0).margin(5));
}

TEST_CASE("the documents say what delays and what is only busy", "[localize][delay]") {
  SmallFabric fabric{.packets = 1'000};
  fabric.loss["leaf2>spine3"] = 1e-3;
  const Verdict verdict =
      judge(fabric, {.added_us = {{"leaf4>spine1", 300}}, .queued_us = {{"leaf2>spine3", 150}}});
  const std::string json = verdict_json(verdict, {});
  CHECK_THAT(json, Catch::Contains("\"class\": \"delay\""));
  CHECK_THAT(json, Catch::Contains("\"class\": \"congestion\""));
  const std::string text = verdict_explanation(verdict);
  CHECK_THAT(text, Catch::Contains("link leaf4>spine1 adds latency, +30"));
  CHECK_THAT(text, Catch::Contains("slow flows cross it"));
  CHECK_THAT(text, Catch::Contains("Congested, not accused: leaf2>spine3 (p95 +"));
}

}  // namespace
}  // namespace faultline::localize
