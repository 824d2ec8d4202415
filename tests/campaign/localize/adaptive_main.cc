// adaptive_campaign: what adaptive probing adds to the localizer, at how many packets. Run by hand.
//
//   adaptive_campaign [SCENARIO] [SEEDS] [FIRST_SEED] [-v]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/campaign/localize/adaptive.h"

namespace {

using faultline::campaign::AdaptiveRun;
using faultline::campaign::Case;
using faultline::localize::Verdict;

struct Score {
  double precision = 0;
  double recall = 0;
  double f1 = 0;

  void add(const Score& other, double weight) {
    precision += weight * other.precision;
    recall += weight * other.recall;
    f1 += weight * other.f1;
  }
};

Score score(const Case& it, const Verdict& verdict) {
  std::set<std::string> hits;
  double wrong = 0;
  for (const auto& suspect : verdict.suspects) {
    std::vector<std::string> names{suspect.id};
    names.insert(names.end(), suspect.ambiguous_with.begin(), suspect.ambiguous_with.end());
    const auto hit = std::ranges::find_if(
        names, [&](const std::string& name) { return it.truth.contains(name); });
    if (hit == names.end()) {
      ++wrong;
    } else {
      hits.insert(*hit);
    }
  }
  Score result;
  const auto found = static_cast<double>(hits.size());
  result.precision = found + wrong > 0 ? found / (found + wrong) : 1;
  result.recall = it.truth.empty() ? 1 : found / static_cast<double>(it.truth.size());
  const double sum = result.precision + result.recall;
  result.f1 = sum > 0 ? 2 * result.precision * result.recall / sum : 0;
  return result;
}

void print(const char* name, const Score& score) {
  std::printf("%-8s %9.3f %6.3f %6.3f", name, score.precision, score.recall, score.f1);
}

}  // namespace

int main(int argc, char** argv) {
  const bool verbose = argc > 1 && std::strcmp(argv[argc - 1], "-v") == 0;
  if (verbose) --argc;
  const std::string wanted = argc > 1 ? argv[1] : "B1";
  const std::uint64_t seeds = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20;
  const std::uint64_t first = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 5000;
  for (const auto& scenario : faultline::campaign::scenarios()) {
    if (scenario.name != wanted) continue;
    Score before;
    Score after;
    double share = 0;
    double share_max = 0;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
      Case it = make_case(scenario, seed);
      faultline::Rng rng(seed);
      const AdaptiveRun run = probe_adaptively(it, {}, rng);
      const double extra =
          static_cast<double>(run.packets_extra) / static_cast<double>(run.packets_planned);
      const double weight = 1 / static_cast<double>(seeds);
      before.add(score(it, run.before), weight);
      after.add(score(it, run.after), weight);
      share += weight * extra;
      share_max = std::max(share_max, extra);
      if (!verbose) continue;
      const auto& c = run.counters;
      std::printf(
          "seed %lu F1 %.3f -> %.3f, %.2f %% extra, %lu rounds; tests: %lu begun, %lu "
          "confirmed, %lu cleared, %lu given up; no flows %lu\n",
          seed, score(it, run.before).f1, score(it, run.after).f1, 100 * extra, c.rounds,
          c.tests_begun, c.tests_confirmed, c.tests_cleared, c.tests_given_up, c.without_flows);
    }
    std::printf("%s, %lu seeds from %lu\n%-8s %9s %6s %6s\n", scenario.name.c_str(), seeds, first,
                "", "precision", "recall", "F1");
    print("without", before);
    print("\nwith", after);
    std::printf("\nextra packets: mean %.2f %%, most %.2f %%\n", 100 * share, 100 * share_max);
    return 0;
  }
  std::fprintf(stderr, "no scenario is called %s\n", wanted.c_str());
  return 3;
}
