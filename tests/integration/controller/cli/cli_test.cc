// The program as a process, against the real HTTP server with a fake backend behind it.
#include <sys/stat.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "tests/integration/controller/api/fake_backend.h"
#include "tests/integration/controller/api/server_thread.h"
#include "tests/integration/controller/cli/run_program.h"

namespace faultline::cli {
namespace {

using api::FakeBackend;
using api::ServerThread;
using Json = nlohmann::json;

std::vector<std::string> words(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), {}};
}

// Against `server`, as a user would type it.
Run faultline(const ServerThread& server, const std::string& line) {
  return run_program(
      words(line),
      {.environment = {"FAULTLINE_API=unix:" + server.socket_path()}, .input = {}, .uid = 0});
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("every command has a table, and with -o json one document with its schema", "[cli]") {
  FakeBackend backend;
  const ServerThread server(backend);
  struct Case {
    const char* command;
    const char* schema;
    int exit_code;
    const char* in_table;
  };
  const Case cases[] = {
      {"status", "faultline.status/1", 1, "[fault] link leaf2>spine3 loses 2.1 %"},
      {"node list", "faultline.nodes/1", 0, "h1    live    host  rack1  10.0.1.2"},
      {"node show h1", "faultline.node/1", 0, "labels           rack=rack1"},
      {"node remove h1", "faultline.removed/1", 0, "node h1 removed"},
      {"node token create --node h7", "faultline.token/1", 0, "flt1.secret\n"},
      {"node token create --label rack=r17 --label zone=east", "faultline.token/1", 0,
       "flt1.secret\n"},
      {"node token list", "faultline.tokens/1", 0, "t1  any   rack=r17"},
      {"node add h7 --label rack=r17 --key "
       "7777777777777777777777777777777777777777777777777777777777777777",
       "faultline.node/1", 0, "labels           rack=r17"},
      {"node rekey h1", "faultline.rekey/1", 0, "h1 is asked for a new key"},
      {"controller rekey", "faultline.rekey/1", 0,
       "as soon as every node knows it, which takes seconds; not yet: h9"},
      {"controller rekey --force", "faultline.rekey/1", 0,
       "locked out until they join with a token that names no node: h9"},
      {"controller key", "faultline.trust/1", 0,
       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"},
      {"trust list", "faultline.trust/1", 0, "known to 1 of 2 nodes, missing: h9"},
      {"node token remove t1", "faultline.removed/1", 0, "token t1 removed"},
      {"matrix", "faultline.matrix/1", 0, "rack1          -   2.50"},
      {"matrix --by node --since 10m --at 14:05", "faultline.matrix/1", 0, "rack2"},
      {"localize", "faultline.localize/1", 1, "leaf2>spine3"},
      {"path h1 h9", "faultline.path/1", 0, "h1 > leaf1 > * > h9"},
      {"history h1 h9 --since 10m", "faultline.history/1", 0, "windows without a result"},
      {"incident list", "faultline.incidents/1", 1, "i-42  open   leaf2>spine3"},
      {"incident list --state resolved", "faultline.incidents/1", 0, "no incidents"},
      {"incident show i-42", "faultline.incident/1", 0, "31 of 32 bad flows cross it"},
      {"incident show i-42", "faultline.incident/1", 0, "racks r1, r2"},
      {"incident show i-42", "faultline.incident/1", 0, "leaf2>spine1 -> leaf2>spine3"},
      {"incident ack i-42 --author ada", "faultline.incident/1", 0, "by ada"},
      {"incident resolve i-42 --author ada --comment shut", "faultline.incident/1", 0,
       "by ada: shut"},
      {"incident note i-42 cleaned --author ada", "faultline.incident/1", 0,
       "note    ada  cleaned"},
      {"incident silence i-42 --for 2h --comment part --author ada", "faultline.silence/1", 0,
       "silence m-1f0c5a9b of incident=i-42"},
      {"maintenance add --rack r17 --node h1 --until 06:00 --comment CHG --author ada",
       "faultline.silence/1", 0, "maintenance m-1f0c5a9b of node=h1 rack=r17"},
      {"maintenance list", "faultline.silences/1", 0, "rack=r17"},
      {"maintenance end m-1f0c5a9b", "faultline.silence/1", 0, "CHG-4711"},
      {"topology show", "faultline.topology/1", 0, "2 devices, 2 directed links"},
      {"topology check", "faultline.topology_check/1", 0, "Everything fits together"},
      {"topology export", "faultline.topology/1", 0, "\"leaf2\" -> \"spine3\""},
      {"version", "faultline.version/1", 0, "controller 0.1.0 (API 1)"},
  };
  for (const auto& [command, schema, exit_code, in_table] : cases) {
    CAPTURE(command);
    const auto table = faultline(server, command);
    CHECK(table.exit_code == exit_code);
    CHECK_THAT(table.out, Catch::Contains(in_table));
    CHECK_FALSE(contains(table.out, "\033"));
    const auto json = faultline(server, std::string{command} + " -o json");
    CHECK(json.exit_code == exit_code);
    CHECK(json.err.empty());
    const auto document = Json::parse(json.out, nullptr, false);
    REQUIRE(document.is_object());
    CHECK(document["schema"] == schema);
  }
}

TEST_CASE("a test that is ordered ends with the report and its exit code", "[cli]") {
  FakeBackend backend;
  const ServerThread server(backend);
  for (const auto* command : {"test ping h1 h9 --count 5", "path h1 h9 --flows 64"}) {
    CAPTURE(command);
    const auto table = faultline(server, command);
    CHECK(table.exit_code == 1);
    CHECK_THAT(table.out, Catch::Contains("[fault] loss: 2 of 5 were lost"));
    const auto json = Json::parse(faultline(server, std::string{command} + " -o json").out);
    CHECK(json["schema"] == "faultline.test/1");
  }
  const auto refused = faultline(server, "test mtu h1 h9");
  CHECK(refused.exit_code == 3);
  CHECK(contains(refused.err, "too old to be ordered a test"));
  CHECK(faultline(server, "test ping h7 h9").exit_code == 3);  // no such node
}

TEST_CASE("an MTU test of both ways is ordered from both ends, and is one document", "[cli]") {
  FakeBackend backend;
  const ServerThread server(backend);
  const auto both = faultline(server, "test mtu h1 h9 --both-ways");
  CHECK(both.exit_code == 1);
  CHECK(backend.tests_ordered == 2);
  CHECK_THAT(both.out, Catch::StartsWith("[fault] both ways, 2 of 5 were lost"));
  CHECK_THAT(both.out,
             Catch::Contains("h1 to h9: [fault]") && Catch::Contains("h9 to h1: [fault]"));
  const auto json = Json::parse(faultline(server, "test mtu h1 h9 --both-ways -o json").out);
  CHECK(json["schema"] == "faultline.mtu_both_ways/1");
  CHECK(json["back"]["schema"] == "faultline.test/1");
  CHECK(faultline(server, "test mtu h1 h9 --both-ways --method icmp").exit_code == 3);
  CHECK(faultline(server, "test mtu h1 192.0.2.7 --both-ways").exit_code == 3);  // no such node
}

TEST_CASE("the token alone is on stdout, the advice on stderr", "[cli]") {
  FakeBackend backend;
  const ServerThread server(backend);
  const auto run = faultline(server, "node token create --lifetime 2h");
  CHECK(run.out == "flt1.secret\n");
  CHECK(contains(run.err, "works once and until 2026-09-21T16:14:10Z"));
}

TEST_CASE("times are typed as people do and sent as the API wants them", "[cli]") {
  FakeBackend backend;
  const ServerThread server(backend);
  REQUIRE(faultline(server, "localize --at 2026-11-22T04:00:00+01:00 --since -90s").exit_code == 1);
  CHECK(backend.asked() == "localize at=2026-11-22T03:00:00Z since=90s");
  REQUIRE(faultline(server, "localize --at -30m").exit_code == 1);
  CHECK(contains(backend.asked(), "since=-"));
  CHECK(faultline(server, "localize --at tomorrow").exit_code == 3);
}

TEST_CASE("--explain shows evidence for and against", "[cli]") {
  FakeBackend backend;
  const ServerThread server(backend);
  const auto run = faultline(server, "localize --explain");
  CHECK(contains(run.out, "31 of 32 bad flows cross it"));
  CHECK(contains(run.out, "0 of 210 good flows cross it; 1 bad flow does not"));
  CHECK(contains(run.out, "h1 to h9 crosses it and lost nothing"));
}

TEST_CASE("a healthy fabric is exit code 0 and one that nobody measures is 2", "[cli]") {
  FakeBackend backend;
  backend.verdict = {};
  backend.verdict.enough_data = true;
  backend.status_view.health = api::Health::kHealthy;
  backend.incident_list.clear();
  {
    const ServerThread server(backend);
    for (const auto* command : {"status", "localize", "incident list"}) {
      CAPTURE(command);
      CHECK(faultline(server, command).exit_code == 0);
    }
  }
  backend.verdict.enough_data = false;
  backend.status_view.health = api::Health::kInconclusive;
  const ServerThread server(backend);
  for (const auto* command : {"status", "localize"}) {
    CAPTURE(command);
    CHECK(faultline(server, command).exit_code == 2);
  }
}

TEST_CASE("bad arguments are exit code 3, with a document where JSON was asked for", "[cli]") {
  FakeBackend backend;
  const ServerThread server(backend);
  for (const auto* command : {"",
                              "nonsense",
                              "node",
                              "node lst",
                              "status --frob",
                              "path h1",
                              "status -o xml",
                              "export --format xml",
                              "export h1 h9 --rows days",
                              "localize --since never",
                              "localize --max-suspects 3",
                              "status --timeout soon",
                              "status --api http://127.0.0.1",
                              "node show unheard-of",
                              "path h1 nowhere",
                              "incident show i-1",
                              "node token create --node h1",
                              "bundle create",
                              "node show ..",
                              "node remove ../tokens/t1",
                              "incident show a/b",
                              "path h1 *",
                              "history h1 -x",
                              "node token remove ?",
                              "node token create --lifetime -5m",
                              "node token create --lifetime 31d",
                              "node token create --lifetime 0s",
                              "node token create --label rack",
                              "node token create --label rack=a --label rack=b",
                              "node add h7",
                              "node add h7 --key 77",
                              "node add h1 --key "
                              "7777777777777777777777777777777777777777777777777777777777777777",
                              "node rekey unheard-of",
                              "status --timeout -1s"}) {
    CAPTURE(command);
    const auto run = faultline(server, command);
    CHECK(run.exit_code == 3);
    CHECK(run.out.empty());
    CHECK(run.err.starts_with("faultline: "));
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  }
  const auto run = faultline(server, "node show unheard-of -o json");
  CHECK(run.exit_code == 3);
  CHECK(Json::parse(run.out) ==
        Json{{"schema", "faultline.error/1"},
             {"error", {{"code", "not_found"}, {"message", "no node named unheard-of"}}}});
  CHECK(Json::parse(faultline(server, "-o json nonsense").out)["error"]["code"] == "invalid");
  const auto lifetime = faultline(server, "node token create --lifetime 900d");
  CHECK(lifetime.err ==
        "faultline: --lifetime must be a duration such as 90s or 2h, at most 30d, not '900d'\n");
}

// An empty name asked for the whole list, ".." for what lies above it.
TEST_CASE("a name that can be none is refused before anybody is asked", "[cli]") {
  FakeBackend backend;
  const ServerThread server(backend);
  const std::string api = "unix:" + server.socket_path();
  const std::vector<std::string> commands[] = {{"node", "show"},
                                               {"node", "remove"},
                                               {"node", "rekey"},
                                               {"incident", "show"},
                                               {"node", "token", "remove"},
                                               {"path", "h1"},
                                               {"history", "h1"},
                                               {"node", "token", "create", "--node"}};
  for (auto arguments : commands) {
    CAPTURE(arguments);
    for (const auto& name : {std::string{}, std::string{".."}, std::string(20'000, 'x')}) {
      auto with_name = arguments;
      with_name.insert(with_name.end(), {name, "--api", api});
      const auto run = run_program(with_name);
      CHECK(run.exit_code == 3);
      CHECK(run.out.empty());
      CHECK_THAT(run.err, Catch::Contains("a name is 1 to 63 letters"));
      CHECK(run.err.size() < 500);
    }
  }
  const auto nonsense = run_program({std::string(20'000, 'x') + "\033[31m"});
  CHECK(nonsense.err.size() < 500);
  CHECK_FALSE(contains(nonsense.err, "\033"));
  CHECK_THAT(nonsense.err, Catch::EndsWith("see faultline --help\n"));
}

TEST_CASE("FAULTLINE_OUTPUT=json makes errors JSON, too, unless -o says otherwise", "[cli]") {
  const RunOptions json{.environment = {"FAULTLINE_OUTPUT=json"}, .input = {}, .uid = 0};
  for (const auto* command : {"nonsense", "path h1", "status --timeout soon"}) {
    CAPTURE(command);
    const auto run = run_program(words(command), json);
    CHECK(run.exit_code == 3);
    CHECK(Json::parse(run.out)["schema"] == "faultline.error/1");
  }
  CHECK(run_program(words("nonsense -o table"), json).out.empty());
}

TEST_CASE("a controller that is away, silent, failing or no controller is exit code 4", "[cli]") {
  const auto away = run_program({"status", "--api", "unix:/nonexistent/api.sock", "-o", "json"});
  CHECK(away.exit_code == 4);
  CHECK(Json::parse(away.out)["error"]["code"] == "unavailable");
  CHECK(contains(away.err, "cannot reach the controller at /nonexistent/api.sock"));
  CHECK(contains(away.err, "is faultline-controller running here? Else"));
  CHECK(contains(away.err, "FAULTLINE_API"));
  FakeBackend backend;
  backend.error = Error{ErrorCode::kUnavailable, "the controller is starting"};
  const ServerThread server(backend);
  const auto failing = faultline(server, "status");
  CHECK(failing.exit_code == 4);
  CHECK(failing.err == "faultline: the controller is starting\n");
}

TEST_CASE("a controller that does not answer in time is exit code 4", "[cli]") {
  FakeBackend backend;
  std::atomic<bool> release = false;
  backend.before_answer = [&] {
    while (!release) std::this_thread::yield();
  };
  const ServerThread server(backend);
  const auto run = faultline(server, "status --timeout 100ms");
  release = true;
  CHECK(run.exit_code == 4);
  CHECK(contains(run.err, "did not answer within 100ms"));
}

TEST_CASE("what the controller denies is exit code 5", "[cli]") {
  FakeBackend backend;
  const ServerThread server(backend);
  const auto run = faultline(server, "node remove h9");
  CHECK(run.exit_code == 5);
  CHECK(run.err == "faultline: h9 is protected\n");
}

TEST_CASE("no permission on the socket is exit code 5", "[cli]") {
  constexpr uid_t kNobody = 65'534;
  FakeBackend backend;
  const ServerThread server(backend);
  const auto directory = server.socket_path().substr(0, server.socket_path().rfind('/'));
  ::chmod(directory.c_str(), 0755);
  // Root is stopped by no mode: step down for it. Anyone else is stopped by mode 0.
  const bool root = ::geteuid() == 0;
  if (!root) ::chmod(server.socket_path().c_str(), 0);
  const auto run = run_program({"status", "--api", "unix:" + server.socket_path(), "-o", "json"},
                               {.environment = {}, .input = {}, .uid = root ? kNobody : 0});
  CHECK(run.exit_code == 5);
  CHECK(Json::parse(run.out)["error"]["code"] == "denied");
  CHECK(contains(run.err, "no permission"));
}

TEST_CASE("help teaches by example and documents the exit codes", "[cli]") {
  const auto help = run_program({"--help"});
  CHECK(help.exit_code == 0);
  CHECK(contains(help.out, "4  the controller cannot be reached"));
  CHECK(run_program({"help"}).out == help.out);
  CHECK(run_program({"help", "node", "token"}).out == run_program({"node", "token", "--help"}).out);
  for (const auto* command : {"status", "localize", "matrix", "path", "history", "incident",
                              "topology", "bundle", "export", "node"}) {
    CAPTURE(command);
    const auto run = run_program({command, "--help"});
    CHECK(run.exit_code == 0);
    CHECK(contains(run.out, std::string{"  faultline "} + command));
  }
  for (const auto* command :
       {"incident list", "incident show", "topology show", "topology check", "topology diff",
        "topology export", "topology import", "bundle create", "node list", "node show",
        "node remove", "node token", "node token create", "node token list", "node token remove",
        "version"}) {
    CAPTURE(command);
    const auto run = run_program(words(std::string{command} + " --help"));
    CHECK(run.exit_code == 0);
    CHECK(contains(run.out, std::string{"  faultline "} + command));
  }
}

TEST_CASE("version works without a controller", "[cli]") {
  const auto run = run_program({"version", "--api", "unix:/nonexistent/api.sock", "-o", "json"});
  CHECK(run.exit_code == 0);
  CHECK(Json::parse(run.out)["controller_version"].is_null());
  CHECK(Json::parse(run.out)["version"].is_string());
}

TEST_CASE("a bundle goes to stdout, or to a file that appears when it is complete", "[cli]") {
  FakeBackend backend;
  const api::TemporaryDirectory directory;
  const auto path = directory.path + "/capture.jsonl";
  const std::string expected = "{\"line\":0}\n{\"line\":1}\n{\"line\":2}\n";
  {
    const ServerThread server(backend);
    CHECK(faultline(server, "bundle create --since 10m").out == expected);
    const auto run = faultline(server, "bundle create --since 10m -o json --file " + path);
    CHECK(run.exit_code == 0);
    CHECK(Json::parse(run.out) ==
          Json{{"schema", "faultline.bundle_created/1"}, {"file", path}, {"bytes", 33}});
    CHECK(file_text(path) == expected);
    ::unlink(path.c_str());
  }
  backend.bundle_lines = 50'000;
  backend.bundle_end = fail(ErrorCode::kUnavailable, "the store is closing");
  const ServerThread server(backend);
  CHECK(faultline(server, "bundle create --since 10m --file " + path).exit_code == 4);
  CHECK(::access(path.c_str(), F_OK) != 0);
}

TEST_CASE("an export goes to stdout or to a file, of all nodes or of a pair", "[cli]") {
  FakeBackend backend;
  const ServerThread server(backend);
  CHECK(faultline(server, "export").out == "one\ntwo\n");
  CHECK(backend.asked() == "export windows src= dst= since=10m");
  const api::TemporaryDirectory directory;
  const auto path = directory.path + "/month.csv";
  const auto run =
      faultline(server, "export h1 h9 --rows hours --since 30d -o json --file " + path);
  CHECK(run.exit_code == 0);
  CHECK(Json::parse(run.out) ==
        Json{{"schema", "faultline.exported/1"}, {"file", path}, {"bytes", 8}});
  CHECK(file_text(path) == "one\ntwo\n");
  CHECK(backend.asked() == "export hours src=h1 dst=h9 since=30d");
  ::unlink(path.c_str());
}

}  // namespace faultline::cli
