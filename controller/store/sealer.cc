#include "controller/store/sealer.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/wire/report_codec.h"
#include "controller/store/keys.h"
#include "controller/store/node_block.h"
#include "controller/store/rollup.h"
#include "controller/store/values.h"

namespace faultline::store {
namespace {

constexpr std::uint32_t kPartitions = 1U << 16;

// What one node reported in the block, as it is read.
struct NodeRows {
  NodePart node;
  std::map<NodeId, FlowPart> targets;
};

using RollupKey = std::pair<WallTime, NodeId>;  // bucket, target

FlowPart& part_of(NodeRows& rows, NodeId target) { return rows.targets[target]; }

void take_report(NodeRows& rows, const Report& report) {
  const auto window = static_cast<std::uint32_t>(rows.node.rows.size() - 1);
  for (const FlowWindow& flow : report.flows) {
    part_of(rows, flow.target).rows.push_back({window, flow});
  }
  for (const TargetDelay& delay : report.delays) {
    part_of(rows, delay.target).delays.push_back({window, delay.rtt});
  }
}

using Rollups = std::map<RollupKey, RollupSteps>;

Rollup& step_at(Rollups& rollups, const RollupTier& tier, NodeId target, WallTime time) {
  const WallTime bucket = window_start(time, tier.bucket);
  const auto number = static_cast<std::uint32_t>((time - bucket) / tier.step);
  return rollups[{bucket, target}][number];
}

Rollups roll_up(const NodeRows& rows, const RollupTier& tier) {
  Rollups rollups;
  std::vector<Rollup*> steps;  // of each window
  for (const auto& [target, part] : rows.targets) {
    steps.assign(rows.node.rows.size(), nullptr);
    const auto of_window = [&, target = target](std::uint32_t window) -> Rollup& {
      Rollup*& step = steps[window];
      if (step == nullptr) {
        step = &step_at(rollups, tier, target, rows.node.rows[window].time.start);
      }
      return *step;
    };
    for (const auto& row : part.rows) of_window(row.window).add(row.flow);
    for (const auto& delay : part.delays) of_window(delay.window).rtt.merge(delay.rtt);
  }
  return rollups;
}

// Steps of a finer tier into those of a coarser one.
Rollups roll_up(const Rollups& finer, const RollupTier& from, const RollupTier& to) {
  Rollups rollups;
  for (const auto& [key, steps] : finer) {
    for (const auto& [number, rollup] : steps) {
      step_at(rollups, to, key.second, key.first + number * from.step).merge(rollup);
    }
  }
  return rollups;
}

}  // namespace

struct Sealer::Slice {
  WallTime block{};
  std::uint32_t first_partition = 0;
  std::uint32_t end_partition = 0;
  std::map<NodeId, NodeRows> nodes{};
  std::vector<std::string> keys{};  // to be removed
  std::uint64_t flow_windows = 0;
  std::uint64_t repeated = 0;
  bool is_cut = false;  // a node had more than one part may hold
  // By node: the reports that the block has already.
  std::map<NodeId, std::set<std::pair<BootId, std::uint64_t>>> sealed{};
  ScanSummary damage{};

