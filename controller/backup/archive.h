// The archive: tar with zstd, through libarchive. README.md has its layout.
//
// Reading takes nothing on trust: entries are regular files of the manifest, in its order, with the
// sizes and digests that it gives; anything else refuses the archive.
// Thread safety: none needed. Every function blocks on the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "controller/backup/files.h"
#include "controller/backup/manifest.h"

namespace faultline::backup {

// Called now and then with the bytes of files done, of all; an Error ends the work with it.
using Progress = std::function<Status(std::uint64_t done, std::uint64_t all)>;

// Where a file of the manifest lies.
using Locate = std::function<std::filesystem::path(const std::string& path)>;

// The file's size and digest. `path` is what the manifest will call it.
[[nodiscard]] Result<FileEntry> describe_file(const std::filesystem::path& file, std::string path,
                                              const std::function<Status(std::uint64_t)>& read);

// Writes all of it to `out`, which `name` stands for in messages. A file that does not have its
// digest any more is an error.
[[nodiscard]] Status write_archive(const Descriptor& out, const std::filesystem::path& name,
                                   const Manifest& manifest, const Locate& locate,
                                   const Progress& progress);

// Takes the contents of the files. Either function may be empty.
struct FileTaker {
  std::function<Status(const Manifest& manifest)> begin;  // before the first file
  std::function<Status(const FileEntry& file)> begin_file;
  std::function<Status(std::string_view piece)> take;
  std::function<Status()> end_file;  // its digest is right
};

// Verifies all of the archive and hands its contents on. Sentences begin with the file's name.
[[nodiscard]] Result<Manifest> read_archive(const std::filesystem::path& file,
                                            const FileTaker& taker, const Progress& progress);

}  // namespace faultline::backup
