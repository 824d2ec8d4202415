#include "controller/store/rocks_journal.h"

#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>

#include "controller/store/keys.h"
#include "controller/store/values.h"
#include "controller/store/window_cursor.h"

namespace faultline::store {
namespace {

Status validate(const JournalEntry& entry) {
  if (entry.payload.size() <= kBatchPayloadMax) return {};
  return fail(ErrorCode::kLimit,
              fmt::format("a batch of node {} has {} bytes, more than the {} that are allowed",
                          entry.node.value(), entry.payload.size(), kBatchPayloadMax));
}

Status validate(const StoredPath& stored) {
  if (stored.path.hops.size() <= kPathHopsMax) return {};
  return fail(ErrorCode::kLimit,
              fmt::format("a path of node {} has {} hops, more than the {} that are allowed",
                          stored.reporter.value(), stored.path.hops.size(), kPathHopsMax));
}

// About what a write of them takes, so that it need not grow.
std::size_t bytes_of(std::span<const JournalEntry> entries) {
  constexpr std::size_t kOverhead = 128;  // key, lengths, its dedup row
  std::size_t bytes = kOverhead;
  for (const JournalEntry& entry : entries) bytes += kOverhead + entry.payload.size();
  return bytes;
}

// The payload goes from the entry into the batch, and is not copied in between.
void add(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family,
         const JournalEntry& entry) {
  const std::string key =
      encode(WindowKey{entry.window_start, entry.node, entry.boot, entry.sequence});
  const std::string head = encode_head(entry);
  const rocksdb::Slice key_part{key};
  const std::array<rocksdb::Slice, 2> value_parts{
      rocksdb::Slice{head},
      rocksdb::Slice{reinterpret_cast<const char*>(entry.payload.data()), entry.payload.size()}};
  static_cast<void>(batch.Put(family, rocksdb::SliceParts{&key_part, 1},
                              rocksdb::SliceParts{value_parts.data(), 2}));
}

void add(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family,
         const ingest::DedupRow& row) {
  const std::string key = encode(DedupKey{row.node, row.boot});
  if (row.durable.empty()) {
    static_cast<void>(batch.Delete(family, key));
  } else {
    static_cast<void>(batch.Put(family, key, encode_value(row)));
  }
}

}  // namespace

Status RocksJournal::append(std::span<const JournalEntry> entries,
                            std::span<const ingest::DedupRow> dedup,
                            std::span<const StoredPath> paths) {
  rocksdb::WriteBatch batch{bytes_of(entries)};
  for (const JournalEntry& entry : entries) {
    FAULTLINE_TRY_STATUS(validate(entry));
    add(batch, database_.windows(), entry);
    database_.note_written(entry.window_start);
  }
  for (const ingest::DedupRow& row : dedup) add(batch, database_.dedup(), row);
  for (const StoredPath& stored : paths) {
    FAULTLINE_TRY_STATUS(validate(stored));
    const PathRecord& path = stored.path;
    const PathKey key{stored.reporter, path.target, path.source_port, path.direction,
                      path.traced_at};
    static_cast<void>(batch.Put(database_.paths(), encode(key), encode_value(path)));
  }
  return database_.write(batch);
}

Result<ScanSummary> RocksJournal::scan_windows(WallTime from, WallTime to,
                                               const JournalVisitor& visitor) const {
  ScanSummary summary;
  WindowCursor cursor{database_, from, to, summary};
  for (; cursor.valid(); cursor.next()) {
    const auto entry = cursor.entry();
    if (!entry) continue;
    ++summary.visited;
    if (!visitor(*entry)) break;
  }
  if (!cursor.status().ok()) {
    return tl::unexpected<Error>(Database::error("cannot read the results", cursor.status()));
  }
  return summary;
}

Result<std::vector<ingest::DedupRow>> RocksJournal::load_dedup() const {
  std::vector<ingest::DedupRow> rows;
  std::string damaged;
  FAULTLINE_TRY_STATUS(
      database_.visit(database_.dedup(), {}, {}, [&](rocksdb::Slice key, rocksdb::Slice value) {
        const auto decoded_key = decode_dedup_key(key.ToStringView());
        auto row = decoded_key ? decode_dedup_row(*decoded_key, value.ToStringView())
                               : std::optional<ingest::DedupRow>{};
        if (row) {
          rows.push_back(std::move(*row));
        } else {
          damaged = key.ToString(/*hex=*/true);
        }
        return damaged.empty();
      }));
  if (!damaged.empty()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("the record of what was received is damaged at key {}", damaged));
  }
  return rows;
}

std::optional<WallTime> RocksJournal::oldest_window() const {
  const auto sealed = database_.first_time(database_.blocks());
  const auto fresh = database_.first_time(database_.windows());
  return sealed && fresh ? std::min(*sealed, *fresh) : sealed ? sealed : fresh;
}

Status RocksJournal::drop_before(WallTime horizon) {
  return database_.drop_below(database_.windows(), window_floor(horizon));
}

}  // namespace faultline::store
