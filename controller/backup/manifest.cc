#include "controller/backup/manifest.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/backup/data_dir.h"
#include "controller/store/keys.h"

namespace faultline::backup {
namespace {

using nlohmann::json;

constexpr const char* kSchema = "faultline.backup";

tl::unexpected<Error> foreign(std::string_view why) {
  return fail(ErrorCode::kInvalid,
              fmt::format("it is not a backup of faultline-controller: {}", why));
}

tl::unexpected<Error> newer(const std::string& software) {
  return fail(ErrorCode::kUnsupported,
              fmt::format("it was made by {}, which is newer than this program can read: restore "
                          "it with that version",
                          software.empty() ? "a newer version" : software));
}

bool is_digest(const std::string& text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

Result<std::vector<FileEntry>> read_files(const json& document) {
  const auto files = document.find("files");
  if (files == document.end() || !files->is_array()) return foreign("its manifest lists no files");
  if (files->size() > kFilesMax) return foreign("its manifest lists too many files");
  std::vector<FileEntry> entries;
  std::set<std::string> seen;
  for (const auto& file : *files) {
    if (!file.is_object()) return foreign("its manifest is damaged");
    FileEntry entry{.path = text_of(file, "path"),
                    .size = number_of(file, "size"),
                    .sha256 = text_of(file, "sha256")};
    if (!is_safe_path(entry.path)) {
      return foreign("a file in it has a name that leads out of the data directory");
    }
    if (!is_digest(entry.sha256)) return foreign("its manifest is damaged");
    if (!seen.insert(entry.path).second) return foreign("it names a file twice");
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

std::uint64_t Manifest::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& file : files) sum += file.size;
  return sum;
}

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > kPathBytesMax) return false;
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
  };
  if (!std::ranges::all_of(path, plain)) return false;
  const auto first = path.substr(0, path.find('/'));
  if (first == path ? is_reserved(first) : first != kStoreFolder) return false;
  for (auto rest = path;;) {
    const auto end = rest.find('/');
    const auto part = rest.substr(0, end);
    if (part.empty() || part == "." || part == "..") return false;
    if (end == std::string_view::npos) return true;
    rest.remove_prefix(end + 1);
  }
}

std::string to_json(const Manifest& manifest) {
  auto files = json::array();
  for (const auto& file : manifest.files) {
    files.push_back({{"path", file.path}, {"size", file.size}, {"sha256", file.sha256}});
  }
  return json{{"schema", fmt::format("{}/{}", kSchema, kArchiveFormat)},
              {"format", kArchiveFormat},
              {"store_format", manifest.store_format},
              {"software", manifest.software},
              {"created_at", format_rfc3339(manifest.created_at)},
              {"files", std::move(files)}}
             .dump(1) +
         "\n";
}

Result<Manifest> manifest_from_json(std::string_view text) {
  const auto document = json::parse(text, nullptr, false);
  if (!document.is_object() || !text_of(document, "schema").starts_with(kSchema)) {
    return foreign("its first file is not a manifest");
  }
  Manifest manifest{
      .store_format = 0, .software = text_of(document, "software"), .created_at = {}, .files = {}};
  const auto format = number_of(document, "format");
  const auto store_format = number_of(document, "store_format");
  if (format > kArchiveFormat || store_format > store::kFormatVersion) {
    return newer(manifest.software);
  }
  if (format == 0 || store_format == 0) return foreign("its manifest is damaged");
  manifest.store_format = static_cast<std::uint32_t>(store_format);
  const auto created_at = parse_rfc3339(text_of(document, "created_at"));
  if (!created_at) return foreign("its manifest is damaged");
  manifest.created_at = *created_at;
  FAULTLINE_TRY(manifest.files, read_files(document));
  return manifest;
}

}  // namespace faultline::backup
