// DelayFlows: the delays of an ObservationSet, one row per flow: what it measures now, and what it
// measured before.
//
// Why it exists: a flow's own past is the best baseline, for it holds propagation, stacks and
// clocks; where there is none, the flow is compared with its like (delay_fit.h). Of each flow two
// levels are kept: p50, which added latency moves, and the spread p95 - p50, which queueing moves
// and which neither clocks nor distance touch. A level is the median over windows, so that one odd
// window changes nothing.
//
// "Now" is the horizon. When windows before it are in the set they are the past; else the first two
// thirds of at least four windows are.
//
// Flows whose path is not known are left out. Thread safety: immutable once built; the
// ObservationSet must outlive it. Units: microseconds.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "controller/localize/localizer.h"
#include "controller/localize/observation_set.h"

namespace faultline::localize {

// NaN where not measured.
struct DelayLevel {
  float p50 = std::numeric_limits<float>::quiet_NaN();
  float spread = std::numeric_limits<float>::quiet_NaN();
};

struct DelayFlow {
  DeviceIndex src;
  DeviceIndex dst;
  PathIndex forward;
  PathIndex back;  // only of a round trip
  bool round_trip = false;
  std::uint64_t sent = 0;  // now
  std::uint64_t lost = 0;
  std::uint32_t first_row = 0;  // into DelayFlows::rows; in order of time
  std::uint32_t row_count = 0;
  DelayLevel now;
  DelayLevel before;
};

struct DelayFlows {
  std::vector<DelayFlow> flows;
  std::vector<std::uint32_t> rows;  // observations, those of a flow next to each other
  bool has_past = false;
  std::int64_t now_from_s = kNoTime;  // the end of the last window of the past

  // Calls visit(link) for each link that the flow crosses, there and back.
  template <typename Visitor>
  static void visit_links(const ObservationSet& set, const DelayFlow& flow, Visitor visit) {
    for (const LinkIndex link : set.at(flow.forward)) visit(link.value());
    if (!flow.round_trip) return;
    for (const LinkIndex link : set.at(flow.back)) visit(link.value());
  }
};

// What stands for the middle of a window's delays: p50, or the minimum where that is all there is.
[[nodiscard]] inline float middle_us(const Delay& delay) {
  return std::isfinite(delay.p50_us) ? delay.p50_us : delay.min_us;
}

[[nodiscard]] DelayFlows collect_delays(const ObservationSet& set, const LocalizeOptions& options);

}  // namespace faultline::localize
