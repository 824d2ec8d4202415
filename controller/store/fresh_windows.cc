#include "controller/store/fresh_windows.h"

#include <utility>

#include "common/wire/report_codec.h"
#include "controller/store/window_cursor.h"

namespace faultline::store {
namespace {

// The report under the cursor; nothing where it is a gap, or damaged.
std::optional<Report> read_report(WindowCursor& cursor, std::optional<NodeId> target) {
  const auto entry = cursor.entry();
  if (!entry || entry->is_gap()) return std::nullopt;
  auto report =
      target ? wire::decode_report(entry->payload, *target) : wire::decode_report(entry->payload);
  if (!report) return std::nullopt;
  report->paths.clear();
  return std::move(*report);
}

void scan_all(WindowCursor& cursor, std::optional<NodeId> target, ScanSummary& summary,
              const FreshVisitor& visitor, bool& wants_more) {
  for (; cursor.valid() && wants_more; cursor.next()) {
    const auto report = read_report(cursor, target);
    if (!report) continue;
    ++summary.visited;
    wants_more = visitor(cursor.key().node, *report);
  }
}

class NodeScan {
 public:
  NodeScan(WindowCursor& cursor, NodeId node, std::optional<NodeId> target, ScanSummary& summary,
           const FreshVisitor& visitor)
      : cursor_(cursor), node_(node), target_(target), summary_(summary), visitor_(visitor) {}

  // False: the visitor ended it.
  [[nodiscard]] bool run() {
    while (cursor_.valid() || jumped_) {
      if (jumped_ && (!cursor_.valid() || cursor_.key().node != node_)) {
        search_the_gap();
        continue;
      }
      const WindowKey at = cursor_.key();
      if (at.node != node_) {
        seek_node(at);
        continue;
      }
      if (at == unreadable_) {  // seen at the end of a jump, and noted then
        go_on();
        continue;
      }
      const auto report = read_report(cursor_, target_);
      if (std::exchange(jumped_, false) && !(report && follows(at, *report))) {
        if (!report) unreadable_ = at;
        search_the_gap();
        continue;
      }
      if (report) {
        seen_ = Seen{at.window_start, report->window, report->plan};
        ++summary_.visited;
        if (!visitor_(at.node, *report)) return false;
      }
      go_on();
    }
    return true;
  }

 private:
  struct Seen {
    WallTime start{};
    Duration window{};
    PlanRevision plan;

    [[nodiscard]] WallTime end() const { return start + window; }
  };

  void go_on() {
    cursor_.next();
    if (!cursor_.valid() || cursor_.key().node != node_) jump();
  }
  // To this node's place in the window at hand, or in the one behind it.
  void seek_node(const WindowKey& at) {
    const bool is_before =
        std::pair(partition_of(at.node), at.node) < std::pair(partition_of(node_), node_);
    cursor_.seek(
        {is_before ? at.window_start : at.window_start + Duration{1}, node_, BootId{0}, 0});
  }
  // Reads this node's part of the window alone, for what follows it is another node's and often in
  // another block. Whatever is found there ends behind where gaps were searched, so that from there
  // one can always jump on.
  void jump() {
    if (!seen_ || seen_->end() <= searched_until_) return;
    jumped_ = true;
    cursor_.seek_within({seen_->end(), node_, BootId{0}, 0});
  }
  [[nodiscard]] bool follows(const WindowKey& at, const Report& report) const {
    return at.window_start == seen_->end() && report.window == seen_->window &&
           report.plan == seen_->plan;
  }
  void search_the_gap() {
    jumped_ = false;
    searched_until_ = seen_->end();
    cursor_.seek({seen_->start + Duration{1}, node_, BootId{0}, 0});
  }

  WindowCursor& cursor_;
  const NodeId node_;
  const std::optional<NodeId> target_;
  ScanSummary& summary_;
  const FreshVisitor& visitor_;
  std::optional<Seen> seen_;  // the newest report
  std::optional<WindowKey> unreadable_;
  bool jumped_ = false;  // from there to where the next one should begin
  WallTime searched_until_ = WallTime::min();
};

// False: the visitor ended it.
bool pass_on_sums(const JournalEntry& entry, ScanSummary& summary, const RollupVisitor& visitor) {
  auto sums = wire::decode_sums(entry.payload);
  if (!sums) return true;
  ++summary.visited;
  Rollup piece{.source = entry.node, .start = entry.window_start};
  for (auto& sum : *sums) {
    piece.target = sum.target;
    piece.flow_windows = sum.flow_windows;
    piece.sent = sum.sent;
    piece.lost_forward = sum.lost_forward;
    piece.lost_return = sum.lost_return;
    piece.lost_undetermined = sum.lost_undetermined;
    piece.rtt = std::move(sum.rtt);
    if (!visitor(piece)) return false;
  }
  return true;
}

Status outcome_of(const WindowCursor& cursor) {
  if (cursor.status().ok()) return {};
  return tl::unexpected<Error>(Database::error("cannot read the results", cursor.status()));
}

}  // namespace

Result<bool> scan_fresh_sums(const Database& database, WallTime from, WallTime to,
                             const rocksdb::Snapshot* snapshot, ScanSummary& summary,
                             const RollupVisitor& visitor) {
  if (from >= to) return true;
  WindowCursor cursor{database, from, to, summary, snapshot};
  bool wants_more = true;
  for (; cursor.valid() && wants_more; cursor.next()) {
    const auto entry = cursor.entry();
    if (entry && !entry->is_gap()) wants_more = pass_on_sums(*entry, summary, visitor);
  }
  FAULTLINE_TRY_STATUS(outcome_of(cursor));
  return wants_more;
}

Result<bool> scan_fresh(const Database& database, const FreshQuery& query,
                        const rocksdb::Snapshot* snapshot, ScanSummary& summary,
                        const FreshVisitor& visitor) {
  if (query.from >= query.to) return true;
  const bool is_sweep = !query.node;
  WindowCursor cursor{database, query.from, query.to, summary, snapshot, is_sweep};
  bool wants_more = true;
  if (query.node) {
    wants_more = NodeScan(cursor, *query.node, query.target, summary, visitor).run();
  } else {
    scan_all(cursor, query.target, summary, visitor, wants_more);
  }
  FAULTLINE_TRY_STATUS(outcome_of(cursor));
  return wants_more;
}

}  // namespace faultline::store
