// RocksJournal: the Journal on RocksDB (journal.h says what it promises).
#pragma once

#include "controller/store/database.h"
#include "controller/store/journal.h"
#include "controller/store/sealer.h"

namespace faultline::store {

class RocksJournal final : public Journal {
 public:
  explicit RocksJournal(Database& database) : database_(database), sealer_(database) {}

  Status append(std::span<const JournalEntry> entries, std::span<const ingest::DedupRow> dedup,
                std::span<const StoredPath> paths) override;
  Result<ScanSummary> scan_windows(WallTime from, WallTime to,
                                   const JournalVisitor& visitor) const override;
  Result<std::vector<ingest::DedupRow>> load_dedup() const override;
  Result<SealProgress> seal_slice(WallTime before) override { return sealer_.seal_slice(before); }
  Status drop_before(WallTime horizon) override;
  Result<WallTime> retain(WallTime now, const Retention& retention) override;
  // Costs one seek.
  [[nodiscard]] std::optional<WallTime> oldest_window() const;

 private:
  Database& database_;
  Sealer sealer_;
};

}  // namespace faultline::store
