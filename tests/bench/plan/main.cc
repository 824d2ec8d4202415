// plan_bench K [CANDIDATES_PER_HOST [SEED]]: how few flows cover and tell apart all directed links
// of a fat tree, what choosing them costs, and how many change with one host.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "controller/plan/coverage.h"
#include "controller/plan/footprints.h"
#include "controller/plan/selection.h"
#include "tests/bench/plan/fat_tree.h"

namespace faultline::bench {
namespace {

constexpr std::uint32_t kRowLinksMax = 6;

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// That a black hole of one 5-tuple in ten swallows at least two of so many flows, so that it is
// seen and told from one flow's bad luck.
double hole_seen(std::uint32_t flows) {
  constexpr double kHole = 0.1;
  const double none = std::pow(1 - kHole, flows);
  return 1 - none - flows * kHole * none / (1 - kHole);
}

void print_quality(const FatTree& tree, const plan::FlowRoutes& routes,
                   const plan::Selection& selection, double seconds) {
  plan::Footprints footprints(routes);
  std::set<std::uint32_t> sources;
  for (const auto flow : selection.flows) footprints.add(flow);
  std::uint32_t pairs_least = ~0U;
  std::uint32_t rows_least = ~0U;
  std::uint32_t masked = 0;
  double holes = 0;
  for (plan::LinkNumber link = 0; link < tree.links(); ++link) {
    pairs_least = std::min(pairs_least, footprints.host_pairs(link, 99));
    rows_least = std::min(rows_least, footprints.crossing_rows(link));
    masked += footprints.maskers(link) ? 1 : 0;
    holes += hole_seen(footprints.crossing_rows(link));
  }
  const auto flows = static_cast<double>(selection.flows.size());
  const auto bound = plan::flows_lower_bound(tree.links(), kRowLinksMax);
  // At a packet per flow and second.
  const double loss_min = plan::kLossesNeeded / (60.0 * std::max(1U, rows_least));
  fmt::print("{:>9} {:>8.3f} {:>9} {:>9} {:>6} {:>6} {:>8} {:>8.2f} {:>9.3f} {:>7.1f}\n",
             selection.flows.size(), flows / bound, footprints.covered(), footprints.distinct(),
             rows_least, pairs_least, masked, seconds, 100 * loss_min, 100 * holes / tree.links());
}

using FlowSet = std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint16_t>>;

FlowSet to_set(const Candidates& all, const plan::Selection& selection) {
  FlowSet set;
  for (const auto flow : selection.flows) {
    const auto& [ends, port] = all.flows[flow];
    set.emplace(ends.source, ends.target, port);
  }
  return set;
}

std::vector<plan::FlowNumber> find_flows(const Candidates& all, const FlowSet& wanted) {
  std::vector<plan::FlowNumber> found;
  for (plan::FlowNumber flow = 0; flow < all.routes.size(); ++flow) {
    const auto& [ends, port] = all.flows[flow];
    if (wanted.contains({ends.source, ends.target, port})) found.push_back(flow);
  }
  return found;
}

std::size_t flows_gone(const FlowSet& before, const FlowSet& after) {
  return static_cast<std::size_t>(
      std::ranges::count_if(before, [&](const auto& flow) { return !after.contains(flow); }));
}

void print_stability(const FatTree& tree, const Candidates& all, std::uint32_t per_host,
                     std::uint64_t seed, const plan::Selection& selection,
                     const plan::SelectionConfig& config) {
  const auto full = to_set(all, selection);
  const auto fewer = candidates(tree, per_host, seed, tree.hosts() / 3);
  auto began = processor_seconds();
  const auto kept = find_flows(fewer, full);
  const auto removed = to_set(fewer, plan::select_flows(fewer.routes, {.in_force = kept}, config));
  const auto remove_seconds = processor_seconds() - began;
  began = processor_seconds();
  const auto left = find_flows(all, removed);
  const auto added = to_set(all, plan::select_flows(all.routes, {.in_force = left}, config));
  const auto add_seconds = processor_seconds() - began;
  const auto share = [&](std::size_t flows) {
    return 100.0 * static_cast<double>(flows) / static_cast<double>(full.size());
  };
  const auto gone = flows_gone(full, removed);
  const auto come = flows_gone(removed, full);
  fmt::print("  a host less: {} flows go, {} come ({:.2f} %), {:.2f} s\n", gone, come,
             share(gone + come), remove_seconds);
  const auto gone_again = flows_gone(removed, added);
  const auto come_again = flows_gone(added, removed);
  fmt::print("  a host more: {} flows go, {} come ({:.2f} %), {:.2f} s\n", gone_again, come_again,
             share(gone_again + come_again), add_seconds);
}

int run(std::uint32_t k, std::uint32_t per_host, std::uint64_t seed) {
  const FatTree tree(k, seed);
  const auto all = candidates(tree, per_host, seed, {});
  fmt::print("fat tree k={}: {} hosts, {} directed links, {} candidate flows, seed {}\n", k,
             tree.hosts(), tree.links(), all.routes.size(), seed);
  fmt::print(
      "no plan tells all links apart with fewer than {:.0f} flows (controller/plan/selection.h); "
      "k^3/5 is {:.0f}\n",
      plan::flows_lower_bound(tree.links(), kRowLinksMax), k * k * k / 5.0);
  fmt::print("{:<28} {:>9} {:>8} {:>9} {:>9} {:>6} {:>6} {:>8} {:>8} {:>9} {:>7}\n", "goal",
             "flows", "/bound", "covered", "distinct", "rows>=", "pairs>=", "masked", "CPU s",
             "loss, %", "holes, %");
  struct Goal {
    const char* name;
    plan::SelectionConfig config;
  };
  for (const auto& [name, config] :
       {Goal{"single faults", {.host_pairs_min = 1}},
        Goal{"single, 3 host pairs", {.host_pairs_min = 3}},
        Goal{"pairs of faults, 3 h. pairs", {.host_pairs_min = 3, .unmask = true}}}) {
    const auto began = processor_seconds();
    const auto selection = plan::select_flows(all.routes, {}, config);
    fmt::print("{:<28} ", name);
    print_quality(tree, all.routes, selection, processor_seconds() - began);
    print_stability(tree, all, per_host, seed, selection, config);
    std::fflush(stdout);
  }
  plan::Selection everything;
  for (plan::FlowNumber flow = 0; flow < all.routes.size(); ++flow)
    everything.flows.push_back(flow);
  fmt::print("{:<28} ", "all of them");
  print_quality(tree, all.routes, everything, 0);
  fmt::print("peak memory {:.0f} MiB\n", peak_mib());
  return 0;
}

}  // namespace
}  // namespace faultline::bench

int main(int argc, char** argv) {
  const auto argument = [&](int index, unsigned long fallback) {
    return index < argc ? std::strtoul(argv[index], nullptr, 10) : fallback;
  };
  const auto k = argument(1, 0);
  const auto per_host = argument(2, 64);
  if (k < 4 || k > 64 || k % 2 != 0 || per_host < 8 || per_host > 1024) {
    fmt::print(stderr,
               "plan_bench K [CANDIDATES_PER_HOST [SEED]]: K even, 4 to 64; 8 to 1024 "
               "candidates (64); seed 1\n");
    return 3;
  }
  return faultline::bench::run(static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(per_host),
                               argument(3, 1));
}
