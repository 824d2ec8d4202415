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
  note_reported(report.node, start);
  if (last_judged_ && start <= *last_judged_) {
    keep_late(std::move(report), start);
    return false;
  }
  const auto [open, is_first] = windows_.try_emplace(start);
  if (is_first) open->second.was_waited_for = now < grace_end(start);
  auto& reports = open->second.reports[report.node];
  if (reports.size() >= kReportsPerNodeMax) {
    ++refused_reports_;
    return false;
  }
  reports.push_back(std::move(report.report));
  if (windows_.size() > kWindowsKeptMax) {
    windows_.erase(windows_.begin());
    ++windows_skipped_;
  }
  return true;
}

void WindowBook::keep_late(NodeReport report, WallTime start) {
  ++late_reports_;
  const auto span = options_.window * static_cast<std::int64_t>(options_.horizon_windows);
  if (start + span <= *last_judged_) return;
  auto& of_node = late_of_node_[report.node];
  if (late_waiting_ >= kLateReportsMax || of_node >= kLateReportsPerNodeMax) {
    ++refused_reports_;
    ++refused_late_reports_;
    return;
  }
  ++of_node;
  late_[start].push_back(std::move(report));
  ++late_waiting_;
}

void WindowBook::skip_due(WallTime now) {
  const WallTime open = first_not_due(now);
  while (!windows_.empty() && windows_.begin()->first < open) {
    last_judged_ = windows_.begin()->first;
    windows_.erase(windows_.begin());
  }
}

void WindowBook::set_back(WallTime now) {
  if (last_judged_ && *last_judged_ > now) last_judged_ = first_not_due(now) - options_.window;
  const WallTime open = first_open(now);
  std::erase_if(windows_, [&](const auto& it) { return it.first < open || it.first > now; });
  for (auto& [node, patience] : patience_) {
    patience.paid_until = std::min(patience.paid_until, open - options_.window);
  }
  late_.clear();
  late_of_node_.clear();
  late_waiting_ = 0;
}

WallTime WindowBook::first_not_due(WallTime now) const {
  return window_start(now - options_.report_delay, options_.window);
}

bool WindowBook::is_ripe(WallTime start, const Reports& reports, WallTime now,
                         const std::set<NodeId>& expected) const {
  if (now >= grace_end(start)) return true;
  const WallTime due = grace_end(start) - options_.window;
  return !expected.empty() && std::ranges::all_of(expected, [&](NodeId node) {
    return reports.contains(node) || (now >= due && !is_waited_for(node));
  });
}

bool WindowBook::is_waited_for(NodeId node) const {
  const auto at = patience_.find(node);
  return at == patience_.end() || at->second.owed == 0;
}

// Windows of before, a backlog, say nothing of when the next one comes; nor does one that comes
// twice.
void WindowBook::note_reported(NodeId node, WallTime start) {
  const auto at = patience_.find(node);
  if (at == patience_.end() || at->second.owed == 0 || start <= at->second.paid_until) return;
  --at->second.owed;
  at->second.paid_until = start;
}

// Of the window that is judged, which is still whole.
void WindowBook::note_punctuality(WallTime start, const std::set<NodeId>& expected) {
  const auto& [reports, was_waited_for] = windows_.at(start);
  if (!was_waited_for) return;
  for (const NodeId node : expected) {
    if (reports.contains(node) || !is_waited_for(node)) continue;
    auto& patience = patience_[node];
    patience.owed = patience.owed_next;
    patience.owed_next = std::min(2 * patience.owed_next, kOwedMax);
    patience.in_time = 0;
    patience.paid_until = start - options_.window;  // its own, when it comes, is the first
  }
  for (auto& [node, patience] : patience_) {
    if (patience.owed == 0 && reports.contains(node)) ++patience.in_time;
  }
  std::erase_if(patience_, [](const auto& it) { return it.second.in_time >= kForgivenAfter; });
}

std::optional<RipeWindow> WindowBook::take_ripe(WallTime now, const std::set<NodeId>& expected) {
  std::vector<WallTime> ripe;
  for (const auto& [start, open] : windows_) {
    if (!is_ripe(start, open.reports, now, expected)) break;
    ripe.push_back(start);
  }
  if (ripe.empty()) return std::nullopt;
  const std::size_t skipped = ripe.size() > kWindowsBehindMax ? ripe.size() - kWindowsBehindMax : 0;
  windows_skipped_ += skipped;
  return judge(ripe[skipped], expected);
}

RipeWindow WindowBook::judge(WallTime start, const std::set<NodeId>& expected) {
  last_judged_ = start;
  note_punctuality(start, expected);
  RipeWindow ripe{.window_start = start,
                  .nodes_expected = expected.size(),
                  .nodes_reported = windows_.at(start).reports.size(),
                  .windows = {}};
  for (auto& [window, reports] : late_) ripe.windows.push_back(std::move(reports));
  late_.clear();
  late_of_node_.clear();
  late_waiting_ = 0;
  sessions_reporting_ = sessions_in(windows_.at(start).reports);
  while (!windows_.empty() && windows_.begin()->first <= start) {
    auto& out = ripe.windows.emplace_back();
    for (auto& [node, of_node] : windows_.begin()->second.reports) {
      for (auto& report : of_node) out.push_back({node, std::move(report)});
    }
    windows_.erase(windows_.begin());
  }
  return ripe;
}

std::uint64_t WindowBook::sessions_in(const Reports& reports_of_window) {
  std::uint64_t sessions = 0;
  for (const auto& [node, reports] : reports_of_window) {
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
