#include "controller/backup/backup.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "controller/backup/data_dir.h"
#include "controller/store/keys.h"

namespace faultline::backup {
namespace {

namespace fs = std::filesystem;

// What is to be packed, by the names that the manifest uses.
Result<std::vector<std::string>> names_to_pack(const fs::path& data_dir) {
  FAULTLINE_TRY(const auto beside, data_in(data_dir));
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& name : beside) {
    if (name != kStoreFolder && fs::is_regular_file(data_dir / name, error)) names.push_back(name);
  }
  const auto checkpoint = data_dir / kCheckpointFolder;
  for (const auto& entry : fs::recursive_directory_iterator(checkpoint, error)) {
    if (!entry.is_regular_file(error)) continue;
    names.push_back(
        (fs::path(kStoreFolder) / fs::relative(entry.path(), checkpoint)).generic_string());
  }
  if (error) {
    errno = error.value();
    return fail_errno("read", checkpoint);
  }
  std::ranges::sort(names);
  for (const auto& name : names) {
    if (is_safe_path(name)) continue;
    return fail(ErrorCode::kInvalid,
                fmt::format("{} holds a file whose name no backup takes: {}; move it elsewhere",
                            data_dir.string(), name));
  }
  return names;
}

fs::path locate(const fs::path& data_dir, const std::string& name) {
  const auto prefix = std::string(kStoreFolder) + "/";
  if (!name.starts_with(prefix)) return data_dir / name;
  return data_dir / kCheckpointFolder / name.substr(prefix.size());
}

std::uint64_t bytes_of(const fs::path& data_dir, const std::vector<std::string>& names) {
  std::uint64_t sum = 0;
  for (const auto& name : names) {
    std::error_code error;
    const auto size = fs::file_size(locate(data_dir, name), error);
    if (!error) sum += size;
  }
  return sum;
}

Result<Manifest> describe(const PackOptions& options, const Progress& progress) {
  Manifest manifest{.store_format = store::kFormatVersion,
                    .software = options.software,
                    .created_at = options.created_at,
                    .files = {}};
  FAULTLINE_TRY(const auto names, names_to_pack(options.data_dir));
  std::uint64_t done = 0;
  const auto all = bytes_of(options.data_dir, names);
  const auto read = [&](std::uint64_t bytes) {
    done += bytes;
    return progress(done / 2, all);
  };
  for (const auto& name : names) {
    FAULTLINE_TRY(auto file, describe_file(locate(options.data_dir, name), name, read));
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

}  // namespace

Result<Manifest> pack(const PackOptions& options, const Progress& progress) {
  const auto part = fs::path(options.to.string() + ".part");
  FAULTLINE_TRY(const auto out, create_private(part));
  const auto written = [&]() -> Result<Manifest> {
    FAULTLINE_TRY(auto manifest, describe(options, progress));
    FAULTLINE_TRY_STATUS(write_archive(
        out, part, manifest,
        [&](const std::string& name) { return locate(options.data_dir, name); },
        [&](std::uint64_t done, std::uint64_t all) { return progress((all + done) / 2, all); }));
    FAULTLINE_TRY_STATUS(sync_file(out, part));
    FAULTLINE_TRY_STATUS(rename_to(part, options.to));
    const auto folder = options.to.parent_path();
    FAULTLINE_TRY_STATUS(sync_directory(folder.empty() ? "." : folder));
    return manifest;
  }();
  if (!written) ::unlink(part.c_str());
  return written;
}

}  // namespace faultline::backup
