#include "controller/store/fresh_windows.h"

#include <utility>

#include "common/wire/report_codec.h"
#include "controller/store/window_cursor.h"

namespace faultline::store {
namespace {

// Nothing where the entry is a gap, or damaged.
std::optional<Report> read_report(const std::optional<JournalEntry>& entry,
                                  std::optional<NodeId> target) {
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
    const auto report = read_report(cursor.entry(), target);
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
    while (cursor_.valid()) {
      WindowKey at = cursor_.key();
      if (at.node != node_) {
        seek_node(at);
        continue;
      }
      for (auto report = read_report(cursor_.entry(), target_); report;) {
        ++summary_.visited;
        if (!visitor_(node_, *report)) return false;
        report = follow(at, *report);
      }
      ++at.sequence;
      cursor_.seek(at);  // whatever else there is
    }
    return true;
  }

 private:
  // To this node's place in the window at hand, or in the one behind it.
  void seek_node(const WindowKey& at) {
    const bool is_before =
        std::pair(partition_of(at.node), at.node) < std::pair(partition_of(node_), node_);
    cursor_.seek(
        {is_before ? at.window_start : at.window_start + Duration{1}, node_, BootId{0}, 0});
  }
  // The report behind this one, `at` then being its key; nothing when it is not the next one.
  [[nodiscard]] std::optional<Report> follow(WindowKey& at, const Report& report) {
    const WindowKey next{at.window_start + report.window, node_, at.boot, at.sequence + 1};
    auto found = read_report(cursor_.find(next), target_);
    if (!found || found->window != report.window || found->plan != report.plan) {
      return std::nullopt;
    }
    at = next;
    return found;
  }

  WindowCursor& cursor_;
  const NodeId node_;
  const std::optional<NodeId> target_;
  ScanSummary& summary_;
  const FreshVisitor& visitor_;
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
