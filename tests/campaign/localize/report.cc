#include "tests/campaign/localize/report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace faultline::campaign {
namespace {

constexpr std::size_t kCore = static_cast<std::size_t>(Method::kCore);
constexpr std::size_t kOracle = static_cast<std::size_t>(Method::kOracle);

MethodSummary summarize(const std::vector<const Outcome*>& outcomes, std::size_t method) {
  MethodSummary it;
  double squares = 0;
  const auto count = static_cast<double>(outcomes.size());
  for (const Outcome* outcome : outcomes) {
    const Performance& performance = outcome->by_method[method];
    if (!performance.ran) return {};
    it.precision += performance.marks.precision / count;
    it.recall += performance.marks.recall / count;
    it.f1 += performance.marks.f1 / count;
    it.wrong += performance.marks.wrong / count;
    it.cpu_ms += 1e3 * performance.cpu_s / count;
    it.heap_mb += performance.heap_mb / count;
    squares += performance.marks.f1 * performance.marks.f1 / count;
  }
  it.ran = !outcomes.empty();
  const double variance = std::max(0.0, squares - it.f1 * it.f1);
  if (count > 1) it.f1_error = std::sqrt(variance / (count - 1));
  return it;
}

Reliability reliability_of(const std::vector<Outcome>& outcomes) {
  Reliability it;
  for (const Outcome& outcome : outcomes) {
    for (const Statement& statement : outcome.statements) {
      const int index = std::clamp(static_cast<int>(statement.posterior * 10), 0, 9);
      Reliability::Bin& bin = it.bins[static_cast<std::size_t>(index)];
      ++bin.said;
      ++it.said;
      bin.right += statement.right ? 1 : 0;
      bin.posterior += statement.posterior;
    }
  }
  for (Reliability::Bin& bin : it.bins) {
    if (bin.said == 0) continue;
    it.error += std::abs(bin.right - bin.posterior) / static_cast<double>(it.said);
    bin.right /= static_cast<double>(bin.said);
    bin.posterior /= static_cast<double>(bin.said);
  }
  return it;
}

class Judgement {
 public:
  explicit Judgement(Report& report) : report_(report) {}

  void run() {
    headline();
    beside_oracle();
    for (const char* name : {"C2", "J1"}) at_least(name, 0.98);
    at_least("E1", 0.95);
    for (const char* name : {"D1", "D2", "D3", "H1"}) at_least(name, 1.0);
    round_trips();
    recall_is_full("N1", "MTU holes found");
    recall_is_full("W1", "wide area: fault in the class named");
    sick();
    false_alarms();
    if (report_.reliability.said > 0) {
      add("expected error of stated confidence", "at most 5 points",
          fmt::format("{:.1f} points over {} suspects", 100 * report_.reliability.error,
                      report_.reliability.said),
          report_.reliability.error <= 0.05);
    }
  }

 private:
  void add(std::string what, std::string wanted, std::string measured, bool met) {
    report_.targets.push_back({std::move(what), std::move(wanted), std::move(measured), met});
  }

  [[nodiscard]] const ScenarioSummary* row(std::string_view name) const {
    const auto it = std::ranges::find_if(
        report_.rows, [&](const ScenarioSummary& each) { return each.scenario.name == name; });
    return it == report_.rows.end() ? nullptr : &*it;
  }

  void headline() {
    const double core = report_.mean_f1[kCore];
    if (core < 0) return;
    add("mean F1 of the eleven link scenarios", "at least .94", fmt::format("{:.3f}", core),
        core >= 0.94);
    std::size_t best = 1;
    for (std::size_t i = 1; i < kOracle; ++i) {
      if (report_.mean_f1[i] > report_.mean_f1[best]) best = i;
    }
    if (report_.mean_f1[best] < 0) return;
    add("above the best baseline", "at least .04",
        fmt::format("{:.3f} above {}", core - report_.mean_f1[best],
                    to_string(static_cast<Method>(best))),
        core - report_.mean_f1[best] >= 0.04);
  }

  void beside_oracle() {
    double worst = -1;
    std::string where = "nowhere";
    for (const ScenarioSummary& each : report_.rows) {
      if (!is_link_scenario(each.scenario) || !each.by_method[kOracle].ran) continue;
      const double below = each.by_method[kOracle].f1 - each.by_method[kCore].f1;
      if (below > worst) {
        worst = below;
        where = each.scenario.name;
      }
    }
    if (where == "nowhere") return;
    add("each link scenario beside the oracle", "at most .03 below",
        worst <= 0 ? "never below" : fmt::format("{:.3f} below in {}", worst, where),
        worst <= 0.03);
  }

