// `faultline localize --bundle`: no controller, any compression, one contract.
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/integration/controller/api/server_thread.h"
#include "tests/integration/controller/cli/run_program.h"

namespace faultline::cli {
namespace {

using Json = nlohmann::json;

struct File {
  api::TemporaryDirectory directory;
  std::string path = directory.path + "/bundle";

  explicit File(const std::string& text) { std::ofstream(path) << text; }
  ~File() { ::unlink(path.c_str()); }
};

// Four hosts under two leaves and two spines; the flows that go up from leaf1 to spine1 lose 5 %.
// Written at two times, an hour apart; only the later one has losses.
std::string faulty_fabric() {
  std::string text = "{\"schema\":\"faultline.bundle/1\",\"window_s\":10}\n";
  for (const int time : {1'790'000'000, 1'790'003'600}) {
    for (int flow = 0; flow < 64; ++flow) {
      const std::string spine = flow % 2 == 0 ? "spine1" : "spine2";
      const bool up = flow % 4 < 2;
      const std::string src = (up ? "h1" : "h3"), dst = (up ? "h3" : "h1");
      const std::string path = up ? "\"h1\",\"leaf1\",\"" + spine + "\",\"leaf2\",\"h3\""
                                  : "\"h3\",\"leaf2\",\"" + spine + "\",\"leaf1\",\"h1\"";
      const int lost = up && spine == "spine1" && time == 1'790'003'600 ? 50 : 0;
      text += "{\"obs\":{\"src\":\"" + src + "\",\"dst\":\"" + dst +
              "\",\"t\":" + std::to_string(time) + ",\"flow\":\"f" + std::to_string(flow) +
              "\",\"path\":[" + path + "],\"sent\":1000,\"lost\":" + std::to_string(lost) + "}}\n";
    }
  }
  return text;
}

Run localize(std::vector<std::string> more, const std::string& input = {}) {
  more.insert(more.begin(), "localize");
  return run_program(more, {.environment = {}, .input = input, .uid = 0});
}

}  // namespace

TEST_CASE("a bundle with a lossy link accuses it and exits with 1", "[cli]") {
  const File file(faulty_fabric());
  const auto run = localize({"--bundle", file.path, "-o", "json"});
  CHECK(run.exit_code == 1);
  CHECK(run.err.empty());
  const auto document = Json::parse(run.out);
  CHECK(document["schema"] == "faultline.localize/1");
  CHECK(document["observations"] == 128);
  CHECK(document["solve_ms"].is_number());
  REQUIRE(document["suspects"].size() >= 1);
  auto accused = document["suspects"][0]["ambiguous_with"].get<std::vector<std::string>>();
  accused.push_back(document["suspects"][0]["id"]);
  CHECK(std::count(accused.begin(), accused.end(), "leaf1>spine1") == 1);
  const auto table = localize({"--bundle", file.path, "--explain"});
  CHECK(table.exit_code == 1);
  CHECK_THAT(table.out, Catch::Contains("leaf1>spine1"));
}

TEST_CASE("a horizon leaves out what is older or newer", "[cli]") {
  const File file(faulty_fabric());
  const auto before = localize({"--bundle", file.path, "--at", "2026-09-21T15:00:00Z"});
  CHECK(before.exit_code == 0);
  const auto newest = localize({"--bundle", file.path, "--horizon", "10m", "-o", "json"});
  CHECK(newest.exit_code == 1);
  CHECK(Json::parse(newest.out)["observations"] == 64);
}

TEST_CASE("compressed bundles and standard input give the same answer", "[cli]") {
  const File file(faulty_fabric());
  const auto expected = localize({"--bundle", file.path}).out;
  CHECK(localize({"--bundle", "-"}, file.path).out == expected);
  const std::pair<const char*, const char*> tools[] = {
      {"gzip -kf ", ".gz"}, {"xz -kf ", ".xz"}, {"zstd -qkf ", ".zst"}};
  for (const auto& [tool, suffix] : tools) {
    CAPTURE(tool);
    if (std::system((tool + file.path).c_str()) != 0) {
      WARN("SKIPPED: " << tool << "is not installed");
      continue;
    }
    const auto compressed = file.path + suffix;
    CHECK(localize({"--bundle", compressed}).out == expected);
    CHECK(localize({"--bundle", "-"}, compressed).out == expected);
    ::unlink(compressed.c_str());
  }
}

TEST_CASE("a bundle without observations is inconclusive", "[cli]") {
  const File empty("");
  CHECK(localize({"--bundle", empty.path}).exit_code == 2);
  const File header("{\"schema\":\"faultline.bundle/1\"}\n");
  CHECK(localize({"--bundle", header.path}).exit_code == 2);
}

TEST_CASE("records of unknown kind and doubtful observations are told on stderr", "[cli]") {
  const std::string twice =
      R"({"obs":{"src":"h1","dst":"h3","t":1,"flow":"f","path":["h3","h1"],"sent":9}})"
      "\n";
  const File file("{\"weather\":\"rain\"}\n" + twice + twice + "{\"moon\":1}\n");
  const auto run = localize({"--bundle", file.path, "-o", "json"});
  CHECK(Json::parse(run.out)["unknown_records"] == 2);
  CHECK(run.err ==
        "2 records of unknown kind skipped, the first in line 1\n"
        "2 observations have a path that does not lead from src to dst, the first in line 2\n"
        "1 observations repeat a flow and its window and were added up, the first: h1 to h3, flow "
        "f\n");
}

TEST_CASE("a malformed or missing bundle is exit code 3 and the line is named", "[cli]") {
  const File file("{\"schema\":\"faultline.bundle/1\"}\nnot json\n");
  const auto run = localize({"--bundle", file.path, "-o", "json"});
  CHECK(run.exit_code == 3);
  CHECK(Json::parse(run.out)["error"]["message"].get<std::string>().find("line 2") !=
        std::string::npos);
  CHECK(localize({"--bundle", "/nonexistent"}).exit_code == 3);
  const File cut(std::string("\x28\xb5\x2f\xfd\x04 cut off", 13));
  CHECK(localize({"--bundle", cut.path}).exit_code == 3);
}

}  // namespace faultline::cli
