#include "tests/bench/localize/measure.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace faultline::bench {
namespace {

std::size_t rights(const localize::Verdict& verdict, const std::set<std::string>& truth) {
  return static_cast<std::size_t>(std::ranges::count_if(verdict.suspects, [&](const auto& it) {
    return truth.contains(it.id) || std::ranges::any_of(it.ambiguous_with, [&](const auto& id) {
             return truth.contains(id);
           });
  }));
}

}  // namespace

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

std::size_t observe(FatTree& tree) {
  std::size_t lossy = 0;
  for (const localize::Observation& it : tree.window(kStart)) {
    lossy += it.lost > 0;
    if (!tree.set().add(it)) std::abort();
  }
  return lossy;
}

double f1(std::size_t right, std::size_t named, std::size_t faults) {
  return named + faults == 0 ? 1
                             : 2 * static_cast<double>(right) / static_cast<double>(named + faults);
}

Solved solve(FatTree& tree) {
  const double start = cpu_ms();
  const localize::Verdict verdict = localize::localize(tree.set(), {.suspects_max = 1000});
  const double took = cpu_ms() - start;
  return {took, f1(rights(verdict, tree.truth()), verdict.suspects.size(), tree.truth().size())};
}

}  // namespace faultline::bench
