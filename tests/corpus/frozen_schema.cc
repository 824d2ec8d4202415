#include "tests/corpus/frozen_schema.h"

#include <array>
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

// The parser reads on when a type is first used, so what it reads from stays.
struct FrozenSchema::Parsed {
  kj::Own<kj::Filesystem> disk = kj::newDiskFilesystem();
  kj::Own<const kj::ReadableDirectory> includes =
      disk->getRoot().openSubdir(kj::Path({"usr", "include"}));
  std::array<const kj::ReadableDirectory*, 1> import_path{includes.get()};
  kj::Own<const kj::ReadableDirectory> schemas;
  capnp::SchemaParser parser;
  std::map<std::string, capnp::StructSchema, std::less<>> forms;
};

FrozenSchema::FrozenSchema(const fs::path& directory) : parsed_(std::make_unique<Parsed>()) {
  const auto path = parsed_->disk->getCurrentPath().evalNative(directory.string());
  parsed_->schemas = parsed_->disk->getRoot().openSubdir(path);
  const auto load = [&](const char* form, const char* file, const char* name) {
    const auto parsed = parsed_->parser.parseFromDirectory(
        *parsed_->schemas, kj::Path::parse(file),
        kj::arrayPtr(parsed_->import_path.data(), parsed_->import_path.size()));
    parsed_->forms.emplace(form, parsed.getNested(name).asStruct());
  };
  load("probe", "control.capnp", "ProbeMessage");
  load("controller", "control.capnp", "ControllerMessage");
  load("mesh", "mesh.capnp", "MeshMessage");
  load("plan", "plan.capnp", "Plan");
  load("report", "report.capnp", "Report");
}

FrozenSchema::~FrozenSchema() = default;

namespace {

kj::Array<capnp::word> aligned(std::span<const std::byte> bytes) {
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.begin(), bytes.data(), words.asBytes().size());
  return words;
}

std::string name_of(capnp::StructSchema schema, capnp::StructSchema::Field field) {
  return std::string(schema.getShortDisplayName().cStr()) + "." + field.getProto().getName().cStr();
}

void collect(capnp::StructSchema schema, std::set<std::string>& names) {
  for (const auto field : schema.getFields()) {
    auto type = field.getType();
    // A type that was seen before has its first field here already.
    if (type.isVoid() || !names.insert(name_of(schema, field)).second) continue;
    if (type.isList()) type = type.asList().getElementType();
    if (type.isStruct()) collect(type.asStruct(), names);
  }
}

void collect_set(capnp::DynamicStruct::Reader message, std::set<std::string>& names) {
  for (const auto field : message.getSchema().getFields()) {
    if (field.getType().isVoid() || !message.has(field, capnp::HasMode::NON_DEFAULT)) continue;
    names.insert(name_of(message.getSchema(), field));
    const auto value = message.get(field);
    if (field.getType().isStruct()) collect_set(value.as<capnp::DynamicStruct>(), names);
    if (!field.getType().isList()) continue;
    for (const auto each : value.as<capnp::DynamicList>()) {
      if (each.getType() != capnp::DynamicValue::STRUCT) break;
      collect_set(each.as<capnp::DynamicStruct>(), names);
    }
  }
}

}  // namespace

std::set<std::string> FrozenSchema::fields() const {
  std::set<std::string> names;
  for (const auto& [form, schema] : parsed_->forms) collect(schema, names);
  return names;
}

std::set<std::string> FrozenSchema::fields_set(std::string_view form,
                                               std::span<const std::byte> bytes) const {
  const auto words = aligned(bytes);
  capnp::FlatArrayMessageReader message(words);
  std::set<std::string> names;
  collect_set(message.getRoot<capnp::DynamicStruct>(parsed_->forms.find(form)->second), names);
  return names;
}

nlohmann::json FrozenSchema::read(std::string_view form, std::span<const std::byte> bytes) const {
  const auto words = aligned(bytes);
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

fs::path schemas_directory() { return FAULTLINE_SCHEMAS; }

}  // namespace faultline::corpus
