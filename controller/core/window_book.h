// WindowBook: which nodes have reported which window, and when a window is ripe for judgement.
//
// It exists because windows arrive in any order and some never do: a window is judged once, as soon
// as every node that is expected to report has done so, or when one window of grace has passed
// (DESIGN.md decision 5). What arrives later is counted with the next window that is judged, but
// its own is not judged again.
//
// Patience: who was waited for in vain is not waited for again before it has reported a window
// since (nobody waits for a window of which the first report comes when its grace is over: a
// backlog): the fault that cuts off a node is told of no later for it. A report that came too late
// is one, for after an outage all are late while backlogs are written, and must not be judged
// without for ever. Each time in vain doubles the windows that it must report first, so one that
// comes and goes, or is always late, costs a grace in kOwedMax + 1 windows, not in each second.
//
// Every report is given out once. When the solver does not keep up, up to kWindowsBehindMax ripe
// windows wait; of more, the oldest are counted and not judged. At most kWindowsKeptMax windows are
// kept, the newest.
//
// Not thread safe; owned by the controller's loop. Reports are shared, immutable values.
#pragma once

#include <algorithm>
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
  static constexpr std::uint32_t kOwedMax = 32;  // windows to report before it is waited for
  static constexpr std::uint32_t kForgivenAfter =
      32;  // windows in time: what was in vain is forgotten

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
  // that will be named so from now on. The window of `now` itself, if it was judged (a small step),
  // stays so: another judgement of it would count one fault twice. Windows that are judged or due
  // by then are let go, with late reports of them: they are durable, and to be recalled. So are
  // windows of the future.
  void set_back(WallTime now);
  // The node is no member any more.
  void forget(NodeId node) { patience_.erase(node); }
  // The first window that is not due by `now`.
  [[nodiscard]] WallTime first_not_due(WallTime now) const;
  // The first that is neither due nor judged, some are before they are due: what a recall at `now`
  // leaves to the book.
  [[nodiscard]] WallTime first_open(WallTime now) const {
    return std::max(first_not_due(now), judged_until());
  }

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
  struct Open {
    Reports reports;
    bool was_waited_for = false;  // by its first report its grace was not over
  };
  // With a node that was waited for in vain.
  struct Patience {
    std::uint32_t owed_next = 1;  // windows, when it is in vain once more
    std::uint32_t owed = 0;       // before it is waited for again
    std::uint32_t in_time = 0;    // since it is
    WallTime paid_until{};        // the newest window that was counted
  };

  [[nodiscard]] bool is_ripe(WallTime start, const Reports& reports, WallTime now,
                             const std::set<NodeId>& expected) const;
  [[nodiscard]] static std::uint64_t sessions_in(const Reports& reports_of_window);
  void keep_late(NodeReport report, WallTime start);
  [[nodiscard]] bool is_waited_for(NodeId node) const;
  void note_reported(NodeId node, WallTime start);
  [[nodiscard]] WallTime grace_end(WallTime start) const {
    return start + 2 * options_.window + options_.report_delay;
  }
  void note_punctuality(WallTime start, const std::set<NodeId>& expected);
  // Hands out all windows up to `start`, which is judged.
  RipeWindow judge(WallTime start, const std::set<NodeId>& expected);

  Options options_;
  std::map<WallTime, Open> windows_;
  std::map<WallTime, std::vector<NodeReport>> late_;  // by window, which was judged
  std::map<NodeId, std::size_t> late_of_node_;
  std::size_t late_waiting_ = 0;
  std::optional<WallTime> last_judged_;
  std::map<NodeId, Patience> patience_;  // only of nodes that were expected
  std::uint64_t sessions_reporting_ = 0;
  std::uint64_t windows_skipped_ = 0;
  std::uint64_t late_reports_ = 0;
  std::uint64_t refused_reports_ = 0;
  std::uint64_t refused_late_reports_ = 0;
};

}  // namespace faultline::core
