#include "tests/integration/controller/app/spool.h"

#include "common/async/clock.h"

namespace faultline::tests {

std::unique_ptr<store::RocksStore> open_store(const Stage& stage) {
  auto store = store::RocksStore::open(stage.folder().path() / "data" / "store");
  REQUIRE(store);
  return *std::move(store);
}

std::map<BatchId, int> count_stored(const Stage& stage, const std::map<BatchId, Batch>& sent) {
  std::map<BatchId, int> counts;
  const auto store = open_store(stage);
  const auto summary = store->journal().scan_windows(
      WallTime{}, async::now_wall(), [&](const store::JournalEntry& entry) {
        const BatchId id{entry.node, entry.boot, entry.sequence};
        ++counts[id];
        CHECK((sent.contains(id) && sent.at(id).payload == entry.payload));
        return true;
      });
  REQUIRE(summary);
  CHECK(summary->damaged == 0);
  return counts;
}

}  // namespace faultline::tests
