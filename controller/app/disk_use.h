// DiskUse: what a directory takes of its disk, and what is left there.
//
// Why it exists: status and metrics show the store as the disk sees it, write-ahead log included.
// Thread safety: any thread. A file that vanishes meanwhile, or a disk that cannot be asked,
// counts 0.
#pragma once

#include <cstdint>
#include <filesystem>

namespace faultline::app {

struct DiskUse {
  std::uint64_t bytes = 0;       // of the files in the directory, not below it
  std::uint64_t bytes_free = 0;  // what this process may still write
};

[[nodiscard]] DiskUse disk_use(const std::filesystem::path& directory);

}  // namespace faultline::app
