// restore: an archive into a data directory. The order of its steps is what makes it safe: verify
// all, extract beside the data, open the store, and only then switch (data_dir.h).
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/backup/archive.h"

namespace faultline::backup {

struct RestoreOptions {
  std::filesystem::path from;
  std::filesystem::path data_dir;  // made when it is not there
  bool force = false;              // moves data that is there aside
  WallTime now{};
};

struct Restored {
  Manifest manifest;
  std::uint64_t nodes = 0;      // that the restored store knows
  std::filesystem::path aside;  // where the old data is; empty: there was none
};

// Reads all of the archive; touches nothing else.
[[nodiscard]] Result<Manifest> verify(const std::filesystem::path& from, const Progress& progress);

// kConflict: a controller, backup or restore uses the directory, or it holds data and force is not
// set. After any failure the old data is as it was. As root the files get the owner of the data
// directory; a directory that is made gets the user "faultline", if there is one.
[[nodiscard]] Result<Restored> restore(const RestoreOptions& options, const Progress& progress);

}  // namespace faultline::backup
