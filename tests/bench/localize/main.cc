// localize_bench: processor time and memory of the localizer on fat trees, how the time grows, and
// the ratio to Flock's algorithm on the same data in the same process. Run by hand, outside CI.
//
//   localize_bench                  sizes by faults
//   localize_bench 48 10 [2]        one row: k, faulty links, faulty devices
//   localize_bench --delays 48 10   the same row, with delays
//   localize_bench --flock 16 8 10  ten cases beside Flock's algorithm
//   localize_bench --growth growth.svg
//   localize_bench --stream 48      a window more, and the solve after it
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "controller/localize/stream.h"
#include "tests/bench/localize/growth.h"
#include "tests/bench/localize/measure.h"
#ifdef FAULTLINE_BENCH_FLOCK
#include "tests/bench/localize/beside_flock.h"
#endif

namespace {

using faultline::bench::cpu_ms;
using faultline::bench::FatTree;
using faultline::bench::kSeed;
using faultline::bench::kStart;
using faultline::bench::Load;
using faultline::bench::peak_mb;
using faultline::bench::Solved;

void row(const Load& load) {
  FatTree tree(load, kSeed);
  const std::size_t lossy = faultline::bench::observe(tree);
  const double before_mb = peak_mb();
  const Solved solved = faultline::bench::solve(tree);
  std::printf("%3u %7zu %8zu %7zu %3u+%u %8.1f %6.0f %6.0f  %.3f\n", load.k,
              tree.set().links().size(), tree.flow_count(), lossy, load.faulty_links,
              load.faulty_devices, solved.ms, before_mb, peak_mb(), solved.f1);
}

// What a window more costs once the flows are known, what reading the longest horizon costs, and a
// solve of it: the first one, and one after it.
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
  double start = cpu_ms();
  tree.set().set_observations(stream.rows(Horizon::kHalfHour));
  std::printf("k = %u, %zu flows: a window %.1f ms, half an hour's rows %.1f ms", k,
              tree.flow_count(), took / (kWindows - 1), cpu_ms() - start);
  Localizer localizer(tree.set());
  for (const char* which : {"first", "next"}) {
    start = cpu_ms();
    const Verdict verdict = localizer.run({});
    std::printf(", %s solve %.1f ms (%zu suspects)", which, cpu_ms() - start,
                verdict.suspects.size());
  }
  std::printf(", peak %.0f MB\n", peak_mb());
}

// In a process of its own, so that memory is its own.
void apart(const Load& load) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    row(load);
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

int beside([[maybe_unused]] int argc, [[maybe_unused]] char** argv) {
#ifdef FAULTLINE_BENCH_FLOCK
  faultline::bench::beside_flock(number(argv[2]), number(argv[3]), argc > 4 ? number(argv[4]) : 1);
  return 0;
#else
  std::fprintf(stderr, "the baselines of tests/campaign/localize are not built in\n");
  return 1;
#endif
}

int growth(const char* file) {
  std::ofstream out(file);
  if (!(out << faultline::bench::growth_plot(faultline::bench::measure_growth())).flush()) {
    std::fprintf(stderr, "%s cannot be written\n", file);
    return 1;
  }
  return 0;
}

int sizes() {
  head();
  for (const std::uint32_t k : {10U, 16U, 24U, 48U}) {
    for (const std::uint32_t links : {0U, 1U, 10U, 20U}) {
      apart({.k = k, .faulty_links = links, .faulty_devices = links == 20 ? 2U : 0});
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto asked = [&](const char* name, int arguments) {
    return argc > arguments + 1 && std::strcmp(argv[1], name) == 0;
  };
  if (asked("--flock", 2)) return beside(argc, argv);
  if (asked("--growth", 1)) return growth(argv[2]);
  if (asked("--stream", 1)) {
    streaming(number(argv[2]));
    return 0;
  }
  if (asked("--delays", 2)) {
    head();
    apart({.k = number(argv[2]), .faulty_links = number(argv[3]), .delays = true});
    return 0;
  }
  if (argc == 1) return sizes();
  if (argc < 3) {
    std::fprintf(stderr,
                 "localize_bench [K LINKS [DEVICES] | --delays K LINKS | "
                 "--flock K LINKS [CASES] | --growth FILE | --stream K]\n");
    return 3;
  }
  head();
  apart({.k = number(argv[1]),
         .faulty_links = number(argv[2]),
         .faulty_devices = argc > 3 ? number(argv[3]) : 0});
  return 0;
}
