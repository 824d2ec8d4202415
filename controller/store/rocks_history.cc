// RocksViews' history: results from blocks, roll-ups, and what is not sealed yet, on one snapshot,
// so that nothing is missed or seen twice while it is being sealed.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include <rocksdb/snapshot.h>

#include "controller/store/bucket_cursor.h"
#include "controller/store/fresh_windows.h"
#include "controller/store/node_block.h"
#include "controller/store/rocks_views.h"
#include "controller/store/rollup.h"

namespace faultline::store {
namespace {

struct Interval {
  WallTime from{};
  WallTime to{};

  [[nodiscard]] bool holds(WallTime time) const { return from <= time && time < to; }
};

Status failed(const rocksdb::Status& status) {
  return tl::unexpected<Error>(Database::error("cannot read the results", status));
}

// The blocks of one node in one bucket, put together to its reports again.
class NodeReports {
 public:
  explicit NodeReports(const Interval& interval) : interval_(interval) {}

  // False when damaged.
  [[nodiscard]] bool add(const BucketKey& key, std::string_view value) {
    if (key.target == NodeId{0}) {
      return decode_parts(value, [&](const NodePart& part) {
        auto& reports = parts_[part.id];
        reports.clear();
        for (const auto& row : part.rows) {
          reports.push_back({.plan = row.plan,
                             .window_start = row.time.start,
                             .window = row.time.window,
                             .health = row.health});
        }
      });
    }
    return decode_parts(value, key.target, [&](FlowPart part) {
      const auto at = parts_.find(part.id);
      if (at == parts_.end()) return;  // its node's block is damaged, which was noted
      auto& reports = at->second;
      for (const auto& row : part.rows) {
        if (row.window < reports.size() && interval_.holds(reports[row.window].window_start)) {
          reports[row.window].flows.push_back(row.flow);
        }
      }
      for (auto& delay : part.delays) {
        if (delay.window < reports.size() && interval_.holds(reports[delay.window].window_start)) {
          reports[delay.window].delays.push_back({key.target, std::move(delay.rtt)});
        }
      }
    });
  }

  // The node is complete: its reports go to those that wait for their block's others.
  void finish_node(NodeId node) {
    for (auto& [id, reports] : std::exchange(parts_, {})) {
      for (Report& report : reports) {
        const bool is_gap = report.window == Duration::zero();
        if (is_gap || !interval_.holds(report.window_start)) continue;
        flow_windows_ += report.flows.size();
        waiting_.emplace_back(node, std::move(report));
      }
    }
  }
  [[nodiscard]] bool is_full() const { return flow_windows_ >= kOrderedFlowWindowsMax; }

  template <typename Visit>
  [[nodiscard]] bool pass_on(ScanSummary& summary, Visit visit) {
    flow_windows_ = 0;
    auto reports = std::exchange(waiting_, {});
    std::ranges::stable_sort(reports, {},
                             [](const auto& each) { return each.second.window_start; });
    for (const auto& [node, report] : reports) {
      ++summary.visited;
      if (!visit(node, report)) return false;
    }
    return true;
  }

 private:
  Interval interval_;
  std::map<std::uint64_t, std::vector<Report>> parts_;  // of the node at hand
  std::vector<std::pair<NodeId, Report>> waiting_;
  std::size_t flow_windows_ = 0;  // in waiting_
};

WallTime bucket_floor(WallTime time, Duration bucket) {
  return time < WallTime{} ? WallTime{} : window_start(time, bucket);
}

Rollup labeled(const Rollup& rollup, NodeId source, NodeId target, WallTime start) {
  Rollup result = rollup;
  result.source = source;
  result.target = target;
  result.start = start;
  return result;
}

}  // namespace

Result<ScanSummary> RocksViews::scan_reports(WallTime from, WallTime to, std::optional<NodeId> node,
                                             const ReportVisitor& visitor) const {
  const WallTime fresh_from = database_.fresh_from();  // before the snapshot
  rocksdb::ManagedSnapshot snapshot{&database_.db()};
  const Interval interval{from, to};
  ScanSummary summary;
  NodeReports reports{interval};
  std::optional<BucketKey> at;  // of the block that is being put together
  BucketCursor cursor{
      database_,
      {database_.blocks(), kBlockSpan, bucket_floor(from, kBlockSpan), to, node, {}},
      summary,
      snapshot.snapshot()};
  for (; cursor.valid(); cursor.next()) {
    const BucketKey& key = cursor.key();
    if (at && (at->bucket != key.bucket || at->node != key.node)) {
      reports.finish_node(at->node);
      const bool block_ended = at->bucket != key.bucket || reports.is_full();
      if (block_ended && !reports.pass_on(summary, visitor)) return summary;
    }
    at = key;
    if (!reports.add(key, cursor.value())) cursor.note_damage(to_string(key));
  }
  if (!cursor.status().ok()) FAULTLINE_TRY_STATUS(failed(cursor.status()));
  if (at) reports.finish_node(at->node);
  if (!reports.pass_on(summary, visitor)) return summary;
  FAULTLINE_TRY_STATUS(scan_fresh(database_, {std::max(from, fresh_from), to, node, {}},
                                  snapshot.snapshot(), summary, visitor));
  return summary;
}

namespace {

// A piece for each of the part's windows in the interval.
bool pass_on_sums(const BucketKey& key, const FlowPart& part, const Interval& interval,
                  const RollupVisitor& visitor) {
  std::vector<Rollup> sums(part.windows.size());
  for (const auto& row : part.rows) sums[row.window].add(row.flow);
  for (const auto& delay : part.delays) sums[delay.window].rtt = delay.rtt;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const bool is_empty = sums[i].flow_windows == 0 && sums[i].rtt.count() == 0;
    const WallTime start = part.windows[i].start;
    if (is_empty || !interval.holds(start)) continue;
    if (!visitor(labeled(sums[i], key.node, key.target, start))) return false;
  }
  return true;
}

}  // namespace

