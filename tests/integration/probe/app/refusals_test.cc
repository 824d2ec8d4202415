// What keeps a probe from starting: one clear sentence and exit code 1, or 3 for wrong usage.
#include <fcntl.h>
#include <signal.h>

#include <fstream>

#include "tests/integration/probe/app/fake_controller.h"
#include "tests/integration/probe/app/probe_process.h"

namespace faultline::tests {
namespace {

std::string token_for_nobody() {
  return crypto::format_token({.endpoints = {"tcp://127.0.0.1:9"},
                               .controllers = {crypto::generate_key_pair().public_key},
                               .one_use = crypto::generate_key_pair().secret_key});
}

// The last line, which is what main() says.
std::string sentence(const Exit& exit) {
  auto text = exit.errors;
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

TEST_CASE("the version is printed", "[probe][cli]") {
  const auto exit = run_probe({"--version"});
  CHECK(exit.status == 0);
  CHECK(exit.errors.starts_with("faultline-probe "));
}

TEST_CASE("wrong usage ends with 3", "[probe][cli]") {
  CHECK(run_probe({"--no-such-option"}).status == 3);
  CHECK(run_probe({"--config"}).status == 3);
}

TEST_CASE("a configuration can be checked", "[probe][cli]") {
  const Folder folder;
  const auto file = (folder.path() / "probe.yaml").string();
  std::ofstream(file) << "address: 10.0.0.1\n";
  CHECK(run_probe({"--config", file, "--check-config"}).status == 0);
  std::ofstream(file) << "address: 10.0.0.1\nprots: {}\n";
  const auto exit = run_probe({"--config", file, "--check-config"});
  CHECK(exit.status == 1);
  CHECK(sentence(exit).find("probe.yaml:2") != std::string::npos);
  CHECK(run_probe({"--config", file + "x"}).status == 1);
}

TEST_CASE("a probe that has neither joined nor a token says what to do", "[probe][cli]") {
  const Folder folder;
  ProbeProcess probe{{.folder = folder.path(), .port_base = find_ports()}};
  const auto exit = probe.end(0);
  CHECK(exit.status == 1);
  CHECK(sentence(exit).find("faultline node token create") != std::string::npos);
}

TEST_CASE("a damaged token is refused without repeating it", "[probe][cli]") {
  const Folder folder;
  auto token = token_for_nobody();
  token[20] = token[20] == 'A' ? 'B' : 'A';
  ProbeProcess probe{{.folder = folder.path(), .token = token, .port_base = find_ports()}};
  const auto exit = probe.end(0);
  CHECK(exit.status == 1);
  CHECK(exit.errors.find(token.substr(5, 10)) == std::string::npos);
}

TEST_CASE("a port in use is named", "[probe][cli]") {
  const Folder first_folder;
  const Folder second_folder;
  const auto ports = find_ports();
  auto controller = FakeController{crypto::generate_key_pair()};
  ProbeProcess first{{.folder = first_folder.path(),
                      .token = controller.make_token(NodeId{1}),
                      .port_base = ports}};
  REQUIRE(controller.run_until([&] { return !controller.seen<Hello>().empty(); }));
  ProbeProcess second{
      {.folder = second_folder.path(), .token = token_for_nobody(), .port_base = ports}};
  const auto exit = second.end(0);
  CAPTURE(ports, exit.errors);
  CHECK(exit.status == 1);
  CHECK(sentence(exit).find(std::to_string(ports)) != std::string::npos);
  CHECK(first.end(SIGTERM).status == 0);
}

TEST_CASE("a second probe on the same state directory is refused", "[probe][cli]") {
  const Folder folder;
  auto controller = FakeController{crypto::generate_key_pair()};
  ProbeOptions options{.folder = folder.path(),
                       .token = controller.make_token(NodeId{1}),
                       .port_base = find_ports()};
  ProbeProcess first{options};
  REQUIRE(controller.run_until([&] { return !controller.seen<Hello>().empty(); }));
  options.port_base = find_ports();
  ProbeProcess second{options};
  const auto exit = second.end(0);
  CHECK(exit.status == 1);
  CHECK(sentence(exit).starts_with("faultline-probe: "));
  CHECK(first.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
