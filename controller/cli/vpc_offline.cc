#include "controller/cli/vpc_offline.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "controller/vpc/answer.h"
#include "controller/vpc/importer.h"

namespace faultline::cli {
namespace {

namespace fs = std::filesystem;

Failure refused(const Error& error) {
  return {ExitCode::kUsage, std::string{to_string(error.code)}, error.context};
}

Outcome<vpc::SourceFile> read_file(const fs::path& folder, const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return usage(fmt::format("cannot read {}: {}", path.string(), error.message()));
  if (size > vpc::kFileBytesMax) {
    return usage(fmt::format("{} is larger than the {} MiB that a file of a snapshot may have",
                             path.string(), vpc::kFileBytesMax >> 20));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) return usage(fmt::format("cannot read {}", path.string()));
  return vpc::SourceFile{fs::relative(path, folder, error).string(), std::move(text)};
}

Outcome<std::vector<vpc::SourceFile>> read_folder(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return usage(fmt::format("{} is not a folder; save what 'aws ec2 describe-...' prints into one",
                             folder));
  }
  std::vector<vpc::SourceFile> files;
  fs::recursive_directory_iterator walk(folder, error);
  std::size_t bytes = 0;
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    if (!walk->is_regular_file(error)) continue;
    FAULTLINE_CLI_TRY(auto file, read_file(folder, walk->path()));
    bytes += file.text.size();
    if (files.size() == vpc::kFilesMax || bytes > vpc::kTotalBytesMax) {
      return usage(fmt::format("{} holds more than the {} files or {} MiB of a snapshot", folder,
                               vpc::kFilesMax, vpc::kTotalBytesMax >> 20));
    }
    files.push_back(std::move(file));
  }
  if (error) return usage(fmt::format("cannot read {}: {}", folder, error.message()));
  return files;
}

}  // namespace

Outcome<vpc::Import> import_cloud(const std::string& folder) {
  FAULTLINE_CLI_TRY(const auto files, read_folder(folder));
  auto import = vpc::import_files(files);
  if (!import) return tl::unexpected(refused(import.error()));
  if (import->report.read.empty()) {
    return usage(fmt::format("none of the {} files in {} is an answer of the AWS CLI that is known",
                             files.size(), folder));
  }
  return *std::move(import);
}

Outcome<std::string> vpc_check(const std::string& folder) {
  FAULTLINE_CLI_TRY(const auto import, import_cloud(folder));
  return vpc::check_json(import);
}

Outcome<std::string> vpc_reach(const std::string& folder, const vpc::Question& question) {
  FAULTLINE_CLI_TRY(const auto import, import_cloud(folder));
  const auto answer = vpc::reach(import.model, question);
  if (!answer) return tl::unexpected(refused(answer.error()));
  return vpc::answer_json(*answer);
}

Outcome<vpc::PortRange> parse_port_range(const std::string& text) {
  vpc::PortRange range;
  const auto* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.first);
  range.last = range.first;
  auto last = first;
  if (first.ec == std::errc{} && first.ptr != end && *first.ptr == '-') {
    last = std::from_chars(first.ptr + 1, end, range.last);
  }
  if (last.ec != std::errc{} || last.ptr != end || range.first > range.last) {
    return usage(fmt::format("'{}' is not a range of ports such as 32768-60999", text));
  }
  return range;
}

}  // namespace faultline::cli
