// localize_campaign: the localizer beside the published ones on made-up networks. Run by hand,
// outside CI; README.md says how.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "controller/localize/bundle.h"
#include "tests/campaign/localize/calibrate.h"
#include "tests/campaign/localize/contest.h"
#include "tests/campaign/localize/report.h"

namespace faultline::campaign {
namespace {

constexpr int kExitUsage = 3;
// Nothing was ever tuned on seeds from here on.
constexpr std::uint64_t kReportSeed = 5000;

struct Arguments {
  std::string scenario = "all";
  std::uint64_t seeds = 8;
  std::uint64_t first = 1000;
  std::uint32_t threads = 1;
  bool verbose = false;
  bool baselines = false;
  std::string out = "localize-report";
  double minutes = 1e9;
  std::uint64_t sick_seeds = 200;
  std::uint64_t windows = 10'000;
};

// Those whose name begins so, several after commas; "all" and "links" are what they say.
std::vector<Scenario> chosen(const std::string& wanted) {
  std::vector<Scenario> result;
  for (const Scenario& scenario : scenarios()) {
    std::istringstream words(wanted);
    bool fits = false;
    for (std::string word; std::getline(words, word, ',');) {
      fits = fits || word == "all" || (word == "links" && is_link_scenario(scenario)) ||
             scenario.name.starts_with(word);
    }
    if (fits) result.push_back(scenario);
  }
  if (result.empty()) throw std::invalid_argument("no scenario is called " + wanted);
  return result;
}

void print_suspects(const Outcome& outcome) {
  const Marks& marks = outcome.of(Method::kCore).marks;
  std::printf("  seed %lu\n", outcome.seed);
  for (std::size_t i = 0; i < outcome.verdict.suspects.size(); ++i) {
    const localize::Suspect& suspect = outcome.verdict.suspects[i];
    const bool judged = marks.is_right.size() == outcome.verdict.suspects.size();
    std::printf("    %s %-7s %-9s %-20s p=%.4f loss=%.5f [%.5f, %.5f] %lu/%lu bad %lu good",
                !judged || marks.is_right[i] != 0 ? "ok  " : "FALSE",
                std::string(to_string(suspect.kind)).c_str(),
                std::string(to_string(suspect.fault_class)).c_str(), suspect.id.c_str(),
                suspect.posterior, suspect.loss, suspect.loss_low, suspect.loss_high,
                suspect.evidence.bad_flows_crossing, suspect.evidence.bad_flows,
                suspect.evidence.good_flows_crossing);
    if (suspect.delay_us) std::printf(" +%.0f us", *suspect.delay_us);
    if (suspect.delay_p95_us) std::printf(" p95 +%.0f us", *suspect.delay_p95_us);
    if (suspect.since_s) std::printf(" since %ld", *suspect.since_s);
    for (const std::string& id : suspect.ambiguous_with) std::printf(" ~%s", id.c_str());
    if (suspect.slice) std::printf(" slice: %s", suspect.slice->c_str());
    std::printf("\n");
  }
  for (const std::string& id : marks.missed) std::printf("    MISSED %s\n", id.c_str());
  std::printf("    unexplained %lu, congested", outcome.verdict.unexplained_bad_flows);
  for (const localize::Suspect& busy : outcome.verdict.congested) {
    std::printf(" %s(%.5f, p95 +%.0f)", busy.id.c_str(), busy.loss, busy.delay_p95_us.value_or(0));
  }
  std::printf("\n");
}

// Mean over the cases of one scenario; -1 when the method did not run.
template <typename Value>
double mean(const std::vector<Outcome>& outcomes, Method method, Value value) {
  double sum = 0;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.of(method).ran) return -1;
    sum += value(outcome.of(method));
  }
  return sum / static_cast<double>(outcomes.size());
}

double mean_f1(const std::vector<Outcome>& outcomes, Method method) {
  return mean(outcomes, method, [](const Performance& it) { return it.marks.f1; });
}

void print_row(const Scenario& scenario, const std::vector<Outcome>& outcomes, bool baselines) {
  const auto core = [&](auto value) { return mean(outcomes, Method::kCore, value); };
  std::printf("%-4s %-34s %9.3f %6.3f %6.3f %6.2f %8.1f", scenario.name.c_str(),
              scenario.what.c_str(), core([](const Performance& it) { return it.marks.precision; }),
              core([](const Performance& it) { return it.marks.recall; }),
              mean_f1(outcomes, Method::kCore),
              core([](const Performance& it) { return double{1} * it.marks.wrong; }),
              core([](const Performance& it) { return 1e3 * it.cpu_s; }));
  for (std::size_t i = 1; baselines && i < kMethods; ++i) {
    const double f1 = mean_f1(outcomes, static_cast<Method>(i));
    f1 < 0 ? std::printf("          -") : std::printf(" %10.3f", f1);
  }
  std::printf("\n");
  std::fflush(stdout);
}