Result<ScanSummary> RocksViews::scan_sums(WallTime from, WallTime to,
                                          const RollupVisitor& visitor) const {
  const WallTime fresh_from = database_.fresh_from();  // before the snapshot
  rocksdb::ManagedSnapshot snapshot{&database_.db()};
  const Interval interval{from, to};
  ScanSummary summary;
  BucketCursor cursor{database_,
                      {database_.blocks(), kBlockSpan, bucket_floor(from, kBlockSpan), to, {}, {}},
                      summary,
                      snapshot.snapshot()};
  bool wants_more = true;
  for (; cursor.valid() && wants_more; cursor.next()) {
    const BucketKey key = cursor.key();
    if (key.target == NodeId{0}) continue;
    const auto take = [&](const FlowPart& part) {
      wants_more = wants_more && pass_on_sums(key, part, interval, visitor);
    };
    ++summary.visited;
    if (!decode_parts(cursor.value(), key.target, take)) cursor.note_damage(to_string(key));
  }
  if (!cursor.status().ok()) FAULTLINE_TRY_STATUS(failed(cursor.status()));
  if (!wants_more) return summary;
  FAULTLINE_TRY_STATUS(scan_fresh_sums(database_, std::max(from, fresh_from), to,
                                       snapshot.snapshot(), summary, visitor));
  return summary;
}

namespace {

// Steps of what is not sealed yet, summed while reading.
class FreshRollups {
 public:
  explicit FreshRollups(const RollupQuery& query)
      : query_(query), step_(tier_of(query.resolution).step) {}

  void add(NodeId source, const Report& report) {
    const WallTime start = window_start(report.window_start, step_);
    for (const FlowWindow& flow : report.flows) {
      if (is_wanted(flow.target)) at(source, flow.target, start).add(flow);
    }
    for (const TargetDelay& delay : report.delays) {
      if (is_wanted(delay.target)) at(source, delay.target, start).rtt.merge(delay.rtt);
    }
  }
  void add(NodeId source, NodeId target, WallTime start, const Rollup& sealed) {
    at(source, target, start).merge(sealed);
  }
  [[nodiscard]] bool pass_on(ScanSummary& summary, const RollupVisitor& visitor) const {
    for (const auto& [key, rollup] : rollups_) {
      const auto& [source, target, start] = key;
      ++summary.visited;
      if (!visitor(labeled(rollup, source, target, start))) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] bool is_wanted(NodeId target) const {
    return !query_.target || *query_.target == target;
  }
  Rollup& at(NodeId source, NodeId target, WallTime start) {
    return rollups_[{source, target, start}];
  }

  const RollupQuery& query_;
  Duration step_;
  std::map<std::tuple<NodeId, NodeId, WallTime>, Rollup> rollups_;
};

}  // namespace

Result<ScanSummary> RocksViews::scan_rollups(const RollupQuery& query,
                                             const RollupVisitor& visitor) const {
  const WallTime fresh_from = database_.fresh_from();  // before the snapshot
  rocksdb::ManagedSnapshot snapshot{&database_.db()};
  const RollupTier& tier = tier_of(query.resolution);
  const Interval interval{query.from, query.to};
  ScanSummary summary;
  FreshRollups fresh{query};
  BucketCursor cursor{database_,
                      {database_.rollups(query.resolution), tier.bucket,
                       bucket_floor(query.from, tier.bucket), query.to, query.source, query.target},
                      summary,
                      snapshot.snapshot()};
  for (; cursor.valid(); cursor.next()) {
    const BucketKey key = cursor.key();
    RollupSteps steps;
    if (!add_rollups(cursor.value(), steps)) cursor.note_damage(to_string(key));
    for (const auto& [number, rollup] : steps) {
      const WallTime start = key.bucket + number * tier.step;
      if (!interval.holds(start)) continue;
      if (query.include_fresh && start + tier.step > fresh_from) {
        fresh.add(key.node, key.target, start, rollup);  // the rest of it is not sealed yet
        continue;
      }
      ++summary.visited;
      if (!visitor(labeled(rollup, key.node, key.target, start))) return summary;
    }
  }
  if (!cursor.status().ok()) FAULTLINE_TRY_STATUS(failed(cursor.status()));
  if (!query.include_fresh) return summary;
  const auto add = [&](NodeId source, const Report& report) {
    if (interval.holds(window_start(report.window_start, tier.step))) fresh.add(source, report);
    return true;
  };
  // A step that begins in time may end after `to`.
  const FreshQuery windows{std::max(query.from, fresh_from), query.to + tier.step, query.source,
                           query.target};
  FAULTLINE_TRY_STATUS(scan_fresh(database_, windows, snapshot.snapshot(), summary, add));
  static_cast<void>(fresh.pass_on(summary, visitor));
  return summary;
}

}  // namespace faultline::store
