// `faultline diagnose A B --facts FOLDER` as a process, on the snapshots of the written cases; no
// controller can be reached.
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/integration/controller/cli/run_program.h"

namespace faultline::cli {
namespace {

using Json = nlohmann::json;
using Catch::Contains;
namespace fs = std::filesystem;

// h1.json and h2.json, of two healthy machines; it goes away with the test.
struct Snapshots {
  fs::path path = fs::temp_directory_path() / ("faultline-facts-" + std::to_string(::getpid()));
  Snapshots() {
    fs::create_directories(path);
    std::ifstream file(PAIRS_DATA "/worlds.json");
    const auto worlds = Json::parse(file);
    for (const auto& node : worlds["routed"]["facts"]) {
      std::ofstream(path / (node["node"].get<std::string>() + ".json")) << node["facts"];
    }
  }
  ~Snapshots() { fs::remove_all(path); }

  [[nodiscard]] Run diagnose(std::vector<std::string> words) const {
    words.insert(words.begin(), {"diagnose", "--facts", path.string()});
    return run_program(
        words, {.environment = {"FAULTLINE_API=unix:/nowhere/api.sock"}, .input = {}, .uid = 0});
  }
};

}  // namespace

TEST_CASE("of snapshots nothing is told that only a controller can know", "[cli]") {
  const Snapshots snapshots;
  const auto run = snapshots.diagnose({"h1", "h2"});
  CHECK(run.err.empty());
  CHECK(run.exit_code == 2);
  CHECK_THAT(run.out, Contains("nothing in the snapshots keeps h1 and h2 from talking"));
  for (const auto* word :
       {"its probe is alive", "localizer", "nothing was measured", "no node of the fleet"}) {
    CHECK_THAT(run.out, !Contains(word));
  }
  const auto one = snapshots.diagnose({"h1", "10.9.9.9", "-o", "json"});
  CHECK(one.exit_code == 2);
  CHECK(Json::parse(one.out)["a"]["probe"] == "unknown");
  CHECK_THAT(one.out, Contains("seen from h1 only: 10.9.9.9 has no snapshot"));
}

TEST_CASE("a diagnosis of one machine alone, or of none that is known, is refused", "[cli]") {
  const Snapshots snapshots;
  const auto refused = [&](std::vector<std::string> words, const std::string& why) {
    const auto run = snapshots.diagnose(std::move(words));
    CHECK(run.exit_code == 3);
    CHECK(run.out.empty());
    CHECK_THAT(run.err, Contains(why));
  };
  refused({"h1", "h1"}, "h1 and h1 are the same machine");
  refused({"h1", "10.1.1.2"}, "h1 and 10.1.1.2 are the same machine");  // its own address
  refused({"10.9.9.8", "10.9.9.9"}, "has a snapshot of neither 10.9.9.8 nor 10.9.9.9");
  refused({"h1", "h3"}, "has no snapshot h3.json, and it is no address");
}

}  // namespace faultline::cli
