// Importer: files of a cloud's descriptions become a Model. What every cloud's importer is.
//
// Why it exists: an operator drops what the cloud's own command line wrote into a folder. Each file
// is recognized by what is in it, so that names, order and how many regions or accounts there are
// do not matter. Nothing is asked of a cloud, and no credential is needed.
//
// Another cloud is another Importer in import.cc's list: it says which documents are its own and
// adds them to the draft. Two importers never claim the same document.
//
// Bounds: kFilesMax files, kFileBytesMax each, kItemsMax elements in all; beyond: refused.
// Thread safety: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/result.h"
#include "controller/vpc/model.h"

namespace faultline::vpc {

inline constexpr std::size_t kFilesMax = 4'096;
inline constexpr std::size_t kFileBytesMax = 64U << 20;
inline constexpr std::size_t kTotalBytesMax = 512U << 20;
inline constexpr std::size_t kItemsMax = 1'000'000;
inline constexpr std::size_t kNotesMax = 1'000;

struct SourceFile {
  std::string name;  // for sentences, and for ids that some answers lack (aws_import.h)
  std::string text;
};

// What became of the files.
struct ImportReport {
  struct File {
    std::string name;
    std::string what;  // "subnets, route tables"; empty: not read, see `why`
    std::string why;

    bool operator==(const File&) const = default;
  };
  std::vector<File> files{};                       // by name
  std::map<std::string, std::uint64_t> read{};     // elements by kind: "subnets" -> 12
  std::map<std::string, std::uint64_t> skipped{};  // by reason
  std::uint64_t repeated = 0;                      // the same element again, as pages overlap
  std::vector<std::string> notes{};  // what was deduced or could not be used, sentences

  bool operator==(const ImportReport&) const = default;
};

struct Import {
  Model model{};
  ImportReport report{};

  bool operator==(const Import&) const = default;
};

// While the files are read: the model, and what is settled only when all are there.
struct Draft {
  Import import{};
  std::size_t items = 0;
  // Run in order, after the last file; each may look at the whole model.
  std::vector<std::function<void(Draft&)>> afterwards{};

  void note(std::string sentence);  // dropped beyond kNotesMax
};

struct Importer {
  std::string_view cloud;
  // Whether the document is of this cloud. It is an object, or an array of objects.
  bool (*claims)(const nlohmann::json& document);
  // Adds what the document describes; returns its kinds ("subnets"). An Error names the place in
  // the document and what is wrong with it: what is broken is refused, what is unknown is skipped.
  Result<std::string> (*read)(const nlohmann::json& document, const std::string& file,
                              Draft& draft);
  // What prints an answer like this one, of which only a beginning is there; empty: not known.
  std::string (*command)(std::string_view beginning);
};

// Files that are not JSON, or of no known cloud, are reported and skipped; a broken one is an
// Error with its name, the place, and, where it was cut off, what fetches it again: without it
// rules would be missing, and answers wrong.
[[nodiscard]] Result<Import> import_files(std::span<const SourceFile> files);

}  // namespace faultline::vpc
