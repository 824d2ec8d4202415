#include "common/config/document.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "common/base/nearest.h"
#include "common/config/reading.h"

namespace faultline::config {
namespace {

constexpr std::string_view kPrefix = "FAULTLINE_";

// "; did you mean window?", or the list of keys where none is near and they are few.
std::string suggestion(std::string_view key, const std::set<std::string, std::less<>>& asked) {
  constexpr std::size_t kKeyBytesMax = 64;
  if (asked.empty() || key.size() > kKeyBytesMax) return "";
  if (auto nearest = did_you_mean(key, asked); !nearest.empty()) return nearest;
  return fmt::format("; known here: {}", fmt::join(asked, ", "));
}

tl::unexpected<Error> fail_file(const std::filesystem::path& path, int error_number) {
  const auto code = error_number == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable;
  return fail(code, fmt::format("cannot read {}: {}", path.string(),
                                std::generic_category().message(error_number)));
}

void find_unknown_keys(Reading& reading) {
  for (const auto& [map, asked] : reading.asked) {
    for (const auto& [key, value] : map->entries) {
      if (asked.contains(key) || reading.retired[map].contains(key)) continue;
      const std::string& path = reading.paths[map];
      reading.add_mistake(
          value.line, fmt::format("{}{}{} is not a known key{}", path, path.empty() ? "" : ".", key,
                                  suggestion(key, asked)));
    }
  }
}

}  // namespace

std::string Reading::place(int line) const {
  return line > 0 ? fmt::format("{}:{}", name, line) : name;
}

void Reading::add_mistake(int line, std::string_view what) {
  mistakes.push_back({line, fmt::format("{}: {}", place(line), what)});
}

void Reading::add_warning(int line, std::string_view what) {
  warnings.push_back(fmt::format("{}: {}", place(line), what));
}

void Reading::add_missing(int line, std::string_view key) {
  mistakes.push_back(
      {std::numeric_limits<int>::max(), fmt::format("{}: {} is missing", place(line), key)});
}

Environment environment_of_process() {
  Environment variables;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with(kPrefix)) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

Result<Document> Document::load_file(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return fail_file(path, EISDIR);
  errno = 0;
  std::ifstream file{path, std::ios::binary};
  if (!file) return fail_file(path, errno);
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return fail_file(path, EIO);
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse(text, path.string());
}

Result<Document> Document::parse(std::string_view text, std::string name) {
  if (text.size() > kFileBytesMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("{}: the file is larger than {} MiB", name, kFileBytesMax >> 20));
  }
  auto reading = std::make_unique<Reading>();
  FAULTLINE_TRY(reading->root, parse_tree(text, name));
  reading->name = std::move(name);
  if (reading->root.kind != NodeKind::kMap && reading->root.kind != NodeKind::kNull) {
    return fail(ErrorCode::kInvalid, fmt::format("{}:{}: expected \"key: value\" lines",
                                                 reading->name, reading->root.line));
  }
  return Document{std::move(reading)};
}

Document::Document(std::unique_ptr<Reading> reading) : reading_(std::move(reading)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Section Document::root(Environment environment) {
  reading_->environment = std::move(environment);
  return Section{*reading_, &reading_->root, ""};
}

Status Document::finish() {
  find_unknown_keys(*reading_);
  const auto first = std::ranges::min_element(reading_->mistakes, {}, &Mistake::order);
  if (first == reading_->mistakes.end()) return {};
  return fail(ErrorCode::kInvalid, first->sentence);
}

const std::vector<std::string>& Document::warnings() const { return reading_->warnings; }

}  // namespace faultline::config
