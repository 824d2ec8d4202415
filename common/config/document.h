// Document and Section: a YAML file read into typed fields, with mistakes told by file and line.
//
// A reader names each key once, with the field it fills; the field's value before is the default.
// Mistakes are collected while reading and finish() returns the first one of the file, so readers
// are straight lines without error handling. A key that no reader named is a mistake too.
// Sentences look like:  controller.yaml:12: window: "abc" is not a duration such as 10s
//
// Thread safety: none. Sections refer to their document, which must outlive them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace faultline::config {

inline constexpr std::size_t kFileBytesMax = 4 << 20;

// Variables by name; only those that begin with FAULTLINE_ are looked at.
using Environment = std::map<std::string, std::string>;
[[nodiscard]] Environment environment_of_process();

struct Node;     // tree.h
struct Reading;  // the parsed file, the keys asked for and the mistakes found

// A map in the document, or an absent one (then every key keeps its default).
class Section {
 public:
  // Each reads the value of `key` into `value`, or records a mistake and leaves `value` as it was.
  void text(std::string_view key, std::string& value);
  void path(std::string_view key, std::filesystem::path& value);
  void boolean(std::string_view key, bool& value);         // true, false
  void number(std::string_view key, double& value);        // finite
  void duration(std::string_view key, Duration& value);    // "10s", "500ms"; more than zero
  void ratio(std::string_view key, double& value);         // "2%" or 0.02; from 0 to 1
  void bytes(std::string_view key, std::uint64_t& value);  // "64MiB", "10kB", 4096
  void texts(std::string_view key, std::vector<std::string>& values);  // a list, or one text
  void text_map(std::string_view key, std::map<std::string, std::string>& values);

  template <typename Integer>
  void integer(std::string_view key, Integer& value,
               Integer minimum = std::numeric_limits<Integer>::min(),
               Integer maximum = std::numeric_limits<Integer>::max()) {
    static_assert(std::numeric_limits<Integer>::digits <= 63, "std::int64_t carries it");
    std::int64_t wide = value;
    if (read_integer(key, wide, minimum, maximum)) value = static_cast<Integer>(wide);
  }

  // One of the names given, such as {{"text", LogFormat::kText}, {"json", LogFormat::kJson}}.
  template <typename Enum>
  void choice(std::string_view key, Enum& value,
              std::initializer_list<std::pair<std::string_view, Enum>> names) {
    std::vector<std::string_view> known;
    for (const auto& name : names) known.push_back(name.first);
    if (const auto index = read_choice(key, known)) value = std::data(names)[*index].second;
  }

  // The map under `key`; an absent one where the file does not have it.
  [[nodiscard]] Section section(std::string_view key);
  // The list of maps under `key`.
  [[nodiscard]] std::vector<Section> sections(std::string_view key);
  // The maps by name under `key`, in the file's order.
  [[nodiscard]] std::vector<std::pair<std::string, Section>> named_sections(std::string_view key);

  // Records a mistake where the key is absent.
  Section& required(std::string_view key);
  // Before `key` is read: its old name still works, with a warning that says what to write instead.
  // Both at once are a mistake. The variable of the old name is treated alike.
  Section& renamed(std::string_view old_key, std::string_view key);
  // Records what only the reader can know: error("grace", "must not be shorter than window").
  void error(std::string_view key, std::string_view what);

 private:
  friend class Document;
  Section(Reading& reading, const Node* map, std::string path);

  [[nodiscard]] const Node* find(std::string_view key);
  [[nodiscard]] const Node* entry(std::string_view key) const;
  // What overrides the key, by its present or its old name: the variable's name; empty: nothing.
  [[nodiscard]] std::string variable(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> scalar(std::string_view key);
  void scalar_error(std::string_view key, std::string_view value, std::string_view expected);
  [[nodiscard]] bool read_integer(std::string_view key, std::int64_t& value, std::int64_t minimum,
                                  std::int64_t maximum);
  [[nodiscard]] std::optional<std::size_t> read_choice(std::string_view key,
                                                       std::span<const std::string_view> names);
  [[nodiscard]] std::string path_of(std::string_view key) const;

  Reading* reading_;
  const Node* map_;   // null for a map that is not there
  std::string path_;  // "api", "nodes[3]", empty for the root
};

class Document {
 public:
  // Blocks on the disk.
  [[nodiscard]] static Result<Document> load_file(const std::filesystem::path& path);
  // `name` stands for the file in messages.
  [[nodiscard]] static Result<Document> parse(std::string_view text, std::string name);
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  // A scalar at path `api.socket` is overridden by the variable FAULTLINE_API_SOCKET; what is in a
  // list is not.
  [[nodiscard]] Section root(Environment environment = {});
  // The first mistake of the file, once everything has been read.
  [[nodiscard]] Status finish();
  // What works today and will not for ever, a sentence each: "controller.yaml:16: api.unix is ...".
  [[nodiscard]] const std::vector<std::string>& warnings() const;

 private:
  explicit Document(std::unique_ptr<Reading> reading);

  std::unique_ptr<Reading> reading_;
};

}  // namespace faultline::config
