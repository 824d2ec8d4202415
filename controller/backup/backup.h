// pack: a checkpoint of the store, and what lies beside the store, into one archive.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/backup/archive.h"

namespace faultline::backup {

struct PackOptions {
  std::filesystem::path data_dir;  // with a checkpoint in it (data_dir.h)
  std::filesystem::path to;
  std::string software;
  WallTime created_at{};
};

// `to` appears when it is complete and on disk, mode 0600, in place of what was there; after a
// failure it is as it was. The first half of the progress is checksums, the second the packing.
[[nodiscard]] Result<Manifest> pack(const PackOptions& options, const Progress& progress);

}  // namespace faultline::backup
