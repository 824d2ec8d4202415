#include "controller/store/repair.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/utilities/ldb_cmd.h>

#include "controller/store/database.h"
#include "controller/store/keys.h"
#include "controller/store/options.h"

namespace faultline::store {
namespace {

namespace fs = std::filesystem;

// Without them a store would not know who belongs to the fleet, or what was counted.
constexpr std::array<std::string_view, 5> kResults{"windows", "blocks", "minutes", "hours",
                                                   "paths"};

// The lock that every process takes that opens the store to write.
class StoreLock {
 public:
  static Result<std::unique_ptr<StoreLock>> take(const fs::path& directory) {
    rocksdb::FileLock* lock = nullptr;
    const auto status = rocksdb::Env::Default()->LockFile((directory / "LOCK").string(), &lock);
    if (status.ok()) return std::unique_ptr<StoreLock>(new StoreLock(lock));
    return tl::unexpected<Error>(Database::open_error(directory, status));
  }
  ~StoreLock() { static_cast<void>(rocksdb::Env::Default()->UnlockFile(lock_)); }
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  explicit StoreLock(rocksdb::FileLock* lock) : lock_(lock) {}
  rocksdb::FileLock* lock_;
};

// Opens what `paranoid_checks` would refuse.
rocksdb::DBOptions lenient_options() {
  auto options = database_options();
  options.create_if_missing = false;
  options.create_missing_column_families = false;
  options.paranoid_checks = false;
  return options;
}

std::string key_in_words(std::string_view tier, std::string_view key) {
  if (tier == "windows") {
    if (const auto window = decode_window_key(key)) return to_string(*window);
  } else if (tier != "paths") {
    if (const auto bucket = decode_bucket_key(key)) return to_string(*bucket);
  } else if (const auto path = decode_path_key(key)) {
    return fmt::format("path of node {} to node {}, {}", path->reporter.value(),
                       path->target.value(), format_rfc3339(path->traced_at));
  }
  return fmt::format("key {}", rocksdb::Slice(key.data(), key.size()).ToString(/*hex=*/true));
}

// Empty: it can be used. Damage within it is stepped over by who reads it, and is none here. An
// error where a table may be good and cannot be read now: that is no reason to go on without it.
Result<std::string> trouble_of(const fs::path& path, std::uint64_t bytes,
                               const rocksdb::ColumnFamilyOptions& family) {
  std::error_code failure;
  const auto size = fs::file_size(path, failure);
  if (failure == std::errc::no_such_file_or_directory) return failure.message();
  if (!failure && size != bytes) return fmt::format("it is {} bytes long and was {}", size, bytes);
  const rocksdb::Options options(rocksdb::DBOptions{}, family);
  rocksdb::Status status;
  for (int attempt = 0; attempt < 2 && !failure; ++attempt) {
    rocksdb::SstFileReader reader(options);
    status = reader.Open(path.string());
    if (status.ok()) return std::string();
  }
  if (!failure && status.IsCorruption()) return status.ToString();
  return fail(ErrorCode::kUnavailable,
              fmt::format("{} cannot be read now, and may be good: {}", path.string(),
                          failure ? failure.message() : status.ToString()));
}

// With its own cache of blocks, so that an index is read, and its checksum verified.
rocksdb::ColumnFamilyOptions reading_options(const rocksdb::ColumnFamilyDescriptor& family) {
  rocksdb::ColumnFamilyOptions options;
  options.merge_operator = family.options.merge_operator;
  return options;
}

Result<std::vector<UnusableFile>> find_unusable(const fs::path& directory) {
  FAULTLINE_TRY_STATUS(Database::refuse_newer(directory));
  const auto families = Database::descriptors();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const auto status =
      rocksdb::DB::OpenForReadOnly(lenient_options(), directory.string(), families, &handles, &db);
  if (!status.ok()) {
    return tl::unexpected<Error>(Database::error(
        fmt::format("more than tables is damaged in {}, restore a backup", directory.string()),
        status));
  }
  const std::unique_ptr<rocksdb::DB> opened{db};
  std::vector<rocksdb::LiveFileMetaData> live;
  db->GetLiveFilesMetaData(&live);
  for (auto* handle : handles) static_cast<void>(db->DestroyColumnFamilyHandle(handle));
  std::vector<UnusableFile> files;
  for (const auto& file : live) {
    const auto family = std::ranges::find(families, file.column_family_name,
                                          &rocksdb::ColumnFamilyDescriptor::name);
    FAULTLINE_TRY(const auto why, trouble_of(directory / file.relative_filename, file.size,
                                             reading_options(*family)));
    if (why.empty()) continue;
    files.push_back(
        {.name = file.relative_filename,
         .tier = file.column_family_name,
         .bytes = file.size,
         .first = key_in_words(file.column_family_name, file.smallestkey),
         .last = key_in_words(file.column_family_name, file.largestkey),
         .why = why,
         .results_only = std::ranges::find(kResults, file.column_family_name) != kResults.end()});
  }
  std::ranges::sort(files, {}, &UnusableFile::name);
  return files;
}

// What is left of it: RocksDB deletes it at its next start.
Status keep_aside(const fs::path& file, const fs::path& aside) {
  std::error_code failure;
  if (!fs::exists(file, failure)) return {};
  // Numbers come again after a restore: what an earlier repair left stays.
  auto to = aside / file.filename();
  for (int i = 2; fs::exists(to, failure); ++i) {
    to = aside / fmt::format("{}.{}", file.filename().string(), i);
  }
  fs::create_hard_link(file, to, failure);
  if (failure) {
    failure.clear();
    fs::copy_file(file, to, failure);
  }
  if (!failure) return {};
  return fail(ErrorCode::kUnavailable,
              fmt::format("cannot keep {} in {}: {}", file.filename().string(), aside.string(),
                          failure.message()));
}

// As `ldb unsafe_remove_sst_file` does: one edit of the manifest.
Status take_out(const fs::path& directory, const UnusableFile& file) {
  const auto families = Database::descriptors();
  const rocksdb::Options options(lenient_options(), families.front().options);
  const auto number = std::to_string(std::stoull(file.name));
  const std::unique_ptr<rocksdb::LDBCommand> command{rocksdb::LDBCommand::InitFromCmdLineArgs(
      {fmt::format("--db={}", directory.string()), "unsafe_remove_sst_file", number}, options,
      rocksdb::LDBOptions(), &families, rocksdb::LDBCommand::SelectCommand)};
  if (command == nullptr) return fail(ErrorCode::kInternal, "RocksDB does not know the command");
  command->Run();
  if (command->GetExecuteState().IsSucceed()) return {};
  return fail(ErrorCode::kCorrupt, fmt::format("cannot take {} out of the store: {}", file.name,
                                               command->GetExecuteState().ToString()));
}

}  // namespace

std::string to_string(const UnusableFile& file) {
  return fmt::format("{} ({}, {} bytes): {}; it held {} to {}{}", file.name, file.tier, file.bytes,
                     file.why, file.first, file.last,
                     file.results_only ? "" : "; only a backup brings it back");
}

Result<std::vector<UnusableFile>> unusable_files(const fs::path& directory) {
  FAULTLINE_TRY(const auto lock, StoreLock::take(directory));
  return find_unusable(directory);
}

Result<std::vector<UnusableFile>> leave_out_unusable(const fs::path& directory,
                                                     const fs::path& aside) {
  FAULTLINE_TRY(const auto lock, StoreLock::take(directory));
  FAULTLINE_TRY(auto files, find_unusable(directory));
  for (const auto& file : files) {
    if (file.results_only) continue;
    return fail(ErrorCode::kUnsupported,
                fmt::format("{} holds more than results, and a store without it would not know its "
                            "fleet or what it has counted: restore a backup. {}",
                            file.name, to_string(file)));
  }
  if (files.empty()) return files;
  std::error_code failure;
  fs::create_directories(aside, failure);
  if (failure) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot create {}: {}", aside.string(), failure.message()));
  }
  fs::permissions(aside, fs::perms::owner_all, failure);
  for (const auto& file : files) FAULTLINE_TRY_STATUS(keep_aside(directory / file.name, aside));
  for (const auto& file : files) FAULTLINE_TRY_STATUS(take_out(directory, file));
  return files;
}

}  // namespace faultline::store
