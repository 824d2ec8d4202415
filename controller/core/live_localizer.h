// LiveLocalizer: the localizer that lives as long as the controller does.
//
// Why it exists: half an hour of a fleet's windows is too much to look at anew every ten seconds.
// Each window's observations are taken once, with the paths of its own time, and added to the
// counts of three horizons (localize/stream.h); names, links and routes are interned once and live
// on. What a window costs does not depend on the length of the horizons.
//
// A solve judges four horizons: the newest window, which notices first; a minute, five minutes and
// half an hour, which see ever weaker faults (horizons.h makes one verdict of them). The longer
// ones are solved anew with every window while the fleet is small; beyond flows_at_once_max, every
// few windows, and in between their suspects are only held against the newest windows. The result
// does not depend on what came before: the same windows, in whatever order and parts, give the same
// verdict to a localizer that has just begun, when both solve their longer horizons anew.
//
//   late reports     count when they come, for every horizon that still reaches back to them
//   excused nodes    what was observed at them is left out; of one that turns out to have been away
//                    in a window that was taken already, what was lost is taken out again
//   clock set back   it begins anew: the windows to come have the names of others that it took
//   other ids        all names are renewed, and what no horizon holds any more is forgotten
//
// Bounds: flows_max; names at most about twice what the horizons hold. What is refused is counted.
//
// Pure. Thread safety: none; owned by the solver's thread.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "controller/core/live_evidence.h"
#include "controller/core/observations.h"
#include "controller/core/solve.h"
#include "controller/localize/stream.h"

namespace faultline::core {

class LiveLocalizer {
 public:
  struct Options {
    Duration window = std::chrono::seconds{10};
    std::size_t horizon_windows = 6;                 // of the "minute"
    Duration excused_max = std::chrono::minutes{5};  // how long a node may be excused
    std::uint32_t flows_max = 4'000'000;
    std::size_t flows_at_once_max = 200'000;
  };
  explicit LiveLocalizer(const Options& options);
  LiveLocalizer(const LiveLocalizer&) = delete;  // the judges refer to its observations
  LiveLocalizer& operator=(const LiveLocalizer&) = delete;

  // Takes the job's windows and judges the last of them.
  [[nodiscard]] Solution solve(const SolveJob& job);
  // Takes a window of a former process; `reports` are what the journal holds of it.
  void recall(const RecallJob& job, std::span<const NodeReport> reports);

  [[nodiscard]] LiveFigures figures() const;

 private:
  struct Held {
    localize::Verdict verdict;
    std::size_t windows = 0;  // judged since it was solved
  };
  // Keep what can be at fault from solve to solve: one for the newest window, one for each horizon.
  struct Judges {
    explicit Judges(const localize::ObservationSet& set) : newest(set) {
      for (auto& judge : by_horizon) judge.emplace(set);
    }

    localize::Localizer newest;
    std::array<std::optional<localize::Localizer>, localize::kHorizons.size()> by_horizon;
  };

  void begin_anew();
  void follow(const topology::Topology& topology, const topology::PathBook& paths);
  [[nodiscard]] bool names_have_grown() const;
  // Of one window; returns how many sessions were left out.
  std::uint64_t take(std::span<const NodeReport> reports, Duration window,
                     const std::set<NodeId>& excused);
  std::uint64_t take_all(const SolveJob& job);
  void take_out_excused(const ExcusedNodes& excused, Duration window);
  void forget_old();

  [[nodiscard]] localize::Localizer& judge_of(localize::Horizon horizon);
  // Puts a horizon's rows in front of the localizer.
  void show(localize::Horizon horizon);
  void show_health(localize::Horizon horizon);
  [[nodiscard]] localize::Verdict judge_minute(const SolveJob& job);
  void add_longer(localize::Horizon horizon, const SolveJob& job, localize::Verdict& verdict);
  [[nodiscard]] const localize::Verdict& longer(localize::Horizon horizon, const SolveJob& job);
  [[nodiscard]] std::vector<localize::Suspect> explaining(
      const localize::Verdict& verdict, const std::vector<localize::Suspect>& asked) const;
  [[nodiscard]] std::vector<localize::Suspect> mended_beside(
      const std::vector<localize::Suspect>& asked) const;
  [[nodiscard]] std::vector<localize::NearMiss> still_near(
      localize::Horizon horizon, std::vector<localize::NearMiss> near_misses,
      const Crossings& explained, std::int64_t newest_end_s) const;
  void tell_affected(Solution& solution) const;
  static void tell_clocks(const SolveJob& job, Solution& solution);
  void tell_bursts(const SolveJob& job, Solution& solution) const;
  [[nodiscard]] std::vector<std::string> unmeasured(const SolveJob& job) const;

  Options options_;
  localize::Stream stream_;
  std::optional<ObservationBuilder> builder_;
  std::optional<Judges> judges_;
  std::vector<localize::ProbeHealth> health_;  // of all horizons, while one of them is shown
  std::uint64_t names_version_ = 0;
  std::size_t names_after_renewal_ = 0;
  ExcusedNodes taken_;  // windows taken lately, and who was excused then
  std::array<std::optional<Held>, localize::kHorizons.size()> held_;
  std::map<std::string, localize::Horizon> named_by_;  // longer horizons' suspects, by id
  // Of the window that is judged: what explains losses of the horizons, but not of the newest
  // windows. A fault of before must not be held against who shares a round trip with it.
  std::vector<localize::Suspect> mended_;
  std::uint64_t taken_out_ = 0;
  std::uint64_t renewals_ = 0;
};

}  // namespace faultline::core
