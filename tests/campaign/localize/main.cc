// localize_campaign: macro precision, recall and F1 of the localizer over made-up networks, and how
// well its posteriors are calibrated. Run by hand, outside CI; the figures go into README.md.
//
//   localize_campaign [SCENARIO|all] [SEEDS] [FIRST_SEED] [-v]
//   localize_campaign --bundle SCENARIO SEED      writes the bundle to stdout and the truth to
//   stderr
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "controller/localize/bundle.h"
#include "controller/localize/localizer.h"
#include "tests/campaign/localize/case.h"

namespace {

using faultline::campaign::Case;
using faultline::campaign::Scenario;
using faultline::localize::Suspect;
using faultline::localize::Verdict;

struct Result {
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  double false_alarms = 0;
  double milliseconds = 0;
};

struct Calibration {
  struct Bin {
    std::uint64_t said = 0;
    std::uint64_t right = 0;
    double posterior = 0;
  };
  std::array<Bin, 10> bins;

  void add(double posterior, bool right) {
    auto& bin = bins[static_cast<std::size_t>(std::min(9.0, posterior * 10))];
    ++bin.said;
    bin.right += right;
    bin.posterior += posterior;
  }
};

// The id that is in the truth, or the suspect's own.
std::string named(const Suspect& suspect, const std::set<std::string>& truth) {
  if (truth.contains(suspect.id)) return suspect.id;
  for (const std::string& id : suspect.ambiguous_with) {
    if (truth.contains(id)) return id;
  }
  return suspect.id;
}

void print_case(std::uint64_t seed, const Case& it, const Verdict& verdict) {
  std::printf("  seed %lu\n", seed);
  std::set<std::string> missed = it.truth;
  for (const Suspect& suspect : verdict.suspects) {
    const bool hit = it.truth.contains(named(suspect, it.truth));
    missed.erase(named(suspect, it.truth));
    std::printf("    %s %-7s %-9s %-20s p=%.4f loss=%.5f [%.5f, %.5f] %lu/%lu bad %lu good",
                hit ? "ok  " : "FALSE", std::string(to_string(suspect.kind)).c_str(),
                std::string(to_string(suspect.fault_class)).c_str(), suspect.id.c_str(),
                suspect.posterior, suspect.loss, suspect.loss_low, suspect.loss_high,
                suspect.evidence.bad_flows_crossing, suspect.evidence.bad_flows,
                suspect.evidence.good_flows_crossing);
    if (suspect.since_s) std::printf(" since %ld", *suspect.since_s);
    for (const std::string& id : suspect.ambiguous_with) std::printf(" ~%s", id.c_str());
    if (suspect.slice) std::printf(" slice: %s", suspect.slice->c_str());
    std::printf("\n");
  }
  for (const std::string& id : missed) std::printf("    MISSED %s\n", id.c_str());
  std::printf("    unexplained %lu\n", verdict.unexplained_bad_flows);
}

Result judge(const Case& it, const Verdict& verdict, Calibration& calibration) {
  std::set<std::string> hits;
  double wrong = 0;
  for (const Suspect& suspect : verdict.suspects) {
    const std::string id = named(suspect, it.truth);
    const bool right = it.truth.contains(id);
    calibration.add(suspect.posterior, right);
    if (right) {
      hits.insert(id);
    } else {
      ++wrong;
    }
  }
  Result result;
  const auto found = static_cast<double>(hits.size());
  result.false_alarms = wrong;
  result.precision = found + wrong > 0 ? found / (found + wrong) : 1;
  result.recall = it.truth.empty() ? 1 : found / static_cast<double>(it.truth.size());
  const double sum = result.precision + result.recall;
  result.f1 = sum > 0 ? 2 * result.precision * result.recall / sum : 0;
  return result;
}

Result run(const Scenario& scenario, std::uint64_t first, std::uint64_t seeds, bool verbose,
           Calibration& calibration) {
  Result mean;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const Case it = make_case(scenario, seed);
    const std::clock_t start = std::clock();
    const Verdict verdict = localize(it.set, {.suspects_max = 1000});
    const double took = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    const Result result = judge(it, verdict, calibration);
    if (verbose) print_case(seed, it, verdict);
    const auto count = static_cast<double>(seeds);
    mean.precision += result.precision / count;
    mean.recall += result.recall / count;
    mean.f1 += result.f1 / count;
    mean.false_alarms += result.false_alarms / count;
    mean.milliseconds += took / count;
  }
  return mean;
}

int write_case(const std::string& name, std::uint64_t seed) {
  for (const Scenario& scenario : faultline::campaign::scenarios()) {
    if (scenario.name != name) continue;
    const Case it = make_case(scenario, seed);
    faultline::localize::write_bundle(it.set, "localize_campaign", [](std::string_view line) {
      return std::fwrite(line.data(), 1, line.size(), stdout) == line.size();
    });
    for (const std::string& id : it.truth) std::fprintf(stderr, "%s\n", id.c_str());
    return 0;
  }
  std::fprintf(stderr, "no scenario is called %s\n", name.c_str());
  return 3;
}

void print_calibration(const Calibration& calibration) {
  std::printf("\nposterior   said  right  mean\n");
  for (const Calibration::Bin& bin : calibration.bins) {
    if (bin.said == 0) continue;
    const auto said = static_cast<double>(bin.said);
    std::printf("            %4lu  %.3f  %.3f\n", bin.said, static_cast<double>(bin.right) / said,
                bin.posterior / said);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool verbose = argc > 1 && std::strcmp(argv[argc - 1], "-v") == 0;
  if (verbose) --argc;
  if (argc > 3 && std::strcmp(argv[1], "--bundle") == 0) {
    return write_case(argv[2], std::strtoull(argv[3], nullptr, 10));
  }
  const std::string wanted = argc > 1 ? argv[1] : "all";
  const std::uint64_t seeds = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 8;
  const std::uint64_t first = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1000;
  Calibration calibration;
  std::printf("%-4s %-34s %9s %6s %6s %6s %8s\n", "", "scenario", "precision", "recall", "F1",
              "false", "CPU ms");
  for (const Scenario& scenario : faultline::campaign::scenarios()) {
    if (wanted != "all" && scenario.name.rfind(wanted, 0) != 0) continue;
    const Result result = run(scenario, first, seeds, verbose, calibration);
    std::printf("%-4s %-34s %9.3f %6.3f %6.3f %6.2f %8.1f\n", scenario.name.c_str(),
                scenario.what.c_str(), result.precision, result.recall, result.f1,
                result.false_alarms, result.milliseconds);
    std::fflush(stdout);
  }
  print_calibration(calibration);
  return 0;
}
