// `faultline explain` as a process, where no controller can be reached.
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "controller/explain/catalogue.h"
#include "tests/integration/controller/api/fake_backend.h"
#include "tests/integration/controller/api/server_thread.h"
#include "tests/integration/controller/cli/run_program.h"

namespace faultline::cli {
namespace {

using Json = nlohmann::json;
using Catch::Contains;

Run explained(std::vector<std::string> words) {
  words.insert(words.begin(), "explain");
  return run_program(
      words, {.environment = {"FAULTLINE_API=unix:/nowhere/api.sock"}, .input = {}, .uid = 0});
}

Json document_of(const Run& run) {
  const auto document = Json::parse(run.out, nullptr, false);
  REQUIRE(document.is_object());
  return document;
}

// A node of the fake backend for each placeholder.
std::vector<std::string> typed(const std::string& command) {
  std::vector<std::string> words;
  std::istringstream stream(command);
  for (std::string word; stream >> word;) {
    if (word == "SRC" || word == "NODE") word = "h1";
    if (word == "DST") word = "h9";
    if (word == "PORT") word = "443";
    words.push_back(word);
  }
  words.erase(words.begin());  // "faultline"
  return words;
}

}  // namespace

TEST_CASE("one code is explained in full, without a controller", "[cli]") {
  const auto run = explained({"econnrefused"});
  CHECK(run.exit_code == 0);
  CHECK(run.err.empty());
  CHECK_THAT(run.out, Catch::StartsWith("errno 111  ECONNREFUSED: Connection refused\n"));
  CHECK_THAT(run.out, Contains("\n  Most often:\n    - nothing listens on that port"));
  CHECK_THAT(run.out, Contains("\n  Check first:\n    1. on the destination: ss -tlnp"));
  CHECK_THAT(run.out, Contains("\n    faultline diagnose SRC DST --port PORT\n"));
  CHECK_THAT(run.out, Contains("\n    faultline history SRC DST --since 1h\n"));
  CHECK_THAT(run.out, Contains("\n  Source: errno(3)"));
}

TEST_CASE("a number, a type and code, and a negative number are typed as they are", "[cli]") {
  CHECK_THAT(explained({"icmp", "3/4"}).out, Catch::StartsWith("icmp 3/4  Fragmentation needed:"));
  CHECK_THAT(explained({"10060"}).out, Catch::StartsWith("winsock 10060  WSAETIMEDOUT:"));
  CHECK_THAT(explained({"-110"}).out, Catch::StartsWith("errno 110  ETIMEDOUT:"));
  CHECK_THAT(explained({"connection", "reset", "by", "peer"}).out,
             Catch::StartsWith("errno 104  ECONNRESET:"));
  CHECK_THAT(explained({"ENI_SG_RULES_MISMATCH"}).out,
             Catch::StartsWith("aws  ENI_SG_RULES_MISMATCH:"));
}

TEST_CASE("several codes are a table, and what to type next goes to stderr", "[cli]") {
  const auto run = explained({"11"});
  CHECK(run.exit_code == 0);
  CHECK_THAT(run.out, Contains("errno") && Contains("EAGAIN") && Contains("icmp"));
  CHECK_THAT(run.err, Catch::StartsWith("One of them: faultline explain errno 11"));
  const auto families = explained({});
  CHECK(families.exit_code == 0);
  CHECK_THAT(families.out, Contains("winsock") && Contains("Linux error numbers"));
}

TEST_CASE("with -o json an explanation is one document", "[cli]") {
  const auto one = document_of(explained({"ETIMEDOUT", "-o", "json"}));
  CHECK(one["schema"] == "faultline.explain/1");
  CHECK(one["query"] == "ETIMEDOUT");
  CHECK(one["match"] == "exact");
  REQUIRE(one["codes"].size() == 1);
  CHECK(one["codes"][0]["number"] == "110");
  CHECK(one["codes"][0]["causes"].size() > 2);
  CHECK(one["codes"][0]["commands"][1]["command"] == "faultline history SRC DST --since 1h");
  CHECK(one["families"][0]["family"] == "errno");
  const auto all = document_of(explained({"-o", "json"}));
  CHECK(all["query"].is_null());
  CHECK(all["match"] == "families");
  CHECK(all["codes"].empty());
  CHECK(all["families"].size() + 1 == explain::code_files().size());
}

TEST_CASE("an unknown code is exit code 3 with the nearest names", "[cli]") {
  const auto run = explained({"ECONREFUSED"});
  CHECK(run.exit_code == 3);
  CHECK(run.out.empty());
  CHECK_THAT(run.err, Contains("nearest: errno 111 (ECONNREFUSED)"));
  const auto nothing_like_it = explained({"nonsense"});
  CHECK(nothing_like_it.exit_code == 3);
  CHECK_THAT(nothing_like_it.err, Contains("no code is known as 'nonsense'; nearest: "));
  const auto json = explained({"qqqqqqqqqqqqqqqqqqqq", "-o", "json"});
  CHECK(json.exit_code == 3);
  CHECK(document_of(json)["error"]["code"] == "not_found");
}

TEST_CASE("every command that an explanation names is understood by this program", "[cli]") {
  const auto catalogue = explain::read_catalogue(explain::code_files());
  REQUIRE(catalogue);
  std::set<std::string> commands;
  for (const auto& code : catalogue->codes) {
    for (const auto& advice : code.commands) commands.insert(advice.command);
  }
  REQUIRE(commands.size() > 5);
  api::FakeBackend backend;
  const api::ServerThread server(backend);
  for (const auto& command : commands) {
    CAPTURE(command);
    const auto run = run_program(
        typed(command),
        {.environment = {"FAULTLINE_API=unix:" + server.socket_path()}, .input = {}, .uid = 0});
    CHECK((run.exit_code >= 0 && run.exit_code <= 2));
    CHECK_FALSE(run.out.empty());
  }
}

}  // namespace faultline::cli