void print_calibration(const std::vector<Statement>& statements) {
  std::printf("\nposterior   said  right  mean\n");
  for (int bin = 0; bin < 10; ++bin) {
    double said = 0;
    double right = 0;
    double sum = 0;
    for (const Statement& it : statements) {
      if (std::min(9, static_cast<int>(it.posterior * 10)) != bin) continue;
      ++said;
      right += it.right ? 1 : 0;
      sum += it.posterior;
    }
    if (said > 0) std::printf("            %4.0f  %.3f  %.3f\n", said, right / said, sum / said);
  }
}

int run(const Arguments& arguments) {
  std::vector<Statement> statements;
  std::printf("%-4s %-34s %9s %6s %6s %6s %8s%s\n", "", "scenario", "precision", "recall", "F1",
              "false", "CPU ms",
              arguments.baselines ? "        007 NetBouncer      Flock     oracle" : "");
  for (const Scenario& scenario : chosen(arguments.scenario)) {
    const Contest contest{.scenarios = {scenario},
                          .first_seed = arguments.first,
                          .seeds = arguments.seeds,
                          .threads = arguments.threads,
                          .baselines = arguments.baselines,
                          .settings = {}};
    const std::vector<Outcome> outcomes = run_contest(contest, {});
    print_row(scenario, outcomes, arguments.baselines);
    for (const Outcome& outcome : outcomes) {
      if (arguments.verbose) print_suspects(outcome);
      statements.insert(statements.end(), outcome.statements.begin(), outcome.statements.end());
    }
  }
  print_calibration(statements);
  return 0;
}

int write_bundle(const std::string& name, std::uint64_t seed) {
  for (const Scenario& scenario : scenarios()) {
    if (scenario.name != name) continue;
    const Case it = make_case(scenario, seed);
    localize::write_bundle(it.set, "localize_campaign", [](std::string_view line) {
      return std::fwrite(line.data(), 1, line.size(), stdout) == line.size();
    });
    for (const std::string& id : it.truth) std::fprintf(stderr, "%s\n", id.c_str());
    return 0;
  }
  std::fprintf(stderr, "no scenario is called %s\n", name.c_str());
  return kExitUsage;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string() + "; choose another --out");
}

void show_progress(const std::string& what) { std::fprintf(stderr, "\r%-60s", what.c_str()); }

// P1 is cheap, so it is tried more often than the rest: a link that is blamed for a starved prober
// costs an engineer a night.
std::optional<ScenarioSummary> try_sick(const Arguments& arguments) {
  if (arguments.sick_seeds == 0) return std::nullopt;
  const Contest contest{.scenarios = chosen("P1"),
                        .first_seed = arguments.first,
                        .seeds = arguments.sick_seeds,
                        .threads = arguments.threads,
                        .baselines = false,
                        .settings = {}};
  const std::vector<Outcome> outcomes =
      run_contest(contest, [](const Outcome&, std::size_t done, std::size_t all) {
        show_progress(fmt::format("sick probers, {} of {}", done, all));
      });
  std::vector<const Outcome*> all;
  for (const Outcome& outcome : outcomes) all.push_back(&outcome);
  return summarize(contest.scenarios.front(), all);
}

std::optional<FalseAlarms> try_false_alarms(const Arguments& arguments) {
  if (arguments.windows == 0) return std::nullopt;
  return count_false_alarms(arguments.windows, arguments.first, [&](std::uint64_t done) {
    if (done % 100 == 0) {
      show_progress(fmt::format("windows without a fault, {} of {}", done, arguments.windows));
    }
  });
}

