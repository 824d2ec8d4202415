// Every RocksDB option that matters, set explicitly with its reason.
#pragma once

#include <rocksdb/options.h>

namespace faultline::store {

[[nodiscard]] rocksdb::DBOptions database_options();
// One cache is shared by all column families: pass it to each.
[[nodiscard]] std::shared_ptr<rocksdb::Cache> make_block_cache();
// Few, small, hot values: dedup rows and documents.
[[nodiscard]] rocksdb::ColumnFamilyOptions row_options(std::shared_ptr<rocksdb::Cache> cache);
// Many, large values in the order of time, dropped by range: paths.
[[nodiscard]] rocksdb::ColumnFamilyOptions log_options(std::shared_ptr<rocksdb::Cache> cache);
// Likewise: reports that are not sealed yet.
[[nodiscard]] rocksdb::ColumnFamilyOptions window_options(std::shared_ptr<rocksdb::Cache> cache);
// For blocks of columns, and for their roll-ups.
[[nodiscard]] rocksdb::ColumnFamilyOptions block_options(std::shared_ptr<rocksdb::Cache> cache);
[[nodiscard]] rocksdb::ColumnFamilyOptions rollup_options(std::shared_ptr<rocksdb::Cache> cache);

}  // namespace faultline::store
