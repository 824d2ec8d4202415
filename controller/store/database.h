// Database: the opened RocksDB with its column families, options and error sentences. The parts of
// the store (rocks_journal, rocks_ledger, rocks_views) share one.
//
// Thread safety: RocksDB's: everything may be called from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/db.h>

#include "common/base/result.h"
#include "controller/store/migration.h"
#include "controller/store/tiers.h"

namespace faultline::store {

class Database {
 public:
  // See RocksStore::open.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(
      const std::filesystem::path& directory, OpenOptions options = {});
  // Every column family with its options; for repair.h, which opens what open() refuses.
  [[nodiscard]] static std::vector<rocksdb::ColumnFamilyDescriptor> descriptors();
  // kUnsupported when a build wrote it that has column families which this one does not know.
  [[nodiscard]] static Status refuse_newer(const std::filesystem::path& directory);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] rocksdb::DB& db() const { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* windows() const { return windows_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* dedup() const { return dedup_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* paths() const { return paths_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* ledger() const { return ledger_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* blocks() const { return blocks_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* rollups(Resolution resolution) const {
    return resolution == Resolution::kMinute ? minutes_ : hours_;
  }
  [[nodiscard]] std::array<rocksdb::ColumnFamilyHandle*, 8> families() const {
    return {default_, windows_, dedup_, paths_, ledger_, blocks_, minutes_, hours_};
  }

  // Whose keys are BucketKeys.
  [[nodiscard]] bool is_bucketed(const rocksdb::ColumnFamilyHandle* family) const {
    return family == blocks_ || family == minutes_ || family == hours_;
  }
  // The time that the first key begins with; empty when there is none that can be read.
  [[nodiscard]] std::optional<WallTime> first_time(rocksdb::ColumnFamilyHandle* family) const;

  // No window before it lies in windows() any more. Scans begin there: what was sealed leaves marks
  // of its removal, which cost as much to step over as results do. Ask before a snapshot is taken;
  // a report that comes late in between may then be missed, as one that comes a moment later is.
  [[nodiscard]] WallTime fresh_from() const {
    return WallTime{Duration{fresh_from_.load(std::memory_order_acquire)}};
  }
  // Before windows are written, and after all before `time` were sealed; both on the writer's
  // thread.
  void note_written(WallTime window_start);
  void note_sealed_before(WallTime time);

  // Writes the batch as one unit and returns when it is on stable storage.
  [[nodiscard]] Status write(rocksdb::WriteBatch& batch);
  // For migrate(): where the migration `under_way` was interrupted; "" when it begins, which keeps
  // older builds out from now on.
  [[nodiscard]] Result<std::string> migration_position(const StoredFormat& under_way);
  // The batch, the format and the next position, as one unit.
  [[nodiscard]] Status write_migrated(rocksdb::WriteBatch& batch, const StoredFormat& format,
                                      const std::optional<std::string>& position);
  // Drops all keys below `end`: whole files at once, the rest by one range tombstone.
  [[nodiscard]] Status drop_below(rocksdb::ColumnFamilyHandle* family, std::string_view end);

  // Visits lower <= key < upper in order, on the state of this moment; return false to end. For
  // small ranges: the first damage ends it with kCorrupt.
  using Visitor = std::function<bool(rocksdb::Slice key, rocksdb::Slice value)>;
  [[nodiscard]] Status visit(rocksdb::ColumnFamilyHandle* family, std::string_view lower,
                             std::string_view upper, const Visitor& visitor) const;

  // "cannot read the results: <what RocksDB says>", with the code that fits.
  [[nodiscard]] static Error error(std::string_view attempt, const rocksdb::Status& status);
  // Why the store in this directory cannot be had: in use, damaged and what to do then, or refused.
  [[nodiscard]] static Error open_error(const std::filesystem::path& directory,
                                        const rocksdb::Status& status);

  void count_damage() const { ++damaged_places_; }
  [[nodiscard]] std::uint64_t damaged_places() const { return damaged_places_; }
  [[nodiscard]] std::uint64_t property_sum(const std::string& name) const;
  // All families share one block cache.
  [[nodiscard]] std::uint64_t block_cache_bytes() const;

 private:
  Database() = default;
  [[nodiscard]] Status check_format(const std::filesystem::path& directory,
                                    const OpenOptions& options);

  std::unique_ptr<rocksdb::DB> db_;
  // Owned by db_: released by the destructor before it closes.
  rocksdb::ColumnFamilyHandle* default_ = nullptr;
  rocksdb::ColumnFamilyHandle* windows_ = nullptr;
  rocksdb::ColumnFamilyHandle* dedup_ = nullptr;
  rocksdb::ColumnFamilyHandle* paths_ = nullptr;
  rocksdb::ColumnFamilyHandle* ledger_ = nullptr;
  rocksdb::ColumnFamilyHandle* blocks_ = nullptr;
  rocksdb::ColumnFamilyHandle* minutes_ = nullptr;
  rocksdb::ColumnFamilyHandle* hours_ = nullptr;
  mutable std::atomic<std::uint64_t> damaged_places_{0};
  std::atomic<Duration::rep> fresh_from_{WallTime::min().time_since_epoch().count()};
};

}  // namespace faultline::store