int run_report(const Arguments& arguments) {
  std::filesystem::create_directories(arguments.out);
  Contest contest{.scenarios = chosen(arguments.scenario),
                  .first_seed = arguments.first,
                  .seeds = arguments.seeds,
                  .threads = arguments.threads,
                  .minutes_max = arguments.minutes,
                  .settings = {}};
  // Mixtures of paths take minutes each; asked for by name they run.
  if (arguments.scenario == "all") {
    std::erase_if(contest.scenarios, [](const Scenario& it) { return it.name.starts_with("M"); });
  }
  const std::vector<Outcome> outcomes =
      run_contest(contest, [&](const Outcome& it, std::size_t done, std::size_t all) {
        show_progress(fmt::format("{} of {}: {} seed {}, F1 {:.2f}", done, all,
                                  contest.scenarios[it.scenario].name, it.seed,
                                  it.of(Method::kCore).marks.f1));
      });
  const Report report =
      make_report(contest, outcomes, try_sick(arguments), try_false_alarms(arguments));
  show_progress("");
  const std::string text = to_markdown(report);
  std::printf("\r%s\n", text.c_str());
  const std::filesystem::path out(arguments.out);
  write_file(out / "localize.md", text);
  write_file(out / "localize.html", to_html(report));
  write_file(out / "localize.csv", to_csv(contest, outcomes));
  std::printf("written: %s/localize.html, .md and .csv\n", arguments.out.c_str());
  const bool all_met = std::ranges::all_of(report.targets, &Target::met);
  return all_met ? 0 : 1;
}

int run_calibration(const Arguments& arguments) {
  const Contest training{.scenarios = chosen(arguments.scenario),
                         .first_seed = arguments.first,
                         .seeds = arguments.seeds,
                         .threads = arguments.threads,
                         .settings = {}};
  const Calibration it = calibrate(
      training, [](const std::string& what) { std::fprintf(stderr, "\r%-30s", what.c_str()); });
  std::fprintf(stderr, "\r%-30s\r", "");
  std::printf("007         F1 %.3f (worst setting %.3f): share_min %g\n", it.votes_f1,
              it.votes_f1_min, it.best.votes.share_min);
  std::printf(
      "NetBouncer  F1 %.3f (worst setting %.3f): regularization %g, loss_min %g, device_share %g\n",
      it.net_bouncer_f1, it.net_bouncer_f1_min, it.best.net_bouncer.regularization,
      it.best.net_bouncer.loss_min, it.best.net_bouncer.device_share);
  std::printf("Flock       F1 %.3f (worst setting %.3f): bad_loss %g, good_loss %g, log_prior %g\n",
              it.flock_f1, it.flock_f1_min, it.best.flock.bad_loss, it.best.flock.good_loss,
              it.best.flock.log_prior);
  return 0;
}

}  // namespace
}  // namespace faultline::campaign

int main(int argc, char** argv) {
  using namespace faultline::campaign;
  Arguments arguments;
  std::vector<std::string> bundle;
  CLI::App app{"The localizer beside the published ones on made-up networks."};
  const auto add_cases = [&](CLI::App& to) {
    to.add_option("scenario", arguments.scenario, "name, its beginning, 'links' or 'all'");
    to.add_option("seeds,--seeds", arguments.seeds, "cases of each")->check(CLI::PositiveNumber);
    to.add_option("first,--first", arguments.first, "the first seed");
    to.add_option("--threads", arguments.threads)->check(CLI::Range(1, 2));
  };
  add_cases(app);
  app.add_flag("-v", arguments.verbose, "print every suspect");
  app.add_flag("--baselines", arguments.baselines, "007, NetBouncer, Flock and the oracle beside");
  app.add_option("--bundle", bundle, "SCENARIO SEED: the bundle to stdout, the truth to stderr")
      ->expected(2);
  CLI::App* calibration = app.add_subcommand("calibrate", "find the baselines' best settings");
  add_cases(*calibration);
  CLI::App* report = app.add_subcommand("report", "everything, as a table and a page with plots");
  add_cases(*report);
  report->add_option("--out", arguments.out, "directory for the page, the table and the cases");
  report->add_option("--minutes", arguments.minutes, "begin no case after so long");
  report->add_option("--sick-seeds", arguments.sick_seeds, "cases with a sick prober; 0: none");
  report->add_option("--windows", arguments.windows, "windows without a fault; 0: none");
  report->preparse_callback([&](std::size_t) {
    arguments.seeds = 20;
    arguments.first = kReportSeed;
  });
  CLI11_PARSE(app, argc, argv);
  try {
    if (!bundle.empty()) return write_bundle(bundle[0], std::stoull(bundle[1]));
    if (report->parsed()) return run_report(arguments);
    return calibration->parsed() ? run_calibration(arguments) : run(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "localize_campaign: %s\n", error.what());
    return kExitUsage;
  }
}
