// localize_bench: processor time and memory of the localizer on fat trees, how the time grows, and
// the ratio to Flock's algorithm on the same data in the same process. Run by hand, outside CI.
//
//   localize_bench            sizes, growth
//   localize_bench 48 10 [2]  one row: k, faulty links, faulty devices
//   localize_bench --flock 16 8
//   localize_bench --stream 48   incremental update of a window
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "controller/localize/localizer.h"
#include "controller/localize/stream.h"
#include "tests/bench/localize/fat_tree.h"
#ifdef FAULTLINE_BENCH_FLOCK
#include "tests/campaign/localize/baselines.h"
#endif

namespace {

using faultline::bench::FatTree;
using faultline::bench::Load;
using faultline::localize::Observation;
using faultline::localize::Verdict;

constexpr std::uint64_t kSeed = 5000;
constexpr std::int64_t kStart = 1'700'000'000;

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

double f1(std::size_t right, std::size_t named, std::size_t faults) {
  return named + faults == 0 ? 1
                             : 2 * static_cast<double>(right) / static_cast<double>(named + faults);
}

std::size_t rights(const Verdict& verdict, const std::set<std::string>& truth) {
  return static_cast<std::size_t>(std::ranges::count_if(verdict.suspects, [&](const auto& it) {
    return truth.contains(it.id) || std::ranges::any_of(it.ambiguous_with, [&](const auto& id) {
             return truth.contains(id);
           });
  }));
}

// The baseline hook: Flock with its authors' greedy search (joint likelihood exploration), beam 1.
void beside_flock([[maybe_unused]] FatTree& tree, [[maybe_unused]] double own_ms) {
#ifdef FAULTLINE_BENCH_FLOCK
  const double start = cpu_ms();
  const auto named = faultline::campaign::flock(tree.set(), {.beam = 1});
  const double took = cpu_ms() - start;
  const auto right = static_cast<std::size_t>(
      std::ranges::count_if(named, [&](const auto& id) { return tree.truth().contains(id); }));
  std::printf("  flock %8.0f ms  F1 %.3f  %5.1f x", took,
              f1(right, named.size(), tree.truth().size()), took / own_ms);
#else
  std::printf("  flock: not built in");
#endif
}

void row(const Load& load, bool flock) {
  FatTree tree(load, kSeed);
  std::size_t lossy = 0;
  for (const Observation& it : tree.window(kStart)) {
    lossy += it.lost > 0;
    if (!tree.set().add(it)) std::abort();
  }
  const double before_mb = peak_mb();
  const double start = cpu_ms();
  const Verdict verdict = localize(tree.set(), {.suspects_max = 1000});
  const double took = cpu_ms() - start;
  std::printf("%3u %7zu %8zu %7zu %3u+%u %8.1f %6.0f %6.0f  %.3f", load.k,
              tree.set().links().size(), tree.flow_count(), lossy, load.faulty_links,
              load.faulty_devices, took, before_mb, peak_mb(),
              f1(rights(verdict, tree.truth()), verdict.suspects.size(), tree.truth().size()));
  if (flock) beside_flock(tree, took);
  std::printf("\n");
}

// What a window more costs once the flows are known, and what reading each horizon costs.
void streaming(std::uint32_t k) {
  using namespace faultline::localize;
  FatTree tree({.k = k, .faulty_links = 10}, kSeed);
  Stream stream({});
  constexpr int kWindows = 6;
  double took = 0;
  for (int i = 0; i < kWindows; ++i) {
    const auto rows = tree.window(kStart + 10 * i);
    const double start = cpu_ms();
    stream.add_window(kStart + 10 * i, rows);
    if (i > 0) took += cpu_ms() - start;
  }
  const double start = cpu_ms();
  tree.set().set_observations(stream.rows(Horizon::kHalfHour));
  std::printf("k = %u, %zu flows: a window %.1f ms, half an hour's rows %.1f ms, peak %.0f MB\n", k,
              tree.flow_count(), took / (kWindows - 1), cpu_ms() - start, peak_mb());
}

// In a process of its own, so that memory is its own.
void apart(const Load& load, bool flock) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    row(load, flock);
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    std::fprintf(stderr, "a measurement ended early (out of memory?)\n");
    std::exit(1);
  }
}

void head() {
  std::printf("%3s %7s %8s %7s %5s %8s %6s %6s  %s\n", "k", "links", "flows", "lossy", "bad",
              "CPU ms", "MB in", "MB max", "F1");
}

std::uint32_t number(const char* text) {
  return static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

}  // namespace

int main(int argc, char** argv) {
  const bool flock = argc > 1 && std::strcmp(argv[1], "--flock") == 0;
  if (flock) {
    --argc;
    ++argv;
  }
  if (argc > 2 && std::strcmp(argv[1], "--stream") == 0) {
    streaming(number(argv[2]));
    return 0;
  }
  head();
  if (argc > 2) {
    apart({.k = number(argv[1]),
           .faulty_links = number(argv[2]),
           .faulty_devices = argc > 3 ? number(argv[3]) : 0},
          flock);
    return 0;
  }
  for (const std::uint32_t k : {10U, 16U, 24U, 48U}) {
    for (const std::uint32_t links : {0U, 1U, 10U, 20U}) {
      apart({.k = k, .faulty_links = links, .faulty_devices = links == 20 ? 2U : 0}, flock);
    }
  }
  std::printf("\ntime by lossy flows (k = 24, 10 faults, more packets per flow)\n");
  for (const std::uint32_t packets : {25U, 50U, 100U, 200U, 400U, 800U}) {
    apart({.k = 24, .packets_per_flow = packets, .faulty_links = 10}, flock);
  }
  return 0;
}