  void take(const Database& database, const JournalEntry& entry);
};

namespace {

std::set<std::pair<BootId, std::uint64_t>> sealed_reports(const Database& database, WallTime block,
                                                          NodeId node) {
  std::set<std::pair<BootId, std::uint64_t>> sealed;
  std::string value;
  const auto status =
      database.db().Get({}, database.blocks(), encode(BucketKey{block, node, NodeId{0}}), &value);
  if (status.IsNotFound()) return sealed;
  const bool whole = status.ok() && decode_parts(value, [&](const NodePart& part) {
                       for (const auto& row : part.rows) sealed.emplace(row.boot, row.sequence);
                     });
  if (!whole) database.count_damage();
  return sealed;
}

void merge(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family, NodeId node,
           const Rollups& rollups) {
  for (const auto& [key, steps] : rollups) {
    static_cast<void>(
        batch.Merge(family, encode(BucketKey{key.first, node, key.second}), encode_rollups(steps)));
  }
}

}  // namespace

void Sealer::Slice::take(const Database& database, const JournalEntry& entry) {
  const auto known = sealed.find(entry.node);
  const auto& already =
      known != sealed.end()
          ? known->second
          : sealed.emplace(entry.node, sealed_reports(database, block, entry.node)).first->second;
  NodeRows& rows = nodes[entry.node];
  if (rows.node.rows.size() >= kPartWindowsMax) {
    is_cut = true;
    return;
  }
  keys.push_back(encode(WindowKey{entry.window_start, entry.node, entry.boot, entry.sequence}));
  if (already.contains({entry.boot, entry.sequence})) {
    ++repeated;
    return;
  }
  const auto report =
      entry.is_gap() ? Result<Report>(Report{.window = {}}) : wire::decode_report(entry.payload);
  rows.node.rows.push_back({.time = {entry.window_start, {}},
                            .boot = entry.boot,
                            .first_sequence = entry.first_sequence,
                            .sequence = entry.sequence,
                            .results_dropped = entry.results_dropped});
  if (!report) {  // the checksum held, so it was so when it came: what it was is kept as a gap
    database.count_damage();
    ++damage.damaged;
    return;
  }
  NodePart::Row& row = rows.node.rows.back();
  row.time.window = report->window;
  row.plan = report->plan;
  row.health = report->health;
  flow_windows += report->flows.size();
  take_report(rows, *report);
}

// Keys are ordered by window first: from each window the slice's partitions are picked.
void Sealer::read_slice(WindowCursor& cursor, Slice& slice) const {
  while (cursor.valid() && cursor.key().window_start < slice.block + kBlockSpan) {
    const WindowKey at = cursor.key();
    const std::uint16_t partition = partition_of(at.node);
    if (partition < slice.first_partition) {
      cursor.seek(at.window_start, static_cast<std::uint16_t>(slice.first_partition));
    } else if (partition >= slice.end_partition) {
      cursor.seek(at.window_start + Duration{1}, 0);
    } else {
      if (const auto entry = cursor.entry()) slice.take(database_, *entry);
      cursor.next();
    }
  }
}

Status Sealer::write_slice(Slice& slice, SealProgress& progress) {
  rocksdb::WriteBatch batch;
  const std::uint64_t id = database_.db().GetLatestSequenceNumber();
  for (auto& [node, rows] : slice.nodes) {
    if (rows.node.rows.empty()) continue;
    progress.reports += rows.node.rows.size();
    rows.node.id = id;
    static_cast<void>(batch.Merge(database_.blocks(),
                                  encode(BucketKey{slice.block, node, NodeId{0}}),
                                  encode_part(rows.node)));
    for (auto& [target, part] : rows.targets) {
      part.id = id;
      for (const auto& row : rows.node.rows) part.windows.push_back(row.time);
      std::ranges::sort(part.rows, {}, [](const FlowPart::Row& row) {
        return std::pair(row.flow.source_port, row.window);
      });
      static_cast<void>(batch.Merge(
          database_.blocks(), encode(BucketKey{slice.block, node, target}), encode_part(part)));
    }
    const auto& [minutes, hours] = kRollupTiers;
    const Rollups by_minute = roll_up(rows, minutes);
    merge(batch, database_.rollups(minutes.resolution), node, by_minute);
    merge(batch, database_.rollups(hours.resolution), node, roll_up(by_minute, minutes, hours));
  }
  for (const std::string& key : slice.keys) {
    static_cast<void>(batch.Delete(database_.windows(), key));
  }
  return database_.write(batch);
}

Result<SealProgress> Sealer::seal_slice(WallTime before) {
  const WallTime horizon = window_start(before, kBlockSpan);
  SealProgress progress;
  Slice slice;
  WindowCursor cursor{database_, database_.fresh_from(), horizon, slice.damage};
  if (cursor.valid()) {
    slice.block = window_start(cursor.key().window_start, kBlockSpan);
    slice.first_partition = slice.block == block_ ? partition_ : 0;
    if (slice.first_partition >= kPartitions) slice.first_partition = 0;
    slice.end_partition = std::min(slice.first_partition + partitions_, kPartitions);
    read_slice(cursor, slice);
  }
  if (!cursor.status().ok()) {
    return tl::unexpected<Error>(Database::error("cannot read the results", cursor.status()));
  }
  progress.damaged = slice.damage.damaged;
  if (slice.block == WallTime{} && slice.end_partition == 0) {  // nothing, or nothing readable
    progress.done = true;
    if (slice.damage.damaged > 0) return progress;  // one table's index may hide all others
    FAULTLINE_TRY_STATUS(database_.drop_below(database_.windows(), window_floor(horizon)));
    database_.note_sealed_before(std::max(database_.fresh_from(), horizon));
    return progress;
  }
  if (slice.block != block_) {
    partitions_before_ = partitions_;
    block_flow_windows_ = 0;
    block_is_damaged_ = false;
  }
  block_is_damaged_ |= slice.damage.damaged > 0;
  block_flow_windows_ += slice.flow_windows;
  if (!slice.keys.empty()) FAULTLINE_TRY_STATUS(write_slice(slice, progress));
  progress.flow_windows = slice.flow_windows;
  progress.repeated = slice.repeated;
  block_ = slice.block;
  partition_ = slice.is_cut ? slice.first_partition : slice.end_partition;
  if (slice.flow_windows > kSliceFlowWindows && partitions_ > 1) partitions_ /= 2;
  if (slice.flow_windows < kSliceFlowWindows / 4) {
    partitions_ = std::min(2 * partitions_, kPartitions);
  }
  if (partition_ >= kPartitions) FAULTLINE_TRY_STATUS(finish_block(slice.block));
  return progress;
}

// Drops what cannot be read of the block: the rest was sealed. What arrived behind the slices while
// they were at work is sealed first, by another round; so is what only now cannot be read, which
// that round keeps when it finds nothing else.
Status Sealer::finish_block(WallTime block) {
  partition_ = 0;
  const WallTime end = block + kBlockSpan;
  // A block of a few late reports says nothing of how much the next one holds.
  if (block_flow_windows_ < kSliceFlowWindows) partitions_ = partitions_before_;
  ScanSummary damage;
  WindowCursor left{database_, database_.fresh_from(), end, damage};
  for (; left.valid(); left.next()) {
    if (left.entry()) return {};
  }
  if (!left.status().ok()) {
    return tl::unexpected<Error>(Database::error("cannot read the results", left.status()));
  }
  if (damage.damaged > 0 && !block_is_damaged_) return {};
  FAULTLINE_TRY_STATUS(database_.drop_below(database_.windows(), window_floor(end)));
  database_.note_sealed_before(end);
  return {};
}

}  // namespace faultline::store
