#include "controller/detect/detector.h"

#include "controller/detect/folding.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/detect/series.h"

namespace faultline::detect {
namespace {

constexpr NodeId kH1{1};
constexpr NodeId kH2{2};
constexpr int kLearned = 60;       // ten minutes
constexpr double kWindows = 2880;  // eight hours

Weather usual(int, NodeId, NodeId) { return {}; }

bool is_h1_h2(NodeId reporter, NodeId target) { return reporter == kH1 && target == kH2; }

// The pair h1 -> h2 is as `weather` says, all others are as usual.
Climate with_h1_h2(Weather weather) {
  return [weather](int, NodeId reporter, NodeId target) {
    return is_h1_h2(reporter, target) ? weather : Weather{};
  };
}

std::vector<Kind> kinds_of(const std::vector<Anomaly>& anomalies) {
  std::vector<Kind> kinds;
  for (const auto& anomaly : anomalies) kinds.push_back(anomaly.kind);
  return kinds;
}

TEST_CASE("what is abnormal is named once, with its kind, since when and how much", "[detect]") {
  struct {
    Weather weather;
    Kind kind;
    double usual, now, tolerance;
    Way way;
  } const cases[] = {{{.rtt_us = 3100}, Kind::kRttShift, 4.1e5, 3.1e6, 0.15, Way::kBoth},
                     {{.slow_flow_us = 2000}, Kind::kFlowShift, 3.5e5, 2.3e6, 0.3, Way::kBoth},
                     {{.loss_forward = 0.05}, Kind::kLoss, 0, 0.05, 0.6, Way::kForward},
                     {{.loss_return = 0.05}, Kind::kLoss, 0, 0.05, 0.6, Way::kReturn},
                     {{.loss_forward = 1}, Kind::kUnreachable, 0, 1, 0, Way::kBoth},
                     {{.dead_flow = true}, Kind::kDeadFlows, 0, 0, 0, Way::kBoth}};
  for (const auto& [weather, kind, before, now, tolerance, way] : cases) {
    CAPTURE(to_string(kind), to_string(way));
    Series series(1, 3);
    CHECK(series.run(kLearned, usual).empty());
    series.run(7, with_h1_h2(weather));
    const auto found = series.run(1, with_h1_h2(weather));
    REQUIRE(!found.empty());
    const auto it = std::ranges::find(found, kind, &Anomaly::kind);
    REQUIRE(it != found.end());
    for (const auto& each : found) CHECK(is_h1_h2(each.reporter, each.target));
    CHECK(it->now == Approx(now).epsilon(tolerance));
    if (before > 0) CHECK(it->usual == Approx(before).epsilon(0.15));
    CHECK(it->way == way);
    if (kind == Kind::kRttShift) CHECK(it->since == Series::start_of(kLearned));
    if (kind == Kind::kRttShift) CHECK(it->windows == 8);
    CHECK(it->since >= Series::start_of(kLearned));
    // Six quiet windows end a delay; a loss ends when the sum is down again.
    series.run(60, usual);
    CHECK(series.run(1, usual).empty());
  }
}

TEST_CASE("a slow tail is a tail and jitter, not a shift", "[detect]") {
  Series series(2, 3);
  series.run(kLearned, usual);
  const auto found = series.run(8, with_h1_h2({.slow_share = 0.2}));
  CHECK(kinds_of(found) == std::vector{Kind::kTail, Kind::kJitter});
}

TEST_CASE("healthy noise of any kind is silent for eight hours", "[detect]") {
  struct {
    const char* name;
    Climate climate;
  } const cases[] = {
      {"background loss", [](int, NodeId, NodeId) { return Weather{.loss_forward = 1e-4}; }},
      {"a tide of a factor of two",
       [](int window, NodeId, NodeId) {
         return Weather{.rtt_us = 2000 * std::exp2(0.5 * std::sin(window / kWindows * 6.2832))};
       }},
      {"one bad window in a hundred",
       [](int window, NodeId, NodeId) {
         return window % 100 == 77 ? Weather{.rtt_us = 40'000} : Weather{};
       }},
      {"a noisy path", [](int, NodeId, NodeId) { return Weather{.noise = 1.0}; }}};
  for (const auto& [name, climate] : cases) {
    CAPTURE(name);
    Series series(3, 2);
    series.run(int(kWindows), climate);
    CHECK(series.total == 0);
  }
}

TEST_CASE("what is abnormal lasts as long as it does, whatever becomes of our own clock",
          "[detect]") {
  for (const int set : {-360, 360, 4}) {
    CAPTURE(set);
    Series series(1, 3);
    series.run(kLearned, usual);
    series.run(8, with_h1_h2({.rtt_us = 3100}));
    series.window += set;
    series.detector.clock_was_set(kWindow * set);
    const auto found = series.run(1, with_h1_h2({.rtt_us = 3100}));
    REQUIRE(found.size() == 1);
    CHECK(found[0].windows == 9);
    CHECK(found[0].since == Series::start_of(kLearned + set));
  }
}

TEST_CASE("windows that are missing, and a clock that was set, are evidence of nothing",
          "[detect]") {
  Series series(4, 3);
  series.run(kLearned, usual);
  series.run(8, with_h1_h2({.rtt_us = 3100}));
  series.missing = {kH1};
  CHECK(kinds_of(series.run(3, usual)) == std::vector{Kind::kRttShift});
  series.run(30, usual);  // not heard of for long: no longer told
  CHECK(series.run(1, usual).empty());
  series.missing.clear();
  CHECK(kinds_of(series.run(1, with_h1_h2({.rtt_us = 3100}))) == std::vector{Kind::kRttShift});
  series.window += 100'000;  // the wall clock jumps
  CHECK(series.run(6, usual).empty());
}

TEST_CASE("a sick prober says nothing, and one that is a little unwell must say it louder",
          "[detect]") {
  const auto far = [](int, NodeId, NodeId) { return Weather{.rtt_us = 2000}; };
  const auto slow = with_h1_h2({.rtt_us = 3500});
  const auto h1_alone = [&](int window, NodeId reporter, NodeId target) {
    return is_h1_h2(reporter, target) ? slow(window, reporter, target) : Weather{.rtt_us = 2000};
  };
  Series series(5, 3);
  series.run(kLearned, far);
  series.doubts[kH1] = 0.7;
  CHECK(series.run(10, h1_alone).empty());
  CHECK(series.detector.counters().reports_sick == 10);
  series.doubts.clear();
  series.sick_targets = {kH2};
  CHECK(series.run(10, with_h1_h2({.rtt_us = 50'000, .loss_forward = 1})).empty());
  series.sick_targets.clear();
  series.doubts[kH1] = 0.4;
  CHECK(series.run(10, h1_alone).empty());
  series.doubts.clear();
  CHECK(kinds_of(series.run(10, h1_alone)) == std::vector{Kind::kRttShift});
}

TEST_CASE("a class's limits hold however long it has been so", "[detect]") {
  Series series(6, 3);
  series.parties = {{kH1, {.zone = "a"}}, {kH2, {.zone = "b"}}};
  const auto slow = [](int, NodeId, NodeId) {
    return Weather{.rtt_us = 15'000, .loss_return = 0.015};
  };
  const auto found = series.run(200, slow);
  for (const auto& each : found) {
    const bool is_wan = each.pair_class == PairClass::kWan;
    CHECK(is_wan == (is_h1_h2(each.reporter, each.target) || is_h1_h2(each.target, each.reporter) ||
                     each.pair_class == PairClass::kWan));
    CHECK(!is_wan);  // 300 ms and 2 % are allowed there
  }
  const auto over = std::ranges::count(found, Kind::kDelayLimit, &Anomaly::kind);
  CHECK(over == 4);  // of six pairs two are WAN
  CHECK(std::ranges::find(found, Kind::kDelayLimit, &Anomaly::kind)->usual == 1e7);
}

TEST_CASE("nothing is learned from a faulty period, whatever it is and however long", "[detect]") {
  for (std::uint64_t seed = 5000; seed < 5040; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 rng(seed);
    std::uniform_real_distribution<float> chance;
    std::normal_distribution<float> noise(0, 0.1F);
    Baseline baseline;
    const float level = 100'000 * std::exp2(8 * chance(rng));
    const auto value = [&](float factor) { return level * factor * std::exp2(noise(rng)); };
    const int warm = 60 + static_cast<int>(200 * chance(rng));
    for (int i = 0; i < warm; ++i) baseline.take(value(1), 1000);
    REQUIRE(baseline.is_judging());
    const auto before = baseline.learned();
    const float factor = 2.2F + 6 * chance(rng);
    const int length = 4 + static_cast<int>(2000 * chance(rng));
    for (int i = 0; i < length; ++i) {
      baseline.take(value(factor), 1000);
      REQUIRE(baseline.learned() == before);
    }
    CHECK(baseline.is_raised());
    for (int i = 0; i < kEndWindows; ++i) {
      CHECK(baseline.is_raised());
      baseline.take(level, 1000);
      CHECK(baseline.learned() == before);
    }
    CHECK(!baseline.is_raised());
    CHECK(baseline.usual() == Approx(level).epsilon(0.1));
    LossTest loss;
    for (int i = 0; i < warm; ++i) loss.take(80, 0);
    for (int i = 0; i < length; ++i) {
      loss.take(80, 8);
      REQUIRE(loss.usual() == 0);
    }
    CHECK(loss.is_raised());
  }
}

TEST_CASE("what the journal holds of the half hour before teaches as well as living through it",
          "[detect]") {
  // A fault of five minutes within it, the newest window first: it is not what is usual.
  const auto half_hour = [](int window, NodeId, NodeId) {
    return window < 30 ? Weather{.rtt_us = 5000} : Weather{};
  };
  Series series(7, 2);
  series.recall(180, half_hour);
  const auto found = series.run(4, with_h1_h2({.rtt_us = 5000}));
  CHECK(kinds_of(found) == std::vector{Kind::kRttShift});
  CHECK(found.at(0).usual == Approx(4.1e5).epsilon(0.15));
}

TEST_CASE("what has lasted for a day is the new normal", "[detect]") {
  Series series(8, 2, {.accept_after = std::chrono::minutes{20}});
  series.run(kLearned, usual);
  const auto slow = with_h1_h2({.rtt_us = 3100});
  CHECK(kinds_of(series.run(110, slow)) == std::vector{Kind::kRttShift});
  CHECK(series.run(60, slow).empty());
  CHECK(series.detector.counters().accepted >= 1);
  CHECK(kinds_of(series.run(8, with_h1_h2({.rtt_us = 30'000}))).size() == 2);
}

TEST_CASE("a node that is abnormal towards most of its peers is one finding", "[detect]") {
  Series series(9, 6);
  series.run(kLearned, usual);
  const auto found = series.run(8, [](int, NodeId reporter, NodeId target) {
    const bool slow = reporter == kH2 || target == kH2 || (reporter == NodeId{4} && target == kH1);
    return slow ? Weather{.rtt_us = 3100} : Weather{};
  });
  CHECK(found.size() == 11);
  const auto findings = fold(found, series.detector.pairs_of_nodes());
  REQUIRE(findings.size() == 2);
  const auto& node = findings[findings[0].is_node ? 0 : 1];
  CHECK(node.node == kH2);
  CHECK(node.pairs == 10);
  CHECK(node.pairs_of == 10);
}

}  // namespace
}  // namespace faultline::detect
