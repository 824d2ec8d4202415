// Manifest: what an archive says of itself. The first entry of the file, so that a foreign or newer
// one is refused before anything else of it is read.
//
// Pure. Input is untrusted: an archive may come from anywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace faultline::backup {

inline constexpr std::uint32_t kArchiveFormat = 1;
inline constexpr std::size_t kFilesMax = 1'000'000;
inline constexpr std::size_t kManifestBytesMax = 256U << 20;
inline constexpr std::size_t kPathBytesMax = 255;

struct FileEntry {
  std::string path;  // below the data directory, with '/'
  std::uint64_t size = 0;
  std::string sha256;  // 64 lower-case hex digits

  bool operator==(const FileEntry&) const = default;
};

struct Manifest {
  std::uint32_t store_format = 0;
  std::string software;  // "faultline-controller 0.1.0"
  WallTime created_at{};
  std::vector<FileEntry> files;

  [[nodiscard]] std::uint64_t bytes() const;
  bool operator==(const Manifest&) const = default;
};

// A name that stays inside the directory it is put into, and does not meet what restore itself
// keeps there.
[[nodiscard]] bool is_safe_path(std::string_view path);

[[nodiscard]] std::string to_json(const Manifest& manifest);
// kInvalid: not a manifest. kUnsupported: of a newer version, whose name the sentence gives.
[[nodiscard]] Result<Manifest> manifest_from_json(std::string_view json);

}  // namespace faultline::backup
