#include "controller/store/check.h"

#include <fmt/format.h>

#include "controller/store/bucket_cursor.h"
#include "controller/store/flow_block.h"
#include "controller/store/node_block.h"
#include "controller/store/rollup.h"
#include "controller/store/values.h"
#include "controller/store/window_cursor.h"

namespace faultline::store {
namespace {

rocksdb::Status check_windows(const Database& database, ScanSummary& summary) {
  WindowCursor cursor{database, WallTime::min(), WallTime::max(), summary};
  for (; cursor.valid(); cursor.next()) {
    ++summary.visited;
    static_cast<void>(cursor.entry());  // notes damage
  }
  return cursor.status();
}

bool decodes(const Database& database, rocksdb::ColumnFamilyHandle* family, const BucketKey& key,
             std::string_view value) {
  if (family != database.blocks()) {
    RollupSteps steps;
    return add_rollups(value, steps);
  }
  if (key.target == NodeId{0}) return decode_parts(value, [](const NodePart&) {});
  return decode_parts(value, key.target, [](const FlowPart&) {});
}

rocksdb::Status check_buckets(const Database& database, rocksdb::ColumnFamilyHandle* family,
                              ScanSummary& summary) {
  BucketCursor cursor{
      database, {family, {}, WallTime::min(), WallTime::max(), {}, {}}, summary, nullptr};
  for (; cursor.valid(); cursor.next()) {
    ++summary.visited;
    if (!decodes(database, family, cursor.key(), cursor.value())) {
      cursor.note_damage(to_string(cursor.key()));
    }
  }
  return cursor.status();
}

bool row_decodes(const Database& database, const rocksdb::ColumnFamilyHandle* family,
                 std::string_view key, std::string_view value) {
  if (family == database.dedup()) {
    const auto decoded = decode_dedup_key(key);
    return decoded && decode_dedup_row(*decoded, value);
  }
  if (family == database.paths()) {
    const auto decoded = decode_path_key(key);
    return decoded && decode_path(*decoded, value);
  }
  return family != database.ledger() || decode_document(key, value).has_value();
}

// Small families, where the first block that cannot be read ends the reading.
rocksdb::Status check_rows(const Database& database, rocksdb::ColumnFamilyHandle* family,
                           ScanSummary& summary) {
  const auto note = [&](std::string place) {
    ++summary.damaged;
    if (summary.damaged_places.size() < kDamagedPlacesMax) {
      summary.damaged_places.push_back(std::move(place));
    }
  };
  std::string reached;
  const std::unique_ptr<rocksdb::Iterator> it{database.db().NewIterator({}, family)};
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    ++summary.visited;
    reached = it->key().ToString(/*hex=*/true);
    if (!row_decodes(database, family, it->key().ToStringView(), it->value().ToStringView())) {
      note("key " + reached);
    }
  }
  if (!it->status().IsCorruption()) return it->status();
  note(fmt::format("behind key {}: {}", reached, it->status().ToString()));
  return rocksdb::Status::OK();
}

}  // namespace

Result<std::vector<CheckedTier>> check_all(
    const Database& database, const std::function<Status(const std::string&)>& on_progress) {
  std::vector<CheckedTier> checked;
  for (auto* family : database.families()) {
    checked.push_back({.name = family->GetName(), .summary = {}});
    FAULTLINE_TRY_STATUS(on_progress(family->GetName()));
    ScanSummary& summary = checked.back().summary;
    const auto status = family == database.windows()   ? check_windows(database, summary)
                        : database.is_bucketed(family) ? check_buckets(database, family, summary)
                                                       : check_rows(database, family, summary);
    if (!status.ok())
      return tl::unexpected<Error>(Database::error("cannot read the store", status));
  }
  return checked;
}

}  // namespace faultline::store
