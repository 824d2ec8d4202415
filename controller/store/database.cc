#include "controller/store/database.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/convenience.h>

#include "controller/store/keys.h"
#include "controller/store/options.h"
#include "controller/store/recovery_log.h"

namespace faultline::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormatKey = "format";
constexpr const char* kPositionKey = "migration";
constexpr std::array<const char*, 7> kFamilies{"windows", "dedup",   "paths", "ledger",
                                               "blocks",  "minutes", "hours"};

Status prepare_directory(const fs::path& directory) {
  std::error_code failure;
  if (fs::create_directories(directory, failure)) {
    fs::permissions(directory, fs::perms::owner_all, failure);
  }
  if (failure) {
    return fail(ErrorCode::kDenied, fmt::format("cannot create the data directory {}: {}",
                                                directory.string(), failure.message()));
  }
  if (!fs::is_directory(directory, failure)) {
    return fail(ErrorCode::kDenied,
                fmt::format("the data directory {} is not a directory", directory.string()));
  }
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) {
    return fail(ErrorCode::kDenied,
                fmt::format("cannot write to the data directory {}: {}", directory.string(),
                            std::error_code{errno, std::generic_category()}.message()));
  }
  return {};
}

// `what`: the newer format, as far as this build can tell.
Error newer_format(const fs::path& directory, std::string_view what, std::uint32_t readable) {
  return {ErrorCode::kUnsupported,
          fmt::format("the data in {} was written by a newer version of faultline-controller ({}); "
                      "this one reads formats up to {}: start the newer version again, or restore "
                      "a backup that this version made",
                      directory.string(), what, readable)};
}

// A column family that this build does not know: RocksDB would only say "not opened".
Status refuse_unknown_families(const fs::path& directory, std::uint32_t readable) {
  std::vector<std::string> stored;
  if (!rocksdb::DB::ListColumnFamilies({}, directory.string(), &stored).ok()) return {};  // new
  for (const std::string& name : stored) {
    const bool known = name == rocksdb::kDefaultColumnFamilyName ||
                       std::find(kFamilies.begin(), kFamilies.end(), name) != kFamilies.end();
    if (!known) {
      return tl::unexpected<Error>(
          newer_format(directory, fmt::format("it has a column family '{}'", name), readable));
    }
  }
  return {};
}

}  // namespace

Error Database::open_error(const fs::path& directory, const rocksdb::Status& status) {
  const std::string detail = status.ToString();
  if (status.IsIOError() && detail.find("lock") != std::string::npos) {
    return {ErrorCode::kConflict,
            fmt::format("the data directory {} is in use by another faultline-controller",
                        directory.string())};
  }
  auto error =
      Database::error(fmt::format("cannot open the data in {}", directory.string()), status);
  if (status.IsCorruption()) {
    error.context +=
        "; `faultline-controller store check` names the tables that cannot be used and what they "
        "held: restore a backup, or go on without them with `faultline-controller store repair`";
  }
  return error;
}

