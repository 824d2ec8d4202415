// LiveDetector: the detector that lives as long as the controller does, fed with what the localizer
// is fed with.
//
// Why it exists: detect speaks of pairs, the localizer of components. Here they meet: what a
// suspect explains is said to be explained; the rest is what an engineer would otherwise miss.
//
// Pure. Thread safety: none; owned by the solver's thread, as the LiveLocalizer is.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "controller/core/solve.h"
#include "controller/detect/detector.h"

namespace faultline::core {

class LiveDetector {
 public:
  struct Options {
    detect::DetectConfig config;
    std::size_t recalled_windows = 180;  // that a start is given of the past
  };
  explicit LiveDetector(Options options) : options_(options), detector_(options.config) {}

  // Takes the window that was judged, and adds to its solution what is abnormal. Late reports of
  // windows before it are left out: they are the localizer's.
  void judge(const SolveJob& job, Solution& solution);
  // Takes a window of a former process; it only teaches.
  void recall(const RecallJob& job, std::span<const NodeReport> reports);

 private:
  Options options_;
  detect::Detector detector_;
};

// What is abnormal and nothing explains, as suspects for incidents of the lowest severity: those of
// `kinds` that have lasted for kAbnormalWindows, so that a component has had its chance to be
// named.
inline constexpr std::uint32_t kAbnormalWindows = 6;
[[nodiscard]] std::vector<incident::Suspect> abnormal_suspects(const Solution& solution,
                                                               const std::set<detect::Kind>& kinds);

// One line for an engineer: "h1 -> h7: round trip 0.4 -> 3.1 ms (12 spreads)".
[[nodiscard]] std::string sentence(const detect::Finding& finding,
                                   const topology::Topology& topology);

}  // namespace faultline::core
