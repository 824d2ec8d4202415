// RocksLedger: the Ledger on RocksDB (ledger.h says what it promises).
#pragma once

#include "controller/store/database.h"
#include "controller/store/ledger.h"

namespace faultline::store {

class RocksLedger final : public Ledger {
 public:
  explicit RocksLedger(Database& database) : database_(database) {}

  Status commit(std::span<const LedgerWrite> writes) override;
  Result<std::optional<LedgerDocument>> get(Table table, std::string_view key) const override;
  Result<std::vector<LedgerDocument>> list(Table table) const override;

 private:
  Database& database_;
};

}  // namespace faultline::store
