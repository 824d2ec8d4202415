#include "controller/store/options.h"

#include <rocksdb/cache.h>
#include <rocksdb/table.h>

#include "controller/store/merge_operators.h"

namespace faultline::store {
namespace {

constexpr std::size_t kMiB = 1 << 20;

// The controller is to stay below 200 MiB resident (issue 2): 32 of cache and at most 32 of write
// buffers leave room for everything else.
constexpr std::size_t kBlockCacheBytes = 32 * kMiB;
constexpr std::size_t kWriteBuffersBytes = 32 * kMiB;  // over all column families
constexpr std::size_t kLogWriteBufferBytes = 16 * kMiB;
constexpr std::size_t kRowWriteBufferBytes = 2 * kMiB;
constexpr std::size_t kBlockWriteBufferBytes = 8 * kMiB;
constexpr std::uint64_t kWalBytesMax = 64 * kMiB;
constexpr int kOpenFilesMax = 512;

rocksdb::ColumnFamilyOptions common_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  // Index blocks live in the cache too: memory has one bound, however much is stored.
  table.cache_index_and_filter_blocks = true;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.block_size = 16 * 1024;  // several reports: they compress well together

  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.level_compaction_dynamic_level_bytes = true;  // 1.1x space instead of up to 2x
  // Payloads are compressed here, a block of neighbors at a time, instead of one by one by us.
  options.compression = rocksdb::kZSTD;
  // Of reports level 1 leaves as much as level 3, the default, in two thirds of the time.
  options.compression_opts.level = 1;
  return options;
}

}  // namespace

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;  // a checksum that does not match is an error, never data
  // Every acknowledged write was synced, so only unacknowledged ones can be torn: recovery takes
  // the log up to the first torn record. Tolerating more would lose what was acknowledged.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.max_total_wal_size = kWalBytesMax;  // else a rarely written family would keep all logs
  options.db_write_buffer_size = kWriteBuffersBytes;
  options.max_open_files = kOpenFilesMax;  // the hard limit of descriptors may be low
  options.max_background_jobs = 2;         // a flush and a compaction: the machine has other work
  options.bytes_per_sync = kMiB;           // spreads the write-out of tables: fewer slow syncs
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.max_log_file_size = kMiB;
  options.keep_log_file_num = 3;
  options.stats_dump_period_sec = 0;     // nobody reads them in LOG; metrics come from properties
  options.stats_persist_period_sec = 0;  // nor keeps them in memory
  return options;
}

std::shared_ptr<rocksdb::Cache> make_block_cache() {
  return rocksdb::NewLRUCache(kBlockCacheBytes);
}

rocksdb::ColumnFamilyOptions row_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::ColumnFamilyOptions options = common_options(std::move(cache));
  options.write_buffer_size = kRowWriteBufferBytes;
  return options;
}

rocksdb::ColumnFamilyOptions log_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::ColumnFamilyOptions options = common_options(std::move(cache));
  options.write_buffer_size = kLogWriteBufferBytes;
  options.max_write_buffer_number = 2;
  // What was just written is rewritten soon, or dropped: there zstd would be paid twice.
  options.compression_per_level = {rocksdb::kLZ4Compression, rocksdb::kZSTD};
  options.target_file_size_base = 16 * kMiB;  // small files: retention drops most of them whole
  return options;
}

rocksdb::ColumnFamilyOptions window_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::ColumnFamilyOptions options = log_options(std::move(cache));
  // Sealed within the hour, and read by whoever asks for that hour: of what that takes, unpacking
  // zstd would be most.
  options.compression = rocksdb::kLZ4Compression;
  options.compression_per_level.clear();
  return options;
}

rocksdb::ColumnFamilyOptions block_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::ColumnFamilyOptions options = log_options(std::move(cache));
  options.write_buffer_size = kBlockWriteBufferBytes;
  options.merge_operator = append_parts();
  // Columns are near their entropy: what could be gained is a few percent, at each compaction.
  options.compression = rocksdb::kNoCompression;
  options.compression_per_level.clear();
  return options;
}

rocksdb::ColumnFamilyOptions rollup_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::ColumnFamilyOptions options = block_options(std::move(cache));
  options.merge_operator = sum_rollups();
  return options;
}

}  // namespace faultline::store
