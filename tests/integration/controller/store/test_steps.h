// Steps to formats that do not exist, to exercise the mechanism that real ones will use. Neither
// can be done twice to one key without showing it.
#pragma once

#include <functional>
#include <vector>

#include <rocksdb/db.h>

#include "controller/store/database.h"
#include "controller/store/migration.h"

namespace faultline::store {

inline constexpr std::size_t kTestBatchKeys = 10;

// Appends `mark` to the value of every document in the ledger. `before_batch` may end it all.
inline MigrationStep mark_documents(std::uint32_t from, char mark,
                                    std::function<Status(std::size_t batch)> before_batch = {}) {
  auto batches = std::make_shared<std::size_t>(0);
  const auto run = [=](const Database& database,
                       std::string_view position) -> Result<MigrationBatch> {
    if (before_batch) {
      FAULTLINE_TRY_STATUS(before_batch(++*batches));
    }
    MigrationBatch batch;
    FAULTLINE_TRY_STATUS(database.visit(
        database.ledger(), position, "", [&](rocksdb::Slice key, rocksdb::Slice value) {
          if (batch.keys == kTestBatchKeys) {
            batch.next = key.ToString();
            return false;
          }
          ++batch.keys;
          static_cast<void>(batch.writes.Put(database.ledger(), key, value.ToString() + mark));
          return true;
        }));
    return batch;
  };
  return {.from = from, .what = "documents get a mark", .run = run};
}

}  // namespace faultline::store
