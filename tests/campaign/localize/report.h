// Report: what a contest showed, against what was promised.
//
// Thread safety: pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/campaign/localize/contest.h"
#include "tests/campaign/localize/false_alarms.h"

namespace faultline::campaign {

struct MethodSummary {
  bool ran = false;
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  double f1_error = 0;  // standard error of the mean over seeds
  double wrong = 0;     // accusations per case
  double cpu_ms = 0;
  double heap_mb = 0;
};

struct ScenarioSummary {
  Scenario scenario;
  std::array<MethodSummary, kMethods> by_method;
  std::uint64_t cases = 0;
  std::uint64_t cases_with_links_blamed = 0;
  std::uint64_t suspects = 0;
  std::uint64_t groups = 0;  // of these, ambiguous
};

struct Reliability {
  struct Bin {
    std::uint64_t said = 0;
    double right = 0;      // share
    double posterior = 0;  // mean
  };
  std::array<Bin, 10> bins;
  std::uint64_t said = 0;
  double error = 0;  // mean of |right - posterior| over statements, by bin
};

struct Target {
  std::string what;
  std::string wanted;
  std::string measured;
  bool met = false;
};

struct Point {
  double lossy_flows = 0;
  double core_ms = 0;
  double flock_ms = 0;
};

struct Report {
  Contest contest;
  std::vector<ScenarioSummary> rows;
  std::array<double, kMethods> mean_f1{};  // of the eleven link scenarios; -1 when incomplete
  Reliability reliability;
  std::optional<ScenarioSummary> sick;  // P1 over many more seeds
  std::optional<FalseAlarms> false_alarms;
  std::vector<Target> targets;
  std::vector<Point> points;
  std::uint64_t cases = 0;
  std::uint64_t last_seed = 0;
};

[[nodiscard]] ScenarioSummary summarize(const Scenario& scenario,
                                        const std::vector<const Outcome*>& outcomes);
[[nodiscard]] Report make_report(const Contest& contest, const std::vector<Outcome>& outcomes,
                                 std::optional<ScenarioSummary> sick,
                                 std::optional<FalseAlarms> false_alarms);

[[nodiscard]] std::string to_markdown(const Report& report);
// One file, without scripts and without anything to load.
[[nodiscard]] std::string to_html(const Report& report);
// A line per case and method.
[[nodiscard]] std::string to_csv(const Contest& contest, const std::vector<Outcome>& outcomes);

}  // namespace faultline::campaign
