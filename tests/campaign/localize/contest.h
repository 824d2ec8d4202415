// Contest: the core, the baselines and the oracle on the same cases, with marks, processor time and
// memory.
//
// Thread safety: run_case() from any thread; run_contest() uses its own.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "tests/campaign/localize/baselines.h"
#include "tests/campaign/localize/judge.h"
#include "tests/campaign/localize/scenario.h"

namespace faultline::campaign {

enum class Method : std::uint8_t { kCore, kVotes, kNetBouncer, kFlock, kOracle };
inline constexpr std::size_t kMethods = 5;
[[nodiscard]] std::string_view to_string(Method method);

struct Settings {
  VotesParameters votes;
  NetBouncerParameters net_bouncer;
  FlockParameters flock;
};

struct Performance {
  bool ran = false;
  Marks marks;
  double cpu_s = 0;    // one solve; the baselines' without reading their input
  double heap_mb = 0;  // at its peak, beside the observations
};

struct Statement {
  double posterior = 0;
  bool right = false;
};

struct Outcome {
  std::size_t scenario = 0;  // of the list given
  std::uint64_t seed = 0;
  std::array<Performance, kMethods> by_method;
  std::vector<Statement> statements;  // of the core
  std::uint32_t groups = 0;           // suspects of the core that are ambiguous
  std::uint32_t links_blamed = 0;     // by the core
  std::uint64_t lossy_flows = 0;
  localize::Verdict verdict;  // of the core

  [[nodiscard]] const Performance& of(Method method) const {
    return by_method[static_cast<std::size_t>(method)];
  }
};

struct Contest {
  std::vector<Scenario> scenarios;
  std::uint64_t first_seed = 5000;
  std::uint64_t seeds = 20;
  std::uint32_t threads = 1;
  bool baselines = true;
  double minutes_max = 1e9;  // no case is begun after so long
  Settings settings;
};

[[nodiscard]] Outcome run_case(const Contest& contest, std::size_t scenario, std::uint64_t seed);

// The cases in order of seed and scenario, whatever thread ran them; when time runs out, the last
// seeds are missing. `progress` is called with each
// outcome as it comes, from one thread at a time.
using Progress = std::function<void(const Outcome&, std::size_t done, std::size_t all)>;
[[nodiscard]] std::vector<Outcome> run_contest(const Contest& contest, const Progress& progress);

}  // namespace faultline::campaign
