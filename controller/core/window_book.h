// WindowBook: which nodes have reported which window, and when a window is ripe for judgement.
//
// It exists because windows arrive in any order and some never do: a window is judged once, as soon
// as every node that is expected to report has done so, or when one window of grace has passed
// (DESIGN.md decision 5). What arrives later is stored by the journal but not judged again.
//
// Not thread safe; owned by the controller's loop. Reports are shared, immutable values.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "common/base/time.h"
#include "common/model/report.h"

namespace faultline::core {

struct NodeReport {
  NodeId node;
  std::shared_ptr<const Report> report;
};

// The judged window and the ones before it, oldest first, as far back as `horizon_windows` asks.
struct RipeWindow {
  WallTime window_start{};
  std::size_t nodes_expected = 0;
  std::size_t nodes_reported = 0;
  std::vector<std::vector<NodeReport>> windows;  // windows.back() is the judged one
};

class WindowBook {
 public:
  struct Options {
    Duration window = std::chrono::seconds{10};
    std::size_t horizon_windows = 6;  // kept after judgement, for the longer horizons
    // Probes close a window only when its last replies had their chance; nothing is due before.
    Duration report_delay = std::chrono::seconds{4};
  };
  static constexpr std::size_t kWindowsAheadMax = 4;  // windows from the future: a clock is wrong
  static constexpr std::size_t kReportsPerNodeMax = 16;  // for one window; more are refused

  explicit WindowBook(const Options& options) : options_(options) {}

  // False when the window lies further ahead than kWindowsAheadMax or was judged already, or when
  // the node has reported it kReportsPerNodeMax times. A probe that restarts within a window
  // reports it twice: both count. That no report comes twice is ingest::Dedup's business.
  bool add(WallTime now, NodeReport report);
  [[nodiscard]] bool is_too_far_ahead(WallTime now, WallTime window_start) const;

  // At a restart: windows that were due by `now` count as judged; they only serve as horizon.
  void skip_due(WallTime now);

  // The next window to judge, if one is ripe; call until it returns nothing. `expected` are the
  // nodes that are live and have a plan. Windows in which nobody reported are skipped.
  std::optional<RipeWindow> take_ripe(WallTime now, const std::set<NodeId>& expected);

  [[nodiscard]] std::optional<WallTime> last_judged() const { return last_judged_; }
  // Where the windows end that are judged; min() before the first.
  [[nodiscard]] WallTime judged_until() const {
    return last_judged_ ? *last_judged_ + options_.window : WallTime::min();
  }
  // How long after its end a window that anybody reported is judged at the latest.
  [[nodiscard]] Duration judged_within() const { return options_.report_delay + options_.window; }
  // Of the newest window that anybody reported: sessions with at least one packet sent.
  [[nodiscard]] std::uint64_t sessions_reporting() const;
  [[nodiscard]] std::uint64_t late_reports() const { return late_reports_; }
  [[nodiscard]] std::uint64_t refused_reports() const { return refused_reports_; }

 private:
  using Reports = std::map<NodeId, std::vector<std::shared_ptr<const Report>>>;

  [[nodiscard]] bool is_ripe(WallTime start, const Reports& reports, WallTime now,
                             const std::set<NodeId>& expected) const;
  RipeWindow judge(WallTime start, std::size_t expected);

  Options options_;
  std::map<WallTime, Reports> windows_;  // judged ones up to the horizon, then the open ones
  std::optional<WallTime> last_judged_;
  std::uint64_t late_reports_ = 0;
  std::uint64_t refused_reports_ = 0;
};

}  // namespace faultline::core
