#include "controller/cli/token_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <sys/stat.h>

namespace faultline::cli {
namespace {

constexpr std::size_t kTokenBytesMax = 256;
constexpr std::string_view kPrefix = "flo_";

std::string trimmed(std::string text) {
  constexpr const char* kSpace = " \t\r\n";
  text.erase(0, std::min(text.find_first_not_of(kSpace), text.size()));
  text.erase(text.find_last_not_of(kSpace) + 1);
  return text;
}

Outcome<std::string> read_file(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) {
    return usage(fmt::format("cannot read the token file {}: {}", file, std::strerror(errno)));
  }
  if ((info.st_mode & S_IRWXO) != 0) {
    return usage(fmt::format("the token file {} may be read by others: chmod 600 it", file));
  }
  std::ifstream stream(file);
  std::string text(kTokenBytesMax, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad() || !stream.is_open()) {
    return usage(fmt::format("cannot read the token file {}", file));
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

}  // namespace

Outcome<std::string> read_api_token(const std::string& file, const std::string& token) {
  if (file.empty() && token.empty()) return std::string();
  std::string text = token;
  if (!file.empty()) {
    FAULTLINE_CLI_TRY(text, read_file(file));
  }
  text = trimmed(std::move(text));
  const bool printable = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  if (!text.starts_with(kPrefix) || !printable) {
    return usage(
        fmt::format("what {} holds is not an API token: one begins with flo_ and is made "
                    "by 'faultline access token create'",
                    file.empty() ? "FAULTLINE_API_TOKEN" : file));
  }
  return text;
}

}  // namespace faultline::cli
