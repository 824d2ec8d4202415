#include "controller/ingest/clock_skew.h"

#include <algorithm>
#include <chrono>

namespace faultline::ingest {
namespace {

Duration trusted(Duration window) { return window / kTrustedSkewParts; }

// A probe tells of a window when its last replies had their chance: some seconds after its end.
constexpr Duration kReportDelayMax = std::chrono::seconds{10};

// To the nearest; a half goes up.
std::int64_t windows_in(Duration offset, Duration window) {
  const auto shifted = offset + window / 2;
  const auto whole = shifted / window;
  return shifted % window < Duration::zero() ? whole - 1 : whole;
}

}  // namespace

Timing timing_of(const Report& report, std::optional<Skew> skew, WallTime now) {
  const WallTime end = report.window_start + report.window;
  const bool is_future = end > now + trusted(report.window);
  if (!skew) return is_future ? Timing::kDoubtful : Timing::kTrusted;
  const Duration offset = skew->offset;
  const bool is_off = std::chrono::abs(offset) > trusted(report.window);
  if (!skew->settled) return is_off || is_future ? Timing::kDoubtful : Timing::kTrusted;
  if (!is_off) return Timing::kTrusted;
  // Named before its clock was set, and the offset may be of after that.
  if (std::chrono::abs(Duration{report.health.clock_step_ns}) > trusted(report.window)) {
    return Timing::kTrusted;
  }
  const WallTime true_end = end - offset;
  if (true_end > now + trusted(report.window)) return Timing::kTrusted;  // of before it was set
  const bool is_recent = true_end > now - kRecentWindows * report.window - kReportDelayMax;
  return is_recent || is_future ? Timing::kMoved : Timing::kTrusted;
}

Report moved(Report report, Duration offset) {
  report.window_start -= windows_in(offset, report.window) * report.window;
  report.health.clock_offset_ns = offset.count();
  const WallTime end = report.window_start + report.window;
  for (auto& path : report.paths) {
    path.traced_at = std::clamp(path.traced_at - offset, WallTime{}, end + report.window);
  }
  return report;
}

}  // namespace faultline::ingest
