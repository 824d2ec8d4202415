#include "controller/backup/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace faultline::backup {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kSwitchFile = "switch.json";

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

struct Switch {
  std::string aside;
  std::vector<std::string> old_names;
  std::vector<std::string> new_names;
};

Status write_switch(const fs::path& restore, const Switch& plan) {
  const auto text =
      json{{"aside", plan.aside}, {"old", plan.old_names}, {"new", plan.new_names}}.dump(1);
  const auto fresh = restore / "switch.part";
  FAULTLINE_TRY(const auto file, create_private(fresh));
  FAULTLINE_TRY_STATUS(write_all(file, text, fresh));
  FAULTLINE_TRY_STATUS(sync_file(file, fresh));
  FAULTLINE_TRY_STATUS(rename_to(fresh, restore / kSwitchFile));
  return sync_directory(restore);
}

Result<Switch> read_switch(const fs::path& restore) {
  std::ifstream file(restore / kSwitchFile);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  try {
    const auto document = json::parse(text);
    return Switch{.aside = document.at("aside"),
                  .old_names = document.at("old"),
                  .new_names = document.at("new")};
  } catch (const json::exception& error) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("cannot finish the restore that was broken off: {} is damaged ({})",
                            (restore / kSwitchFile).string(), error.what()));
  }
}

// Each step shows in the file system whether it was taken, so that all can be repeated.
Status carry_out(const fs::path& data_dir, const Switch& plan) {
  const auto fresh = data_dir / kRestoreFolder / kNewFolder;
  const auto aside = data_dir / plan.aside;
  if (!plan.old_names.empty()) FAULTLINE_TRY_STATUS(make_private_directory(aside));
  for (const auto& name : plan.old_names) {
    const bool replaced = std::ranges::find(plan.new_names, name) != plan.new_names.end();
    const bool still_old = replaced ? is_there(fresh / name) : true;
    if (still_old && is_there(data_dir / name) && !is_there(aside / name)) {
      FAULTLINE_TRY_STATUS(rename_to(data_dir / name, aside / name));
    }
  }
  for (const auto& name : plan.new_names) {
    if (is_there(fresh / name)) FAULTLINE_TRY_STATUS(rename_to(fresh / name, data_dir / name));
  }
  if (!plan.old_names.empty()) FAULTLINE_TRY_STATUS(sync_directory(aside));
  FAULTLINE_TRY_STATUS(sync_directory(data_dir));
  return remove_tree(data_dir / kRestoreFolder);
}

struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

bool is_reserved(std::string_view name) {
  return name == kStoreFolder || name == kCheckpointFolder || name == kRestoreFolder ||
         name.starts_with(kReplacedPrefix);
}

Result<std::vector<std::string>> data_in(const fs::path& data_dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(data_dir, error)) {
    const auto name = entry.path().filename().string();
    if (name == kStoreFolder || !is_reserved(name)) names.push_back(name);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    errno = error.value();
    return fail_errno("read", data_dir);
  }
  std::ranges::sort(names);
  return names;
}

Result<DataDirLock> DataDirLock::take(const fs::path& data_dir) {
  Descriptor directory{::open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory.is_open()) return fail_errno("read", data_dir);
  if (::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) return DataDirLock{std::move(directory)};
  if (errno != EWOULDBLOCK) return fail_errno("lock", data_dir);
  return fail(ErrorCode::kConflict,
              fmt::format("another backup or restore of {} is running", data_dir.string()));
}

// RocksDB holds a POSIX record lock on this file.
bool is_store_open(const fs::path& data_dir) {
  const Descriptor file{::open((data_dir / kStoreFolder / "LOCK").c_str(), O_RDONLY | O_CLOEXEC)};
  auto lock = whole_file(F_WRLCK);
  return file.is_open() && ::fcntl(file.get(), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

Result<Descriptor> hold_store(const fs::path& data_dir) {
  const auto path = data_dir / kStoreFolder / "LOCK";
  Descriptor file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
  if (!file.is_open() && errno == ENOENT) return file;
  if (!file.is_open()) return fail_errno("open", path);
  auto lock = whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_SETLK, &lock) == 0) return file;
  return fail(ErrorCode::kConflict,
              fmt::format("a faultline-controller runs on {}: stop it first", data_dir.string()));
}

Status switch_data(const fs::path& data_dir, const std::string& aside) {
  const auto restore = data_dir / kRestoreFolder;
  Switch plan{.aside = aside, .old_names = {}, .new_names = {}};
  FAULTLINE_TRY(plan.old_names, data_in(data_dir));
  FAULTLINE_TRY(plan.new_names, data_in(restore / kNewFolder));
  FAULTLINE_TRY_STATUS(write_switch(restore, plan));
  return carry_out(data_dir, plan);
}

Result<std::string> tidy(const fs::path& data_dir) {
  const auto restore = data_dir / kRestoreFolder;
  const auto checkpoint = data_dir / kCheckpointFolder;
  std::string done;
  if (is_there(checkpoint)) {
    FAULTLINE_TRY_STATUS(remove_tree(checkpoint));
    done = "removed the checkpoint that a backup left";
  }
  if (!is_there(restore)) return done;
  if (is_there(restore / kSwitchFile)) {
    FAULTLINE_TRY(const auto plan, read_switch(restore));
    FAULTLINE_TRY_STATUS(carry_out(data_dir, plan));
    return fmt::format("finished the restore that was broken off; the old data is in {}",
                       (data_dir / plan.aside).string());
  }
  FAULTLINE_TRY_STATUS(remove_tree(restore));
  return "removed what a restore left that was broken off";
}

Result<std::string> tidy_at_start(const fs::path& data_dir) {
  const auto lock = DataDirLock::take(data_dir);
  if (lock) return tidy(data_dir);
  if (lock.error().code != ErrorCode::kConflict) return tl::unexpected<Error>(lock.error());
  if (!is_there(data_dir / kRestoreFolder)) return std::string();  // a backup
  return fail(
      ErrorCode::kConflict,
      fmt::format("a restore into {} is running: start again when it is done", data_dir.string()));
}

}  // namespace faultline::backup
