#include "tests/corpus/frozen_schema.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

#include <capnp/compat/json.h>
#include <capnp/dynamic.h>
#include <capnp/message.h>
#include <capnp/schema-parser.h>
#include <capnp/serialize.h>
#include <kj/filesystem.h>

namespace faultline::corpus {

namespace fs = std::filesystem;

struct FrozenSchema::Parsed {
  kj::Own<kj::Filesystem> disk = kj::newDiskFilesystem();
  kj::Own<const kj::ReadableDirectory> includes =
      disk->getRoot().openSubdir(kj::Path({"usr", "include"}));
  capnp::SchemaParser parser;
  std::map<std::string, capnp::StructSchema, std::less<>> forms;
};

FrozenSchema::FrozenSchema(const fs::path& directory) : parsed_(std::make_unique<Parsed>()) {
  const auto path = parsed_->disk->getCurrentPath().evalNative(directory.string());
  const auto schemas = parsed_->disk->getRoot().openSubdir(path);
  const kj::ReadableDirectory* import_path[] = {parsed_->includes.get()};
  const auto load = [&](const char* form, const char* file, const char* name) {
    const auto parsed =
        parsed_->parser.parseFromDirectory(*schemas, kj::Path::parse(file), import_path);
    parsed_->forms.emplace(form, parsed.getNested(name).asStruct());
  };
  load("probe", "control.capnp", "ProbeMessage");
  load("controller", "control.capnp", "ControllerMessage");
  load("mesh", "mesh.capnp", "MeshMessage");
  load("plan", "plan.capnp", "Plan");
  load("report", "report.capnp", "Report");
}

FrozenSchema::~FrozenSchema() = default;

nlohmann::json FrozenSchema::read(std::string_view form, std::span<const std::byte> bytes) const {
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.begin(), bytes.data(), words.asBytes().size());
  capnp::FlatArrayMessageReader message(words);
  const auto root = message.getRoot<capnp::DynamicStruct>(parsed_->forms.find(form)->second);
  capnp::JsonCodec codec;
  const auto text = codec.encode(capnp::DynamicValue::Reader(root), root.getSchema());
  return nlohmann::json::parse(text.begin(), text.end());
}

std::vector<std::byte> FrozenSchema::write(std::string_view form,
                                           const nlohmann::json& json) const {
  capnp::MallocMessageBuilder message;
  const auto root = message.initRoot<capnp::DynamicStruct>(parsed_->forms.find(form)->second);
  const auto text = json.dump();
  const capnp::JsonCodec codec;
  codec.decode(kj::ArrayPtr<const char>(text.data(), text.size()), root);
  const auto words = capnp::messageToFlatArray(message);
  const auto bytes = std::as_bytes(std::span(words.begin(), words.size()));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> load_bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("the corpus lacks " + file.string());
  const std::vector<char> chars{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::as_bytes(std::span(chars));
  return {bytes.begin(), bytes.end()};
}

std::vector<Frozen> load_corpus(const fs::path& directory) {
  std::ifstream in(directory / "index.json");
  if (!in) throw std::runtime_error("there is no corpus in " + directory.string());
  std::vector<Frozen> corpus;
  for (const auto& each : nlohmann::json::parse(in)) {
    const auto file = each.at("file").get<std::string>();
    corpus.push_back({.file = file,
                      .form = each.at("form").get<std::string>(),
                      .bytes = load_bytes(directory / "messages" / file),
                      .meaning = each.at("meaning")});
  }
  return corpus;
}

fs::path corpus_directory() { return FAULTLINE_CORPUS; }

}  // namespace faultline::corpus