namespace {

void tell_of_dropped(const std::vector<std::string>& dropped, const OpenOptions& options) {
  if (!options.on_progress) return;
  for (const auto& words : dropped) {
    options.on_progress(
        fmt::format("the end of the write-ahead log was left out ({}): usual after a crash, for "
                    "nothing of it was "
                    "acknowledged; after an orderly end look at the disk",
                    words));
  }
}

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

std::vector<rocksdb::ColumnFamilyDescriptor> Database::descriptors() {
  const auto cache = make_block_cache();
  const rocksdb::ColumnFamilyOptions rows = row_options(cache);
  return {{rocksdb::kDefaultColumnFamilyName, rows},
          {kFamilies[0], window_options(cache)},
          {kFamilies[1], rows},
          {kFamilies[2], log_options(cache)},
          {kFamilies[3], rows},
          {kFamilies[4], block_options(cache)},
          {kFamilies[5], rollup_options(cache)},
          {kFamilies[6], rollup_options(cache)}};
}

Status Database::refuse_newer(const fs::path& directory) {
  return refuse_unknown_families(directory, kFormatVersion);
}

Result<std::unique_ptr<Database>> Database::open(const fs::path& directory, OpenOptions options) {
  if (options.format == 0) options.format = kFormatVersion;
  if (options.steps.empty()) options.steps = migration_steps();
  FAULTLINE_TRY_STATUS(prepare_directory(directory));
  FAULTLINE_TRY_STATUS(refuse_unknown_families(directory, options.format));

  const auto families = descriptors();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::DBOptions db_options = database_options();
  if (options.env != nullptr) db_options.env = options.env;
  std::shared_ptr<rocksdb::Logger> file;  // none is no reason not to open
  static_cast<void>(rocksdb::CreateLoggerFromOptions(directory.string(), db_options, &file));
  const auto log = std::make_shared<RecoveryLog>(std::move(file));
  db_options.info_log = log;
  const rocksdb::Status status =
      rocksdb::DB::Open(db_options, directory.string(), families, &handles, &db);
  if (!status.ok()) return tl::unexpected<Error>(open_error(directory, status));

  std::unique_ptr<Database> database{new Database};
  database->db_.reset(db);
  database->default_ = handles[0];
  database->windows_ = handles[1];
  database->dedup_ = handles[2];
  database->paths_ = handles[3];
  database->ledger_ = handles[4];
  database->blocks_ = handles[5];
  database->minutes_ = handles[6];
  database->hours_ = handles[7];
  tell_of_dropped(log->dropped(), options);
  FAULTLINE_TRY_STATUS(database->check_format(directory, options));
  // Nothing there, or nothing that can be read: unknown.
  database->note_sealed_before(database->first_time(database->windows()).value_or(WallTime::min()));
  return database;
}

Database::~Database() {
  // No SyncWAL(), though Close() does not sync in RocksDB 7.8.3: write() has synced every write,
  // and after a write that failed for want of space SyncWAL() would abort the process.
  for (auto* handle : families()) {
    static_cast<void>(db_->DestroyColumnFamilyHandle(handle));
  }
  static_cast<void>(db_->Close());
}

Status Database::check_format(const fs::path& directory, const OpenOptions& options) {
  std::string stored;
  const rocksdb::Status status = db_->Get({}, default_, kFormatKey, &stored);
  if (status.IsNotFound()) {
    rocksdb::WriteBatch batch;
    return write_migrated(batch, {options.format, std::nullopt}, std::nullopt);
  }
  if (!status.ok()) return tl::unexpected<Error>(error("cannot read the store's format", status));
  const auto format = parse_format(stored);
  if (!format) {
    return fail(ErrorCode::kCorrupt, fmt::format("the format of the data in {} is unreadable: '{}'",
                                                 directory.string(), stored));
  }
  if (format->version > options.format) {
    return tl::unexpected<Error>(
        newer_format(directory, fmt::format("format {}", stored), options.format));
  }
  return migrate(*this, *format, options);
}

Result<std::string> Database::migration_position(const StoredFormat& under_way) {
  std::string stored;
  rocksdb::Status status = db_->Get({}, default_, kFormatKey, &stored);
  if (!status.ok()) return tl::unexpected<Error>(error("cannot read the store's format", status));
  if (parse_format(stored) != under_way) {
    rocksdb::WriteBatch nothing;
    FAULTLINE_TRY_STATUS(write_migrated(nothing, under_way, std::nullopt));
    return std::string();
  }
  std::string position;
  status = db_->Get({}, default_, kPositionKey, &position);
  if (!status.ok() && !status.IsNotFound()) {
    return tl::unexpected<Error>(error("cannot read how far a migration came", status));
  }
  return position;
}

Status Database::write_migrated(rocksdb::WriteBatch& batch, const StoredFormat& format,
                                const std::optional<std::string>& position) {
  static_cast<void>(batch.Put(default_, kFormatKey, to_string(format)));
  if (position) {
    static_cast<void>(batch.Put(default_, kPositionKey, *position));
  } else {
    static_cast<void>(batch.Delete(default_, kPositionKey));
  }
  return write(batch);
}

Status Database::write(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = db_->Write(options, &batch);
  if (!status.ok()) return tl::unexpected<Error>(error("cannot write to the store", status));
  return {};
}

Status Database::drop_below(rocksdb::ColumnFamilyHandle* family, std::string_view end) {
  // From the first key that is left, so that tombstones of successive drops do not overlap.
  std::string begin;
  {
    const std::unique_ptr<rocksdb::Iterator> first{db_->NewIterator({}, family)};
    first->SeekToFirst();
    if (first->Valid()) begin = first->key().ToString();
    // What is damaged is dropped like the rest; what cannot be read just now is not.
    if (!first->status().ok() && !first->status().IsCorruption()) {
      return tl::unexpected<Error>(error("cannot drop old data", first->status()));
    }
    if (first->status().ok() && (!first->Valid() || begin >= end)) return {};
  }
  const rocksdb::Slice from = slice(begin);
  const rocksdb::Slice to = slice(end);
  rocksdb::WriteBatch batch;
  static_cast<void>(batch.DeleteRange(family, from, to));
  FAULTLINE_TRY_STATUS(write(batch));
  const rocksdb::Status status =
      rocksdb::DeleteFilesInRange(db_.get(), family, &from, &to, /*include_end=*/false);
  if (!status.ok()) return tl::unexpected<Error>(error("cannot drop old data", status));
  return {};
}

void Database::note_written(WallTime window_start) {
  const auto time = window_start.time_since_epoch().count();
  if (time < fresh_from_.load(std::memory_order_relaxed)) {
    fresh_from_.store(time, std::memory_order_release);
  }
}

void Database::note_sealed_before(WallTime time) {
  fresh_from_.store(time.time_since_epoch().count(), std::memory_order_release);
}

std::optional<WallTime> Database::first_time(rocksdb::ColumnFamilyHandle* family) const {
  const std::unique_ptr<rocksdb::Iterator> first{db_->NewIterator({}, family)};
  if (family == windows_) {
    first->Seek(window_floor(fresh_from()));
  } else {
    first->SeekToFirst();
  }
  return first->Valid() ? decode_time(first->key().ToStringView()) : std::nullopt;
}

Status Database::visit(rocksdb::ColumnFamilyHandle* family, std::string_view lower,
                       std::string_view upper, const Visitor& visitor) const {
  const rocksdb::Slice end = slice(upper);
  rocksdb::ReadOptions options;
  if (!upper.empty()) options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> it{db_->NewIterator(options, family)};
  for (it->Seek(slice(lower)); it->Valid(); it->Next()) {
    if (!visitor(it->key(), it->value())) return {};
  }
  if (!it->status().ok()) {
    return tl::unexpected<Error>(error("cannot read the store", it->status()));
  }
  return {};
}

Error Database::error(std::string_view attempt, const rocksdb::Status& status) {
  ErrorCode code = ErrorCode::kInternal;
  if (status.IsCorruption()) code = ErrorCode::kCorrupt;
  if (status.IsIOError() || status.IsBusy() || status.IsTryAgain()) code = ErrorCode::kUnavailable;
  return {code, fmt::format("{}: {}", attempt, status.ToString())};
}

std::uint64_t Database::property_sum(const std::string& name) const {
  std::uint64_t sum = 0;
  return db_->GetAggregatedIntProperty(name, &sum) ? sum : 0;
}

std::uint64_t Database::block_cache_bytes() const {
  std::uint64_t bytes = 0;
  return db_->GetIntProperty(windows_, rocksdb::DB::Properties::kBlockCacheUsage, &bytes) ? bytes
                                                                                          : 0;
}

}  // namespace faultline::store
