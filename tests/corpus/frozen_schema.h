// FrozenSchema: reads and writes messages by the schemas of another version, at run time.
//
// Why it exists: an old peer reads with its old schema, whatever this build knows. Generated code
// of two versions cannot live in one program (the types have the same ids); Cap'n Proto's own
// parser and dynamic values can.
//
// JSON is as Cap'n Proto's codec writes it: names as in the schema, 64-bit numbers as text, Data as
// a list of numbers. Throws kj::Exception on what the schema does not allow.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace faultline::corpus {

class FrozenSchema {
 public:
  // `directory` holds control.capnp and the others.
  explicit FrozenSchema(const std::filesystem::path& directory);
  ~FrozenSchema();

  // `form`: probe, controller, mesh, plan or report. A kind that the schema does not have leaves an
  // empty object.
  [[nodiscard]] nlohmann::json read(std::string_view form, std::span<const std::byte> bytes) const;
  [[nodiscard]] std::vector<std::byte> write(std::string_view form,
                                             const nlohmann::json& json) const;

  // "Plan.traceIntervalNs": all fields that messages of any form can have, but those that hold
  // nothing; and those that one message has with another value than the default.
  [[nodiscard]] std::set<std::string> fields() const;
  [[nodiscard]] std::set<std::string> fields_set(std::string_view form,
                                                 std::span<const std::byte> bytes) const;

 private:
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
};

// A frozen message with what it means.
struct Frozen {
  std::string file;
  std::string form;
  std::vector<std::byte> bytes;
  nlohmann::json meaning;
};
// Everything in `directory`/index.json. Throws when a file is missing.
[[nodiscard]] std::vector<Frozen> load_corpus(const std::filesystem::path& directory);
[[nodiscard]] std::vector<std::byte> load_bytes(const std::filesystem::path& file);

// Where tests/corpus is, and the schemas of this build.
[[nodiscard]] std::filesystem::path corpus_directory();
[[nodiscard]] std::filesystem::path schemas_directory();

}  // namespace faultline::corpus
