// How RocksDB puts together what was added to a key: blocks grow by parts, roll-ups are summed.
// A merge never fails, for that would stop the whole database: what does not decode is kept as it
// is, and told of when it is read.
#pragma once

#include <memory>

#include <rocksdb/merge_operator.h>

namespace faultline::store {

[[nodiscard]] std::shared_ptr<rocksdb::MergeOperator> append_parts();
[[nodiscard]] std::shared_ptr<rocksdb::MergeOperator> sum_rollups();

}  // namespace faultline::store
