#include "controller/app/disk_use.h"

#include <system_error>

namespace faultline::app {

DiskUse disk_use(const std::filesystem::path& directory) {
  DiskUse use;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const auto size = entry.file_size(error);
    if (!error) use.bytes += size;
  }
  const auto space = std::filesystem::space(directory, error);
  if (!error) use.bytes_free = space.available;
  return use;
}

}  // namespace faultline::app
