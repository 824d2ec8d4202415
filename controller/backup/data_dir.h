// The data directory during a backup and a restore: who may touch it, and how restored data takes
// the place of what is there.
//
//   store/, controller.key, ...   the data
//   checkpoint/                   hard links to the store's files, while a backup packs them
//   restore/new/...               restored data, not yet in place
//   restore/switch.json           verified and complete: it is being put in place
//   replaced-20261126T073000Z/    data that a restore moved aside
//
// The switch: once switch.json is there it is finished, by this process or, after a crash, by
// whoever looks next; without it restore/ is thrown away. So a restore happens or does not.
// Thread safety: none needed; the lock works between processes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "controller/backup/files.h"

namespace faultline::backup {

inline constexpr std::string_view kStoreFolder = "store";
inline constexpr std::string_view kCheckpointFolder = "checkpoint";
inline constexpr std::string_view kRestoreFolder = "restore";
inline constexpr std::string_view kNewFolder = "new";
inline constexpr std::string_view kReplacedPrefix = "replaced-";
inline constexpr std::string_view kKeyFile = "controller.key";

// Not data: must not be packed, nor be put in place of it.
[[nodiscard]] bool is_reserved(std::string_view name);

// The names of the data's files and folders.
[[nodiscard]] Result<std::vector<std::string>> data_in(const std::filesystem::path& data_dir);

// Held by a backup and by a restore for as long as they run.
class DataDirLock {
 public:
  // kConflict: another backup or restore holds it.
  [[nodiscard]] static Result<DataDirLock> take(const std::filesystem::path& data_dir);

 private:
  explicit DataDirLock(Descriptor directory) : directory_(std::move(directory)) {}
  Descriptor directory_;
};

// Whether a controller has the store open, found out without disturbing it.
[[nodiscard]] bool is_store_open(const std::filesystem::path& data_dir);
// Keeps controllers from opening the store that is there, if any. kConflict: one has.
[[nodiscard]] Result<Descriptor> hold_store(const std::filesystem::path& data_dir);

// From restore/new to the data; what is there goes to `aside` (a name, kReplacedPrefix first).
// After success nothing of it is left to do.
[[nodiscard]] Status switch_data(const std::filesystem::path& data_dir, const std::string& aside);

// With the lock held: finishes a switch that was broken off, or removes what a backup or restore
// left behind. Returns what it did, for the log; empty: there was nothing.
[[nodiscard]] Result<std::string> tidy(const std::filesystem::path& data_dir);

// The same for a controller that starts. kConflict: a restore is running. A backup may go on.
[[nodiscard]] Result<std::string> tidy_at_start(const std::filesystem::path& data_dir);

}  // namespace faultline::backup
