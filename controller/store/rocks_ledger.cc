#include "controller/store/rocks_ledger.h"

#include <set>

#include <fmt/format.h>

#include "controller/store/keys.h"
#include "controller/store/values.h"

namespace faultline::store {
namespace {

Status validate(const LedgerWrite& write) {
  if (write.key.empty()) return fail(ErrorCode::kInvalid, "a document needs a key");
  if (write.key.size() > kLedgerKeyMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("the key of a document in {} has {} bytes, more than {}",
                            to_string(write.table), write.key.size(), kLedgerKeyMax));
  }
  if (write.value && write.value->size() > kLedgerValueMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("document {} in {} has {} bytes, more than {}", write.key,
                            to_string(write.table), write.value->size(), kLedgerValueMax));
  }
  return {};
}

Error damaged(Table table, std::string_view key) {
  return {ErrorCode::kCorrupt, fmt::format("document {} in {} is damaged", key, to_string(table))};
}

}  // namespace

std::string_view to_string(Table table) {
  switch (table) {
    case Table::kNodes:
      return "nodes";
    case Table::kTokens:
      return "tokens";
    case Table::kIncidents:
      return "incidents";
    case Table::kOutbox:
      return "outbox";
    case Table::kPlan:
      return "plan";
    case Table::kMeta:
      return "meta";
    case Table::kControllerKeys:
      return "controller_keys";
    case Table::kSilences:
      return "silences";
    case Table::kApiTokens:
      return "API tokens";
    case Table::kFacts:
      return "facts";
    case Table::kFactsHistory:
      return "history of facts";
    case Table::kAudit:
      return "audit log";
  }
  return "unknown";
}

Status RocksLedger::commit(std::span<const LedgerWrite> writes) {
  rocksdb::WriteBatch batch;
  std::set<std::string> keys;
  for (const LedgerWrite& write : writes) {
    FAULTLINE_TRY_STATUS(validate(write));
    const std::string key = ledger_key(write.table, write.key);
    if (!keys.insert(key).second) {
      return fail(ErrorCode::kInvalid, fmt::format("document {} in {} is written twice at once",
                                                   write.key, to_string(write.table)));
    }
    FAULTLINE_TRY(const auto stored, get(write.table, write.key));
    const std::uint64_t version = stored ? stored->version : 0;
    if (version != write.expected_version) {
      return fail(ErrorCode::kConflict,
                  fmt::format("document {} in {} has version {}, not {}: it changed meanwhile",
                              write.key, to_string(write.table), version, write.expected_version));
    }
    if (write.value) {
      static_cast<void>(
          batch.Put(database_.ledger(), key, encode_document(version + 1, *write.value)));
    } else {
      static_cast<void>(batch.Delete(database_.ledger(), key));
    }
  }
  return database_.write(batch);
}

Result<std::optional<LedgerDocument>> RocksLedger::get(Table table, std::string_view key) const {
  std::string value;
  const rocksdb::Status status =
      database_.db().Get({}, database_.ledger(), ledger_key(table, key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) {
    return tl::unexpected<Error>(Database::error(
        fmt::format("cannot read document {} in {}", key, to_string(table)), status));
  }
  auto document = decode_document(key, value);
  if (!document) return tl::unexpected<Error>(damaged(table, key));
  return document;
}

Result<std::vector<LedgerDocument>> RocksLedger::list(Table table) const {
  std::vector<LedgerDocument> documents;
  std::optional<Error> damage;
  FAULTLINE_TRY_STATUS(database_.visit(
      database_.ledger(), ledger_floor(table), ledger_ceiling(table),
      [&](rocksdb::Slice stored_key, rocksdb::Slice value) {
        const std::string_view key = stored_key.ToStringView().substr(ledger_floor(table).size());
        auto document = decode_document(key, value.ToStringView());
        if (document) {
          documents.push_back(std::move(*document));
        } else {
          damage = damaged(table, key);
        }
        return !damage;
      }));
  if (damage) return tl::unexpected<Error>(*damage);
  return documents;
}

}  // namespace faultline::store
