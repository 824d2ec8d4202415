#include "controller/backup/restore.h"

#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "common/crypto/key_file.h"
#include "controller/backup/data_dir.h"
#include "controller/store/rocks_store.h"

namespace faultline::backup {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUser = "faultline";

Status make_data_dir(const fs::path& data_dir) {
  std::error_code error;
  if (fs::exists(data_dir, error)) return {};
  fs::create_directories(data_dir.parent_path(), error);
  FAULTLINE_TRY_STATUS(make_private_directory(data_dir));
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* user = nullptr;
  if (::geteuid() == 0 && ::getpwnam_r(kUser, &entry, buffer.data(), buffer.size(), &user) == 0 &&
      user != nullptr) {
    return give_tree(data_dir, user->pw_uid, user->pw_gid);
  }
  return {};
}

Status check_empty(const RestoreOptions& options) {
  FAULTLINE_TRY(const auto names, data_in(options.data_dir));
  if (names.empty() || options.force) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("{} holds data ({}): --force moves it aside and restores",
                          options.data_dir.string(), names.front()));
}

std::string mebibytes(std::uint64_t bytes) { return fmt::format("{} MiB", (bytes >> 20) + 1); }

Status check_room(const fs::path& data_dir, std::uint64_t bytes) {
  struct statvfs room {};
  if (::statvfs(data_dir.c_str(), &room) != 0) return {};
  const auto free = static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
  if (free >= bytes) return {};
  return fail(ErrorCode::kUnavailable,
              fmt::format("the backup needs {} in {}, and {} are free: make room first",
                          mebibytes(bytes), data_dir.string(), mebibytes(free)));
}

// Puts an archive's files below `root`, synced.
class Extraction {
 public:
  Extraction(const fs::path& data_dir, fs::path root)
      : data_dir_(data_dir), root_(std::move(root)) {}

  [[nodiscard]] FileTaker taker() {
    return {
        .begin =
            [this](const Manifest& manifest) { return check_room(data_dir_, manifest.bytes()); },
        .begin_file = [this](const FileEntry& file) { return begin(file); },
        .take = [this](std::string_view piece) { return write_all(file_, piece, path_); },
        .end_file = [this] { return sync_file(file_, path_); }};
  }
  [[nodiscard]] Status sync_folders() const {
    for (const auto& folder : folders_) FAULTLINE_TRY_STATUS(sync_directory(folder));
    return sync_directory(root_);
  }

 private:
  Status begin(const FileEntry& file) {
    path_ = root_ / file.path;
    for (auto folder = path_.parent_path(); folder != root_; folder = folder.parent_path()) {
      if (!folders_.insert(folder).second) break;
    }
    for (const auto& folder : folders_) FAULTLINE_TRY_STATUS(make_private_directory(folder));
    FAULTLINE_TRY(file_, create_private(path_));
    return {};
  }

  const fs::path& data_dir_;
  const fs::path root_;
  fs::path path_;
  Descriptor file_;
  std::set<fs::path> folders_;  // a folder sorts before what is in it
};

// The store opens and can be read, and the key is one.
Result<std::uint64_t> prove(const fs::path& root) {
  FAULTLINE_TRY_STATUS(crypto::load_key_pair(root / kKeyFile));
  FAULTLINE_TRY(const auto store, store::RocksStore::open(root / kStoreFolder));
  FAULTLINE_TRY(const auto nodes, store->ledger().list(store::Table::kNodes));
  return nodes.size();
}

std::string aside_name(WallTime now) {
  auto time = format_rfc3339(std::chrono::floor<std::chrono::seconds>(now));
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return std::string(kReplacedPrefix) + time;
}

// A name that is free, also for a second restore within the second.
std::string free_aside(const fs::path& data_dir, WallTime now) {
  const auto name = aside_name(now);
  auto candidate = name;
  std::error_code error;
  for (int i = 2; fs::exists(data_dir / candidate, error); ++i) {
    candidate = fmt::format("{}-{}", name, i);
  }
  return candidate;
}

Result<Restored> extract_and_switch(const RestoreOptions& options, const Progress& progress) {
  const auto& data_dir = options.data_dir;
  const auto root = data_dir / kRestoreFolder / kNewFolder;
  FAULTLINE_TRY_STATUS(make_private_directory(data_dir / kRestoreFolder));
  FAULTLINE_TRY_STATUS(make_private_directory(root));
  Extraction extraction(data_dir, root);
  Restored restored;
  FAULTLINE_TRY(restored.manifest, read_archive(options.from, extraction.taker(), progress));
  FAULTLINE_TRY_STATUS(extraction.sync_folders());
  FAULTLINE_TRY(restored.nodes, prove(root));
  struct stat owner {};
  if (::stat(data_dir.c_str(), &owner) != 0) return fail_errno("inspect", data_dir);
  if (::geteuid() == 0 && owner.st_uid != 0) {
    FAULTLINE_TRY_STATUS(give_tree(data_dir / kRestoreFolder, owner.st_uid, owner.st_gid));
  }
  FAULTLINE_TRY_STATUS(check_empty(options));  // again: a controller may have started meanwhile
  FAULTLINE_TRY(const auto old, data_in(data_dir));
  const auto aside = free_aside(data_dir, options.now);
  FAULTLINE_TRY_STATUS(switch_data(data_dir, aside));
  if (old.empty()) return restored;
  restored.aside = data_dir / aside;
  if (::geteuid() == 0) {
    FAULTLINE_TRY_STATUS(give_tree(restored.aside, owner.st_uid, owner.st_gid));
  }
  return restored;
}

}  // namespace

Result<Manifest> verify(const fs::path& from, const Progress& progress) {
  return read_archive(from, {}, progress);
}

Result<Restored> restore(const RestoreOptions& options, const Progress& progress) {
  // Half of the work is to read it a first time.
  FAULTLINE_TRY_STATUS(verify(options.from, [&](std::uint64_t done, std::uint64_t all) {
    return progress(done / 2, all);
  }));
  FAULTLINE_TRY_STATUS(make_data_dir(options.data_dir));
  FAULTLINE_TRY(const auto lock, DataDirLock::take(options.data_dir));
  FAULTLINE_TRY(const auto held, hold_store(options.data_dir));
  FAULTLINE_TRY_STATUS(tidy(options.data_dir));
  FAULTLINE_TRY_STATUS(check_empty(options));
  auto restored = extract_and_switch(options, [&](std::uint64_t done, std::uint64_t all) {
    return progress((all + done) / 2, all);
  });
  // Without the journal of a switch this removes what was extracted; with it, it finishes.
  if (!restored) static_cast<void>(tidy(options.data_dir));
  return restored;
}

}  // namespace faultline::backup
