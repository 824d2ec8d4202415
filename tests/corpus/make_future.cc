// corpus_make_future DIRECTORY: writes DIRECTORY/messages.json as messages, by DIRECTORY/schemas.
//
// The future is invented, so unlike an old version's folder it may be made again: when a real field
// takes the place of an invented one.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/corpus/frozen_schema.h"

namespace faultline::corpus {
namespace {

namespace fs = std::filesystem;

// Replaces {"bytes of": FILE} by what was written to FILE.
void put_payloads(nlohmann::json& json, const fs::path& messages) {
  if (json.is_object() && json.contains("bytes of")) {
    auto numbers = nlohmann::json::array();
    for (const auto byte : load_bytes(messages / json["bytes of"].get<std::string>())) {
      numbers.push_back(std::to_integer<unsigned>(byte));
    }
    json = std::move(numbers);
    return;
  }
  if (!json.is_structured()) return;
  for (auto& each : json) put_payloads(each, messages);
}

int run(const fs::path& directory) {
  const FrozenSchema schema(directory / "schemas");
  std::ifstream in(directory / "messages.json");
  auto index = nlohmann::json::parse(in);
  fs::create_directories(directory / "messages");
  for (auto& each : index) {
    auto says = each.at("says");
    put_payloads(says, directory / "messages");
    const auto bytes = schema.write(each.at("form").get<std::string>(), says);
    std::ofstream(directory / "messages" / each.at("file").get<std::string>(), std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    each.erase("says");
  }
  std::ofstream(directory / "index.json") << index.dump(1) << "\n";
  std::printf("%zu messages in %s\n", index.size(), directory.c_str());
  return 0;
}

}  // namespace
}  // namespace faultline::corpus

int main(int argc, char** argv) {
  if (argc == 2) return faultline::corpus::run(argv[1]);
  std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
  return 3;
}
