#include "controller/core/window_book.h"

#include <algorithm>

namespace faultline::core {

bool WindowBook::is_too_far_ahead(WallTime now, WallTime start) const {
  return start > now + options_.window * static_cast<std::int64_t>(kWindowsAheadMax);
}

bool WindowBook::add(WallTime now, NodeReport report) {
  const WallTime start = window_start(report.report->window_start, options_.window);
  if (is_too_far_ahead(now, start)) {
    ++refused_reports_;
    return false;
  }
  const bool judged = last_judged_ && start <= *last_judged_;
  if (judged) ++late_reports_;
  const bool too_old =
      last_judged_ &&
      start + options_.window * static_cast<std::int64_t>(options_.horizon_windows) < *last_judged_;
  if (too_old) return false;
  auto& reports = windows_[start][report.node];
  if (reports.size() >= kReportsPerNodeMax) {
    ++refused_reports_;
    return false;
  }
  reports.push_back(std::move(report.report));
  return !judged;
}

void WindowBook::skip_due(WallTime now) {
  for (const auto& [start, reports] : windows_) {
    if (start + options_.window + options_.report_delay <= now) last_judged_ = start;
  }
}

bool WindowBook::is_ripe(WallTime start, const Reports& reports, WallTime now,
                         const std::set<NodeId>& expected) const {
  const WallTime due = start + options_.window + options_.report_delay;
  if (now >= due + options_.window) return true;
  return !expected.empty() &&
         std::ranges::all_of(expected, [&](NodeId node) { return reports.contains(node); });
}

std::optional<RipeWindow> WindowBook::take_ripe(WallTime now, const std::set<NodeId>& expected) {
  for (const auto& [start, reports] : windows_) {
    if (last_judged_ && start <= *last_judged_) continue;
    if (!is_ripe(start, reports, now, expected)) return std::nullopt;
    return judge(start, expected.size());
  }
  return std::nullopt;
}

RipeWindow WindowBook::judge(WallTime start, std::size_t expected) {
  last_judged_ = start;
  const auto span = options_.window * static_cast<std::int64_t>(options_.horizon_windows);
  std::erase_if(windows_, [&](const auto& entry) { return entry.first + span <= start; });
  RipeWindow ripe{.window_start = start,
                  .nodes_expected = expected,
                  .nodes_reported = windows_.at(start).size(),
                  .windows = {}};
  for (const auto& [window, reports] : windows_) {
    if (window > start) break;
    auto& out = ripe.windows.emplace_back();
    for (const auto& [node, of_node] : reports) {
      for (const auto& report : of_node) out.push_back({node, report});
    }
  }
  return ripe;
}

std::uint64_t WindowBook::sessions_reporting() const {
  // The newest window is still filling up; the one judged last is the honest figure.
  const auto at = last_judged_ ? windows_.find(*last_judged_) : windows_.end();
  if (at == windows_.end()) return 0;
  std::uint64_t sessions = 0;
  for (const auto& [node, reports] : at->second) {
    // Of two reports for one window, both speak of much the same sessions.
    std::uint64_t most = 0;
    for (const auto& report : reports) {
      const auto reporting = std::ranges::count_if(
          report->flows, [](const FlowWindow& flow) { return flow.sent > 0; });
      most = std::max(most, static_cast<std::uint64_t>(reporting));
    }
    sessions += most;
  }
  return sessions;
}

}  // namespace faultline::core