  void at_least(const char* name, double f1) {
    const ScenarioSummary* it = row(name);
    if (it == nullptr) return;
    add(fmt::format("F1 of {} ({})", name, it->scenario.what), fmt::format("{:.2f}", f1),
        fmt::format("{:.3f}", it->by_method[kCore].f1), it->by_method[kCore].f1 >= f1 - 1e-9);
  }

  void round_trips() {
    const ScenarioSummary* it = row("R1");
    if (it == nullptr) return;
    const MethodSummary& core = it->by_method[kCore];
    add("round trips only", "P 1.0, R .95",
        fmt::format("P {:.3f}, R {:.3f}", core.precision, core.recall),
        core.precision >= 1 - 1e-9 && core.recall >= 0.95);
  }

  void recall_is_full(const char* name, const char* what) {
    const ScenarioSummary* it = row(name);
    if (it == nullptr) return;
    const double recall = it->by_method[kCore].recall;
    add(what, "all", fmt::format("{:.1f} %", 100 * recall), recall >= 1 - 1e-9);
  }

  void sick() {
    if (!report_.sick) return;
    add("sick probers: cases in which a link is blamed", "0",
        fmt::format("{} of {}", report_.sick->cases_with_links_blamed, report_.sick->cases),
        report_.sick->cases_with_links_blamed == 0);
  }

  void false_alarms() {
    if (!report_.false_alarms) return;
    const FalseAlarms& it = *report_.false_alarms;
    const double share = static_cast<double>(it.with_suspects) / static_cast<double>(it.windows);
    add("windows with a false alarm", "below 0.1 %",
        fmt::format("{} of {} ({:.2f} %)", it.with_suspects, it.windows, 100 * share),
        share < 0.001);
  }

  Report& report_;
};

}  // namespace

ScenarioSummary summarize(const Scenario& scenario, const std::vector<const Outcome*>& outcomes) {
  ScenarioSummary row;
  row.scenario = scenario;
  for (std::size_t method = 0; method < kMethods; ++method) {
    row.by_method[method] = summarize(outcomes, method);
  }
  for (const Outcome* outcome : outcomes) {
    ++row.cases;
    row.cases_with_links_blamed += outcome->links_blamed > 0 ? 1 : 0;
    row.suspects += outcome->statements.size();
    row.groups += outcome->groups;
  }
  return row;
}

Report make_report(const Contest& contest, const std::vector<Outcome>& outcomes,
                   std::optional<ScenarioSummary> sick, std::optional<FalseAlarms> false_alarms) {
  Report report;
  report.contest = contest;
  report.sick = std::move(sick);
  report.false_alarms = std::move(false_alarms);
  std::array<double, kMethods> sum{};
  std::array<int, kMethods> count{};
  for (std::size_t i = 0; i < contest.scenarios.size(); ++i) {
    std::vector<const Outcome*> of_row;
    for (const Outcome& outcome : outcomes) {
      if (outcome.scenario == i) of_row.push_back(&outcome);
    }
    report.rows.push_back(summarize(contest.scenarios[i], of_row));
    if (!is_link_scenario(contest.scenarios[i])) continue;
    for (std::size_t method = 0; method < kMethods; ++method) {
      const MethodSummary& it = report.rows.back().by_method[method];
      if (!it.ran) continue;
      sum[method] += it.f1;
      ++count[method];
    }
  }
  for (std::size_t method = 0; method < kMethods; ++method) {
    report.mean_f1[method] = count[method] == 11 ? sum[method] / 11 : -1;
  }
  report.reliability = reliability_of(outcomes);
  for (const Outcome& outcome : outcomes) {
    ++report.cases;
    report.last_seed = std::max(report.last_seed, outcome.seed);
    const Performance& flock = outcome.of(Method::kFlock);
    if (contest.scenarios[outcome.scenario].shape != Shape::kFatTree) continue;
    report.points.push_back({static_cast<double>(outcome.lossy_flows),
                             1e3 * outcome.of(Method::kCore).cpu_s,
                             flock.ran ? 1e3 * flock.cpu_s : 0});
  }
  Judgement(report).run();
  return report;
}

std::string to_csv(const Contest& contest, const std::vector<Outcome>& outcomes) {
  std::string text = "scenario,seed,method,precision,recall,f1,wrong,cpu_ms,heap_mb\n";
  for (const Outcome& outcome : outcomes) {
    for (std::size_t i = 0; i < kMethods; ++i) {
      const Performance& it = outcome.by_method[i];
      if (!it.ran) continue;
      text += fmt::format("{},{},{},{:.4f},{:.4f},{:.4f},{},{:.1f},{:.1f}\n",
                          contest.scenarios[outcome.scenario].name, outcome.seed,
                          to_string(static_cast<Method>(i)), it.marks.precision, it.marks.recall,
                          it.marks.f1, it.marks.wrong, 1e3 * it.cpu_s, it.heap_mb);
    }
  }
  return text;
}

}  // namespace faultline::campaign
