#include "controller/store/rocks_store.h"

#include <rocksdb/utilities/checkpoint.h>

#include "controller/store/check.h"
#include "controller/store/database.h"
#include "controller/store/rocks_journal.h"
#include "controller/store/rocks_ledger.h"
#include "controller/store/rocks_views.h"

namespace faultline::store {

struct RocksStore::Parts {
  explicit Parts(std::unique_ptr<Database> opened)
      : database(std::move(opened)), journal(*database), ledger(*database), views(*database) {}

  std::unique_ptr<Database> database;
  RocksJournal journal;
  RocksLedger ledger;
  RocksViews views;
};

Result<std::unique_ptr<RocksStore>> RocksStore::open(const std::filesystem::path& directory,
                                                     Progress on_progress) {
  FAULTLINE_TRY(auto database, Database::open(directory, {.on_progress = std::move(on_progress)}));
  auto parts = std::make_unique<Parts>(std::move(database));
  return std::unique_ptr<RocksStore>{new RocksStore{std::move(parts)}};
}

RocksStore::RocksStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RocksStore::~RocksStore() = default;

Journal& RocksStore::journal() { return parts_->journal; }
Ledger& RocksStore::ledger() { return parts_->ledger; }
Views& RocksStore::views() { return parts_->views; }

Status RocksStore::checkpoint(const std::filesystem::path& directory) const {
  rocksdb::Checkpoint* made = nullptr;
  auto status = rocksdb::Checkpoint::Create(&parts_->database->db(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint{made};
  // 0: what is in memory is flushed first, so that the copy needs no write-ahead log.
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory.string(), 0);
  if (status.ok()) return {};
  return tl::unexpected<Error>(
      Database::error("cannot make a checkpoint of the store in " + directory.string(), status));
}

StoreStats RocksStore::stats() const {
  const Database& database = *parts_->database;
  return {.bytes_on_disk = database.property_sum(rocksdb::DB::Properties::kTotalSstFilesSize),
          .bytes_in_memory = database.property_sum(rocksdb::DB::Properties::kSizeAllMemTables) +
                             database.block_cache_bytes(),
          .damaged_places = database.damaged_places(),
          .oldest_window = parts_->journal.oldest_window()};
}

std::vector<TierStats> RocksStore::tiers() const {
  const Database& database = *parts_->database;
  std::vector<TierStats> tiers;
  for (auto* family : database.families()) {
    TierStats tier{.name = family->GetName(), .oldest = {}};
    static_cast<void>(database.db().GetIntProperty(
        family, rocksdb::DB::Properties::kTotalSstFilesSize, &tier.bytes));
    static_cast<void>(database.db().GetIntProperty(
        family, rocksdb::DB::Properties::kEstimateNumKeys, &tier.keys));
    if (family == database.windows() || database.is_bucketed(family)) {
      tier.oldest = database.first_time(family);
    }
    tiers.push_back(std::move(tier));
  }
  return tiers;
}

Result<std::vector<CheckedTier>> RocksStore::check(
    const std::function<Status(const std::string&)>& on_progress) const {
  return check_all(*parts_->database, on_progress);
}

Status RocksStore::compact() {
  const Database& database = *parts_->database;
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  for (auto* family : database.families()) {
    const auto status = database.db().CompactRange(options, family, nullptr, nullptr);
    if (!status.ok()) {
      return tl::unexpected<Error>(Database::error("cannot compact the store", status));
    }
  }
  return {};
}

}  // namespace faultline::store
