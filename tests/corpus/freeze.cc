// freeze DIRECTORY: writes one message of every form as this build encodes it, with its meaning.
//
// Run once per protocol version, by the last build that speaks it (README.md). It never overwrites:
// what old peers sent does not change afterwards.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/wire/control_codec.h"
#include "common/wire/mesh_codec.h"
#include "common/wire/plan_codec.h"
#include "common/wire/report_codec.h"
#include "tests/corpus/meaning.h"
#include "tests/corpus/samples.h"

namespace faultline::corpus {
namespace {

namespace fs = std::filesystem;

template <typename Value>
void write_all(const fs::path& directory, const std::string& form,
               const std::vector<Sample<Value>>& samples, nlohmann::json& index) {
  for (const auto& [name, value] : samples) {
    const auto file = form + "_" + name + ".bin";
    const auto bytes = wire::encode(value);
    std::ofstream(directory / file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    index.push_back({{"file", file}, {"form", form}, {"meaning", meaning(value)}});
  }
}

int run(const fs::path& directory) {
  if (fs::exists(directory / "index.json")) {
    std::fprintf(stderr, "freeze: %s holds a corpus already; old messages are never rewritten\n",
                 directory.c_str());
    return 1;
  }
  fs::create_directories(directory / "messages");
  nlohmann::json index = nlohmann::json::array();
  write_all(directory / "messages", "probe", probe_samples(), index);
  write_all(directory / "messages", "controller", controller_samples(), index);
  write_all(directory / "messages", "mesh", mesh_samples(), index);
  write_all(directory / "messages", "plan", plan_samples(), index);
  write_all(directory / "messages", "report", report_samples(), index);
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
