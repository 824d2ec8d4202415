// WindowBook: which nodes have reported which window, and when a window is ripe for judgement.
//
// It exists because windows arrive in any order and some never do: a window is judged once, as soon
// as every node that is expected to report has done so, or when one window of grace has passed
// (DESIGN.md decision 5). Who was waited for in vain is not waited for again: the fault that cuts
// off a node is told of no later for it. What arrives later is counted with the next window that is
// judged, but its own is not judged again.
//
// Every report is given out once. When the solver does not keep up, up to kWindowsBehindMax ripe
// windows wait; of more, the oldest are counted and not judged. At most kWindowsKeptMax windows are
// kept, the newest.
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

// What is new since the window judged before: by window, oldest first.
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
    std::size_t horizon_windows = 180;  // reports of older ones are of no use
    // Probes close a window only when its last replies had their chance; nothing is due before.
    Duration report_delay = std::chrono::seconds{4};
  };
  static constexpr std::size_t kWindowsAheadMax = 4;  // windows from the future: a clock is wrong
  static constexpr std::size_t kReportsPerNodeMax = 16;  // for one window; more are refused
  static constexpr std::size_t kLateReportsMax = 8192;   // until the next window; more are refused
  // Of one node likewise: half an hour's and some, so that no node takes all the room.
  static constexpr std::size_t kLateReportsPerNodeMax = 256;
  static constexpr std::size_t kWindowsBehindMax = 3;
  static constexpr std::size_t kWindowsKeptMax = 64;

  explicit WindowBook(const Options& options) : options_(options) {}

  // False when the window lies further ahead than kWindowsAheadMax or was judged already (then it
  // is late), or when the node has reported it kReportsPerNodeMax times. A probe that restarts
  // within a window reports it twice: both count. That no report comes twice is ingest::Dedup's
  // business.
  bool add(WallTime now, NodeReport report);
  [[nodiscard]] bool is_too_far_ahead(WallTime now, WallTime window_start) const;

  // At a restart: windows that were due by `now` count as judged, and are let go.
  void skip_due(WallTime now);
  // The clock was set back to `now`: what was judged of later windows is not in the way of those
  // that will be named so from now on. Windows that are due by then are let go, with late reports
  // of them: they are durable, and to be recalled. So are windows of the future.
  void set_back(WallTime now);
  // The first window that is not due by `now`.
  [[nodiscard]] WallTime first_not_due(WallTime now) const;

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
  // Of the window judged last: sessions with at least one packet sent.
  [[nodiscard]] std::uint64_t sessions_reporting() const { return sessions_reporting_; }
  [[nodiscard]] std::uint64_t late_reports() const { return late_reports_; }
  [[nodiscard]] std::uint64_t refused_reports() const { return refused_reports_; }
  // Of these, late ones for want of room; they are stored, but no live verdict counts them.
  [[nodiscard]] std::uint64_t refused_late_reports() const { return refused_late_reports_; }
  // Ripe windows that were not judged, or not even kept, for want of time.
  [[nodiscard]] std::uint64_t windows_skipped() const { return windows_skipped_; }

 private:
  using Reports = std::map<NodeId, std::vector<std::shared_ptr<const Report>>>;

  [[nodiscard]] bool is_ripe(WallTime start, const Reports& reports, WallTime now,
                             const std::set<NodeId>& expected) const;
  [[nodiscard]] static std::uint64_t sessions_in(const Reports& reports_of_window);
  void keep_late(NodeReport report, WallTime start);
  // Hands out all windows up to `start`, which is judged.
  RipeWindow judge(WallTime start, const std::set<NodeId>& expected);

  Options options_;
  std::map<WallTime, Reports> windows_;               // open ones
  std::map<WallTime, std::vector<NodeReport>> late_;  // by window, which was judged
  std::map<NodeId, std::size_t> late_of_node_;
  std::size_t late_waiting_ = 0;
  std::optional<WallTime> last_judged_;
  std::set<NodeId> absent_;  // expected in the window judged last, and missing
  std::uint64_t sessions_reporting_ = 0;
  std::uint64_t windows_skipped_ = 0;
  std::uint64_t late_reports_ = 0;
  std::uint64_t refused_reports_ = 0;
  std::uint64_t refused_late_reports_ = 0;
};

}  // namespace faultline::core
