#include "controller/app/config.h"

#include <fstream>
#include <sstream>

#include "controller/app/inventory_file.h"
#include "controller/topology/topology.h"
#include "tests/support/catch.h"

namespace faultline::app {
namespace {

namespace fs = std::filesystem;

const fs::path kExamples{FAULTLINE_EXAMPLES};

std::string read_file(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST_CASE("the example shows the defaults, except where it says otherwise", "[config]") {
  const auto config = load_config(kExamples / "controller.yaml", {});
  REQUIRE(config);
  const ControllerConfig defaults;
  CHECK(config->data_dir == defaults.data_dir);
  CHECK(config->listen == defaults.listen);
  CHECK(config->api.socket == defaults.api.socket);
  CHECK_FALSE(config->api.tls);
  CHECK(config->api.audit_retention == defaults.api.audit_retention);
  CHECK(config->heartbeat == defaults.heartbeat);
  CHECK(config->restart_excused_max == defaults.restart_excused_max);
  CHECK(config->retention == defaults.retention);
  CHECK(config->horizon_windows == defaults.horizon_windows);
  CHECK(config->planner == defaults.planner);
  CHECK(config->adaptive == defaults.adaptive);
  CHECK(config->incident == defaults.incident);
  CHECK(config->log.level == defaults.log.level);
  CHECK(config->log.format == defaults.log.format);

  CHECK(config->advertise == std::vector<std::string>{"tcp://192.0.2.10:7400"});
  CHECK(config->webhooks ==
        std::vector<WebhookConfig>{{.name = "oncall",
                                    .url = "https://oncall.example.net/faultline",
                                    .secret_file = "/etc/faultline/oncall.secret"}});
}

TEST_CASE("a file named by the configuration is found beside it", "[config]") {
  const auto config = load_config(kExamples / "controller.yaml", {});
  REQUIRE(config);
  CHECK(config->topology == kExamples / "topology.yaml");
}

TEST_CASE("the environment overrides the file", "[config]") {
  const auto config =
      load_config(kExamples / "controller.yaml",
                  {{"FAULTLINE_DATA_DIR", "/elsewhere"}, {"FAULTLINE_PLAN_FLOWS_PER_PAIR", "3"}});
  REQUIRE(config);
  CHECK(config->data_dir == "/elsewhere");
  CHECK(config->planner.flows_per_pair == 3);
}

// What is said of a configuration of these lines.
std::string refusal(const std::string& text) {
  const auto file = fs::temp_directory_path() / "faultline-config-test.yaml";
  std::ofstream(file) << text;
  const auto config = load_config(file, {});
  fs::remove(file);
  return config ? "" : config.error().context;
}

TEST_CASE("what could never run is refused with its line", "[config]") {
  using Catch::Contains;
  CHECK_THAT(refusal("listen: garbage\n"), Contains("yaml:1: listen: ") && Contains("garbage"));
  CHECK_THAT(refusal("adaptive:\n  extra_share: 20%\n"),
             Contains("yaml:2: adaptive.extra_share: "));
  CHECK_THAT(refusal("adaptive:\n  link_packets_per_second_max: 0\n"),
             Contains("adaptive.link_packets_per_second_max"));
  CHECK_THAT(refusal("\nadvertise: [tcp://10.0.0.1:7400, garbage]\n"),
             Contains("yaml:2: advertise: ") && Contains("garbage"));
  CHECK_THAT(refusal("advertise: tcp://*:7400\n"), Contains("tcp://*:7400 names no machine"));
  CHECK_THAT(refusal("advertise: 'tcp://[::]:7400'\n"), Contains("names no machine"));
  CHECK_THAT(refusal("retention: 1s\n"), Contains("yaml:1: retention: must be at least 1h"));
  CHECK_THAT(refusal("retention: 2h\nincident: {reopen_within: 3h}\n"),
             Contains("retention: must be at least 3h"));
  CHECK_THAT(refusal("api: {socket: run/api.sock}\n"), Contains("api.socket: ") && Contains("/"));
  CHECK(refusal("advertise: ['tcp://[fd00::1]:7400', tcp://controller:7400]\n").empty());
}

TEST_CASE("the API over TLS is off, or has an address, a certificate and a key", "[config]") {
  using Catch::Contains;
  const auto load = [](const std::string& text) {
    const auto file = fs::temp_directory_path() / "faultline-config-test.yaml";
    std::ofstream(file) << text;
    auto config = load_config(file, {});
    fs::remove(file);
    return config;
  };
  REQUIRE(load(""));
  CHECK_FALSE(load("")->api.tls);
  const auto on = load("api:\n  tls: {listen: '0.0.0.0:7443', certificate: api.crt, key: /k}\n");
  REQUIRE(on);
  REQUIRE(on->api.tls);
  CHECK(to_string(on->api.tls->listen) == "0.0.0.0:7443");
  CHECK(on->api.tls->files.certificate == fs::temp_directory_path() / "api.crt");
  CHECK(on->api.tls->files.key == "/k");
  CHECK_THAT(refusal("api:\n  tls: {listen: '0.0.0.0:7443', certificate: a}\n"),
             Contains("api.tls.key is missing"));
  CHECK_THAT(refusal("api:\n  tls: {certificate: a, key: b}\n"),
             Contains("api.tls.listen is missing"));
  CHECK_THAT(refusal("api:\n  tls: {listen: 'localhost:7443', certificate: a, key: b}\n"),
             Contains("yaml:2: api.tls.listen: \"localhost:7443\" is not an address"));
  CHECK_THAT(refusal("api: {audit_retention: 1h}\n"), Contains("must be at least 24h"));
}

TEST_CASE("the keys that were renamed still work, and warn with their line", "[config]") {
  const auto file = fs::temp_directory_path() / "faultline-config-test.yaml";
  std::ofstream(file) << "api:\n  unix: /run/old.sock\n  group: ops\n";
  const auto config = load_config(file, {});
  fs::remove(file);
  REQUIRE(config);
  CHECK(config->api.socket == "/run/old.sock");
  CHECK(config->api.socket_group == "ops");
  REQUIRE(config->warnings.size() == 2);
  CHECK_THAT(config->warnings[0],
             Catch::Contains("yaml:2: api.unix is the old name of api.socket"));
  CHECK_THAT(config->warnings[1],
             Catch::Contains("yaml:3: api.group is the old name of api.socket_group"));
  CHECK(load_config(kExamples / "controller.yaml", {})->warnings.empty());
}

TEST_CASE("what the configuration names must be there", "[config]") {
  ControllerConfig config;
  CHECK(check_named(config));
  config.api.socket_group = "no-such-group";
  REQUIRE_FALSE(check_named(config));
  CHECK_THAT(check_named(config).error().context, Catch::Contains("no-such-group"));
  config.webhooks.push_back({.name = "a", .url = "http://x/", .secret_file = "/no/secret"});
  REQUIRE_FALSE(check_named(config));
  CHECK_THAT(check_named(config).error().context, Catch::Contains("/no/secret"));
}

TEST_CASE("the example inventory is a fabric of four devices and four cables", "[config]") {
  const auto inventory = parse_inventory(read_file(kExamples / "topology.yaml"), "topology.yaml");
  if (!inventory) FAIL(inventory.error().context);
  topology::Topology topology(*inventory);
  topology.settle();
  CHECK(topology.devices().size() == 4);
  std::vector<std::string> links;
  for (const auto& [id, link] : topology.links()) links.push_back(id);
  CHECK_THAT(links, Catch::UnorderedEquals(std::vector<std::string>{
                        "leaf1>spine1", "spine1>leaf1", "leaf2>spine1", "spine1>leaf2",
                        "leaf1>spine2", "spine2>leaf1", "leaf2>spine2", "spine2>leaf2"}));
}

}  // namespace
}  // namespace faultline::app
