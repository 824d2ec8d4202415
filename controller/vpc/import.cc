#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/vpc/aws_import.h"
#include "controller/vpc/importer.h"

namespace faultline::vpc {
namespace {

using Json = nlohmann::json;

constexpr std::array kImporters{kAwsImporter};

constexpr std::string_view kNotJson = "not JSON";
constexpr std::string_view kNotKnown = "no description that is known";

bool may_be_json(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

Status check_bounds(std::span<const SourceFile> files) {
  if (files.size() > kFilesMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("{} files are more than the {} that a snapshot may have", files.size(),
                            kFilesMax));
  }
  std::size_t total = 0;
  for (const auto& file : files) {
    total += file.text.size();
    if (file.text.size() > kFileBytesMax || total > kTotalBytesMax) {
      return fail(ErrorCode::kLimit,
                  fmt::format("{}: a file may have {} MiB and all together {} MiB", file.name,
                              kFileBytesMax >> 20, kTotalBytesMax >> 20));
    }
  }
  return {};
}

// How to get a file again of which only the beginning is there.
std::string remedy_of(const SourceFile& file) {
  for (const auto& importer : kImporters) {
    const auto command = importer.command(file.text);
    if (!command.empty()) return fmt::format("fetch it again: {} > {}", command, file.name);
  }
  return "fetch it again, or take it out of the folder";
}

// The one boundary to nlohmann-json's exceptions.
Result<Json> parse(const SourceFile& file) {
  try {
    return Json::parse(file.text);
  } catch (const Json::parse_error& error) {
    const bool cut = error.byte > file.text.size();
    return fail(
        ErrorCode::kInvalid,
        fmt::format("{}: {} {} ({}); {}", file.name,
                    cut ? "the JSON breaks off at byte" : "broken JSON at byte",
                    std::min(error.byte, file.text.size()),
                    cut ? "a download that was cut off?" : "was it edited?", remedy_of(file)));
  } catch (const Json::exception&) {  // a number beyond all bounds
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: JSON with a number that cannot be read", file.name));
  }
}

// Adds what the document holds; what it was, or empty if nobody knows it.
Result<std::string> read_document(const Json& document, const std::string& file, Draft& draft) {
  for (const auto& importer : kImporters) {
    if (importer.claims(document)) return importer.read(document, file, draft);
  }
  return std::string{};
}

// "jq -s" and the like put several answers into one list.
Result<std::string> read_documents(const Json& root, const std::string& file, Draft& draft) {
  if (!root.is_array()) return read_document(root, file, draft);
  std::string kinds;
  for (const auto& document : root) {
    FAULTLINE_TRY(const auto what, read_document(document, file, draft));
    if (!what.empty() && kinds.find(what) == std::string::npos) {
      kinds += (kinds.empty() ? "" : ", ") + what;
    }
  }
  return kinds;
}

Status read_file(const SourceFile& file, Draft& draft) {
  auto& report = draft.import.report;
  const auto skip = [&](std::string_view why) {
    ++report.skipped[fmt::format("files: {}", why)];
    report.files.push_back({file.name, "", std::string{why}});
  };
  if (!may_be_json(file.text)) {
    skip(kNotJson);
    return {};
  }
  FAULTLINE_TRY(const auto root, parse(file));
  FAULTLINE_TRY(auto what, read_documents(root, file.name, draft));
  if (what.empty()) {
    skip(kNotKnown);
  } else {
    report.files.push_back({file.name, std::move(what), ""});
  }
  return {};
}

}  // namespace

void Draft::note(std::string sentence) {
  if (import.report.notes.size() < kNotesMax) import.report.notes.push_back(std::move(sentence));
}

Result<Import> import_files(std::span<const SourceFile> files) {
  FAULTLINE_TRY_STATUS(check_bounds(files));
  // By content: neither names nor their order change what is read first.
  std::vector<std::size_t> order(files.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) {
    return std::pair{std::string_view{files[i].text}, std::string_view{files[i].name}};
  });
  Draft draft;
  for (const auto i : order) FAULTLINE_TRY_STATUS(read_file(files[i], draft));
  for (const auto& step : draft.afterwards) step(draft);
  std::ranges::sort(draft.import.report.files, {}, &ImportReport::File::name);
  std::ranges::sort(draft.import.report.notes);
  return std::move(draft.import);
}

}  // namespace faultline::vpc
