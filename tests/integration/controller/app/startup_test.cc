// What keeps the controller from starting: one clear sentence and exit code 1, or 3 for wrong
// usage. Who reads it is in a hurry.
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <regex>
#include <sstream>

#include "tests/integration/controller/app/stage.h"

namespace faultline::tests {
namespace {

namespace fs = std::filesystem;

// One line on stderr that begins with the program's name and holds these words.
void check_refusal(const Exit& exit, std::initializer_list<std::string> words) {
  CAPTURE(exit.errors);
  CHECK(exit.status == 1);
  CHECK(exit.errors.starts_with("faultline-controller: "));
  CHECK(exit.errors.ends_with("\n"));
  CHECK(std::ranges::count(exit.errors, '\n') == 1);
  for (const auto& word : words) CHECK_THAT(exit.errors, Catch::Contains(word));
}

void check_refused_config(const std::string& config, std::initializer_list<std::string> words) {
  const Folder folder;
  const auto file = write_file(folder.path() / "controller.yaml", config);
  check_refusal(run_controller({"--config", file}), words);
}

TEST_CASE("the version is printed", "[controller][startup]") {
  const auto exit = run_controller({"--version"});
  CHECK(exit.status == 0);
  CHECK(exit.output.starts_with("faultline-controller "));
}

TEST_CASE("wrong usage of the controller ends with 3", "[controller][startup]") {
  CHECK(run_controller({"--no-such-option"}).status == 3);
  CHECK(run_controller({"--config"}).status == 3);
  CHECK(run_controller({"a-word-too-many"}).status == 3);
}

TEST_CASE("the example configuration is valid", "[controller][startup]") {
  const Folder folder;
  for (const auto* name : {"controller.yaml", "topology.yaml"}) {
    fs::copy_file(fs::path(FAULTLINE_EXAMPLES) / name, folder.path() / name);
  }
  const auto file = (folder.path() / "controller.yaml").string();
  // Neither the secrets are there, nor the program; all of that is told at once.
  check_refusal(run_controller({"--config", file, "--check-config"}),
                {"/etc/faultline/oncall.secret", "/usr/local/bin/page-oncall cannot be run"});
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  for (const auto& [name, line] : {std::pair{"oncall.secret", "0123456789abcdef\n"},
                                   {"pagerduty.key", "0123456789abcdef0123456789abcdef\n"},
                                   {"slack.url", "https://hooks.slack.com/services/T0/B0/x\n"}}) {
    fs::permissions(write_file(folder.path() / name, line), fs::perms::owner_read);
  }
  const auto here = std::regex_replace(text.str(), std::regex("_file: /etc/faultline/"),
                                       "_file: " + folder.path().string() + "/");
  write_file(file, std::regex_replace(here, std::regex("/usr/local/bin/page-oncall"), "/bin/true"));
  const auto exit = run_controller({"--config", file, "--check-config"});
  CHECK(exit.errors.empty());
  CHECK(exit.output == file + " is valid\n");
  CHECK(exit.status == 0);

  // The inventory that it names is checked with it.
  write_file(folder.path() / "topology.yaml", "devices:\n  - {nmae: leaf1}\n");
  check_refusal(run_controller({"--config", file, "--check-config"}), {"topology.yaml:2", "name"});
}

TEST_CASE("a mistake in the configuration is told with its file and line",
          "[controller][startup]") {
  check_refused_config("listen: [tcp\n", {"controller.yaml:"});
  check_refused_config("window: 10s\nwidnow: 5s\n", {"controller.yaml:2", "widnow"});
  check_refused_config("\nheartbeat: soon\n", {"controller.yaml:2", "heartbeat"});
  check_refused_config("window: 1500ms\n", {"controller.yaml:1", "window"});
  check_refused_config("webhooks:\n  - {name: oncall, url: 'gopher://x'}\n",
                       {"controller.yaml:2", "url"});
}

TEST_CASE("a configuration that is not there is named", "[controller][startup]") {
  check_refusal(run_controller({"--config", "/nonexistent/controller.yaml"}),
                {"/nonexistent/controller.yaml"});
}

TEST_CASE("a data directory that cannot be made is named", "[controller][startup]") {
  const Folder folder;
  // Below a file, where root cannot write either.
  const auto file = write_file(folder.path() / "file", "");
  check_refused_config("data_dir: " + file + "/data\n", {file + "/data"});
  check_refused_config("data_dir: " + file + "\n", {file});
}

TEST_CASE("an inventory that is missing or wrong is named", "[controller][startup]") {
  const Folder folder;
  const auto config = minimal_config(folder.path());
  const auto file = folder.path() / "topology.yaml";
  check_refused_config(config + "topology: " + file.string() + "\n", {file.string()});
  write_file(file, "devices:\n  - name: leaf1\n  - name: leaf1\n");
  check_refused_config(config + "topology: " + file.string() + "\n",
                       {"topology.yaml:3", "leaf1", "twice"});
}

TEST_CASE("a webhook's secret that is not there is named", "[controller][startup]") {
  const Folder folder;
  check_refused_config(
      minimal_config(folder.path()) +
          "webhooks: [{name: a, url: 'http://127.0.0.1:9/', secret_file: /no/s}]\n",
      {"/no/s"});
}

TEST_CASE("a listen address that cannot be had is named", "[controller][startup]") {
  const Folder folder;
  // Of a documentation network: no interface here has it.
  check_refused_config(minimal_config(folder.path(), "tcp://192.0.2.1:7400"), {"192.0.2.1:7400"});
  check_refused_config(minimal_config(folder.path(), "udp://127.0.0.1:7400"),
                       {"udp://127.0.0.1:7400"});
}

TEST_CASE("a port, an API socket and a data directory in use are named", "[controller][startup]") {
  Stage running;
  running.start();
  const auto& path = running.folder().path();
  const Folder own;
  const auto name = [](const char* key, const fs::path& value) {
    return std::string(key) + ": " + value.string() + "\n";
  };

  check_refused_config(minimal_config(own.path(), running.endpoint()),
                       {running.endpoint(), "in use"});
  check_refused_config(name("data_dir", own.path() / "data") + "listen: tcp://127.0.0.1:*\n" +
                           "api: {socket: " + (path / "api.sock").string() + "}\n",
                       {(path / "api.sock").string(), "another process"});
  check_refused_config(name("data_dir", path / "data") + "listen: tcp://127.0.0.1:*\n" +
                           "api: {socket: " + (own.path() / "api.sock").string() + "}\n",
                       {(path / "data").string(), "another faultline-controller"});

  // None of them harmed the one that runs.
  CHECK(running.get("/api/v1/status").at("nodes").at("total") == 0);
  CHECK(running.end(SIGTERM).status == 0);
}

TEST_CASE("an API socket cannot take the place of a file", "[controller][startup]") {
  const Folder folder;
  write_file(folder.path() / "api.sock", "precious");
  check_refused_config(minimal_config(folder.path()), {"api.sock", "no socket"});
  CHECK(fs::file_size(folder.path() / "api.sock") == 8);
}

TEST_CASE("what a killed controller left behind is no obstacle", "[controller][startup]") {
  Stage stage;
  stage.start();
  const auto key = stage.controller_key();
  CHECK(stage.end(SIGKILL).status == -SIGKILL);
  CHECK(fs::exists(stage.folder().path() / "api.sock"));
  stage.start();
  CHECK(stage.controller_key() == key);
  CHECK(stage.end(SIGINT).status == 0);
}

TEST_CASE("the data directory is for its owner only", "[controller][startup]") {
  Stage stage;
  stage.start();
  const auto data = stage.folder().path() / "data";
  CHECK(fs::status(data).permissions() == fs::perms::owner_all);
  CHECK(fs::status(data / "controller.key").permissions() ==
        (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(stage.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
