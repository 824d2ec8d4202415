#include "tests/bench/localize/beside_flock.h"

#include <algorithm>
#include <cstdio>

#include "tests/bench/localize/measure.h"
#include "tests/campaign/localize/baselines.h"

namespace faultline::bench {
namespace {

// Its authors' code follows 50 hypotheses at once; with one it is plain greedy search.
constexpr std::uint32_t kBeam = 50;

struct Row {
  Solved own;
  double table_ms = 0;    // observations to flows and the components on their paths
  double prepare_ms = 0;  // the flows of each component, and the first gains
  Solved greedy;          // the search only
  Solved beam;
};

Solved search(const campaign::FlockSearch& flock, std::uint32_t beam,
              const std::set<std::string>& truth) {
  const double start = cpu_ms();
  const auto named = flock.run({.beam = beam});
  const double took = cpu_ms() - start;
  const auto right = static_cast<std::size_t>(
      std::ranges::count_if(named, [&](const auto& id) { return truth.contains(id); }));
  return {took, f1(right, named.size(), truth.size())};
}

Row measure(FatTree& tree) {
  Row row;
  row.own = solve(tree);
  double start = cpu_ms();
  const campaign::FlowTable table(tree.set());
  row.table_ms = cpu_ms() - start;
  start = cpu_ms();
  const campaign::FlockSearch flock(table);
  row.prepare_ms = cpu_ms() - start;
  row.greedy = search(flock, 1, tree.truth());
  row.beam = search(flock, kBeam, tree.truth());
  return row;
}

void print(const char* name, const Row& row) {
  std::printf("%7s %8.1f  %.3f %8.1f %8.1f %8.1f  %.3f %8.1f  %.3f\n", name, row.own.ms, row.own.f1,
              row.table_ms, row.prepare_ms, row.greedy.ms, row.greedy.f1, row.beam.ms, row.beam.f1);
}

void add(Row& sum, const Row& row) {
  sum.own.ms += row.own.ms;
  sum.own.f1 += row.own.f1;
  sum.table_ms += row.table_ms;
  sum.prepare_ms += row.prepare_ms;
  sum.greedy.ms += row.greedy.ms;
  sum.greedy.f1 += row.greedy.f1;
  sum.beam.ms += row.beam.ms;
  sum.beam.f1 += row.beam.f1;
}

}  // namespace

void beside_flock(std::uint32_t k, std::uint32_t faulty_links, std::uint32_t cases) {
  std::printf("k = %u, %u faulty links; ms of processor time\n", k, faulty_links);
  std::printf("%7s %8s  %5s %8s %8s %8s  %5s %8s  %5s\n", "seed", "own", "F1", "table", "prepare",
              "greedy", "F1", "beam 50", "F1");
  Row sum;
  for (std::uint64_t seed = kSeed; seed < kSeed + cases; ++seed) {
    FatTree tree({.k = k, .faulty_links = faulty_links}, seed);
    observe(tree);
    const Row row = measure(tree);
    print(std::to_string(seed).c_str(), row);
    add(sum, row);
  }
  for (double* mean : {&sum.own.f1, &sum.greedy.f1, &sum.beam.f1}) *mean /= cases;
  print("sum", sum);
  const double before = sum.table_ms + sum.prepare_ms;
  std::printf(
      "Flock as its authors run it %.1f x, greedy %.1f x (without its table %.1f x, %.1f x)\n",
      (before + sum.beam.ms) / sum.own.ms, (before + sum.greedy.ms) / sum.own.ms,
      (sum.prepare_ms + sum.beam.ms) / sum.own.ms, (sum.prepare_ms + sum.greedy.ms) / sum.own.ms);
}

}  // namespace faultline::bench
