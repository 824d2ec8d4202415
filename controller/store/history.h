// History: what was measured, as values that questions are answered with (views.h has the
// questions). Raw windows while they are kept, and the same in steps of a minute and an hour.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "common/base/time.h"
#include "common/model/report.h"

namespace faultline::store {

// One ordered pair of nodes over one step. Counts are packets, summed over flows and windows, as
// in FlowWindow (common/model/report.h).
struct Rollup {
  NodeId source{};
  NodeId target{};
  WallTime start{};
  std::uint64_t flow_windows = 0;  // how many windows of single flows are in it
  std::uint64_t sent = 0;
  std::uint64_t lost_forward = 0;
  std::uint64_t lost_return = 0;
  std::uint64_t lost_undetermined = 0;
  std::uint64_t late = 0;
  // Round trip, nanoseconds; all 0 when nothing was answered. The mean is over answers.
  std::uint64_t rtt_min_ns = 0;
  std::uint64_t rtt_mean_ns = 0;
  std::uint64_t rtt_max_ns = 0;
  stats::Histogram rtt{};  // merge() those of many pairs and steps, then ask for quantiles

  [[nodiscard]] std::uint64_t answered() const {
    return sent - lost_forward - lost_return - lost_undetermined;
  }
  void add(const FlowWindow& flow);
  // `other` is of the same pair or not, of the same step or not: start and nodes stay as they are.
  void merge(const Rollup& other);
  bool operator==(const Rollup&) const = default;
};

enum class Resolution : std::uint8_t { kMinute, kHour };

// Steps that begin in [from, to). A day of one pair in minutes is 24 reads, a year in hours 365;
// without a pair the cost is that of all that is stored in between.
struct RollupQuery {
  Resolution resolution = Resolution::kHour;
  WallTime from{};
  WallTime to{};
  std::optional<NodeId> source{};
  std::optional<NodeId> target{};  // needs a source
  // Windows that are not rolled up yet (the last hour) are summed while reading, which
  // costs as much as reading them raw. False: leave them out.
  bool include_fresh = true;
};

// Return false to end the scan. In order of time within a pair; a step may come in several pieces
// (merge them), as when results came late.
using RollupVisitor = std::function<bool(const Rollup&)>;

// One window of one pair: all its flows. The histogram is null when the report held none.
struct PairWindow {
  WallTime start{};
  Duration window{};
  std::span<const FlowWindow> flows{};
  const stats::Histogram* rtt = nullptr;
};
using PairVisitor = std::function<bool(const PairWindow&)>;

// A report without its paths (load_path_history has those); flows by target and port.
using ReportVisitor = std::function<bool(NodeId, const Report&)>;

}  // namespace faultline::store
