#include "controller/cli/capture_offline.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/capture/comparison_json.h"
#include "controller/capture/verdict.h"

namespace faultline::cli {
namespace {

Outcome<capture::EndOfCapture> load(const std::string& path, const CaptureFiles& files) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return usage(fmt::format("{} cannot be read: {}", path, error.message()));
  if (size > capture::kFileBytesMax) {
    return usage(fmt::format("{} is larger than the {} MiB that are read of a capture", path,
                             capture::kFileBytesMax >> 20));
  }
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> text(std::istreambuf_iterator<char>(file), {});
  auto read = capture::from_pcapng(std::as_bytes(std::span(text)));
  if (!read) {
    return usage(
        fmt::format("{}: {}; write it with `faultline-probe test capture`, dumpcap or "
                    "tshark",
                    path, read.error().context));
  }
  return capture::EndOfCapture{
      .node = std::filesystem::path(path).stem().string(),
      .file = *std::move(read),
      .about = {.reflector_port = files.reflector_port, .source_port = files.source_port}};
}

}  // namespace

Outcome<std::string> compare_files(const CaptureFiles& files) {
  FAULTLINE_CLI_TRY(const auto near, load(files.near, files));
  FAULTLINE_CLI_TRY(auto far, load(files.far, files));
  far.about.source_port = 0;
  const auto comparison = capture::compare(near, far);
  return capture::to_json(comparison, capture::judge(comparison))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace faultline::cli
