#include "tests/campaign/localize/contest.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <mutex>
#include <thread>

#include "tests/campaign/localize/heap.h"
#include "tests/campaign/localize/oracle.h"

namespace faultline::campaign {
namespace {

constexpr std::uint32_t kSuspectsMax = 1000;

double thread_cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <typename Solve>
auto measured(Performance& performance, Solve solve) {
  heap_peak_reset();
  const double start = thread_cpu_s();
  auto answer = solve();
  performance.cpu_s = thread_cpu_s() - start;
  performance.heap_mb = static_cast<double>(heap_peak_bytes()) / 1e6;
  performance.ran = true;
  return answer;
}

void run_core(const Case& it, Outcome& outcome) {
  Performance& performance = outcome.by_method[static_cast<std::size_t>(Method::kCore)];
  outcome.verdict = measured(
      performance, [&] { return localize::localize(it.set, {.suspects_max = kSuspectsMax}); });
  const std::vector<Accusation> accused = accusations(it, outcome.verdict);
  performance.marks = judge(it, accused);
  for (std::size_t i = 0; i < accused.size(); ++i) {
    outcome.statements.push_back({accused[i].posterior, performance.marks.is_right[i] != 0});
    outcome.groups += accused[i].group.empty() ? 0 : 1;
  }
  for (const localize::Suspect& suspect : outcome.verdict.suspects) {
    outcome.links_blamed += suspect.kind <= localize::SuspectKind::kCable ? 1 : 0;
  }
}

// Round trips and known paths are what all of them can read; mixtures of paths only Flock.
bool can_read(Method method, const Scenario& scenario) {
  switch (scenario.paths) {
    case Paths::kKnown:
    case Paths::kRoundTrip:
      return true;
    case Paths::kCandidates:
    case Paths::kMixed:
      return method == Method::kFlock;
    case Paths::kSilent:
      return false;
  }
  return false;
}

void run_baselines(const Contest& contest, const Case& it, Outcome& outcome) {
  const FlowTable table(it.set);
  const auto run = [&](Method method, auto solve) {
    if (!can_read(method, it.scenario)) return;
    Performance& performance = outcome.by_method[static_cast<std::size_t>(method)];
    performance.marks = judge(it, accusations(measured(performance, solve)));
  };
  run(Method::kVotes, [&] { return votes_007(table, contest.settings.votes); });
  run(Method::kNetBouncer, [&] { return net_bouncer(table, contest.settings.net_bouncer); });
  run(Method::kFlock, [&] { return flock(table, contest.settings.flock); });
  if (!oracle_applies(it.scenario)) return;
  Performance& performance = outcome.by_method[static_cast<std::size_t>(Method::kOracle)];
  performance.marks = judge(it, accusations(measured(performance, [&] { return oracle(it); })));
}

}  // namespace

std::string_view to_string(Method method) {
  constexpr std::array<std::string_view, kMethods> kNames{"core", "007", "NetBouncer", "Flock",
                                                          "oracle"};
  return kNames[static_cast<std::size_t>(method)];
}

Outcome run_case(const Contest& contest, std::size_t scenario, std::uint64_t seed) {
  const Case it = make_case(contest.scenarios[scenario], seed);
  Outcome outcome;
  outcome.scenario = scenario;
  outcome.seed = seed;
  for (const localize::Observation& row : it.set.observations()) {
    outcome.lossy_flows += row.lost > 0 ? 1 : 0;
  }
  run_core(it, outcome);
  if (contest.baselines) run_baselines(contest, it, outcome);
  return outcome;
}

std::vector<Outcome> run_contest(const Contest& contest, const Progress& progress) {
  const std::size_t width = contest.scenarios.size();
  const std::size_t all = width * contest.seeds;
  const auto start = std::chrono::steady_clock::now();
  const std::chrono::duration<double, std::ratio<60>> limit(contest.minutes_max);
  std::vector<Outcome> outcomes(all);
  std::vector<std::uint8_t> ran(all);
  std::atomic<std::size_t> next = 0;
  std::size_t done = 0;
  std::mutex reporting;
  const auto work = [&] {
    for (std::size_t i = next++; i < all; i = next++) {
      if (std::chrono::steady_clock::now() - start > limit) return;
      outcomes[i] = run_case(contest, i % width, contest.first_seed + i / width);
      const std::lock_guard lock(reporting);
      ran[i] = 1;
      if (progress) progress(outcomes[i], ++done, all);
    }
  };
  std::vector<std::thread> others;
  for (std::uint32_t i = 1; i < contest.threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  std::vector<Outcome> result;
  for (std::size_t i = 0; i < all; ++i) {
    if (ran[i] != 0) result.push_back(std::move(outcomes[i]));
  }
  return result;
}

}  // namespace faultline::campaign
