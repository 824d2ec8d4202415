#include "controller/app/config.h"

#include <cstdlib>
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

fs::path written(const std::string& text) {
  const auto file = fs::temp_directory_path() / "faultline-notify-config-test.yaml";
  std::ofstream(file) << text;
  return file;
}

TEST_CASE("results are decoded by a thread for each core but one, unless it is said how many",
          "[config]") {
  ControllerConfig config;
  CHECK(ingest_threads(config, 0) == 1);  // not known
  CHECK(ingest_threads(config, 1) == 1);
  CHECK(ingest_threads(config, 2) == 1);
  CHECK(ingest_threads(config, 4) == 3);
  CHECK(ingest_threads(config, 64) == 4);
  config.ingest_threads = 6;
  CHECK(ingest_threads(config, 2) == 6);
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
  CHECK(config->ingest_threads == defaults.ingest_threads);
  CHECK(config->heartbeat == defaults.heartbeat);
  CHECK(config->restart_excused_max == defaults.restart_excused_max);
  CHECK(config->retention == defaults.retention);
  CHECK(config->horizon_windows == defaults.horizon_windows);
  CHECK(config->planner == defaults.planner);
  CHECK(config->adaptive == defaults.adaptive);
  CHECK(config->detect == defaults.detect);
  CHECK(config->incident == defaults.incident);
  CHECK(config->log.level == defaults.log.level);
  CHECK(config->log.format == defaults.log.format);

  CHECK(config->advertise == std::vector<std::string>{"tcp://192.0.2.10:7400"});
  std::vector<std::string> receivers;
  for (const auto& item : config->notify.receivers) {
    receivers.push_back(item.receiver.name + "/" + std::string(to_string(item.receiver.kind)));
  }
  CHECK(receivers == std::vector<std::string>{"oncall/webhook", "pager/pagerduty", "chat/slack",
                                              "prometheus/alertmanager", "script/exec"});
  CHECK(config->notify.receivers[0].secret.file == "/etc/faultline/oncall.secret");
  CHECK(config->notify.telling.routes.size() == 3);
  CHECK(config->notify.telling.watchdog == defaults.notify.telling.watchdog);
  CHECK(config->notify.heartbeat);
}

TEST_CASE("webhooks is the old name of receivers and still works", "[config]") {
  const auto file = written(
      "webhooks:\n  - {name: oncall, url: 'https://oncall/', secret_file: oncall.secret}\n");
  const auto config = load_config(file, {});
  REQUIRE(config);
  REQUIRE(config->notify.receivers.size() == 1);
  CHECK(config->notify.receivers[0].receiver.kind == notify::ReceiverKind::kWebhook);
  CHECK(config->notify.receivers[0].secret.file == file.parent_path() / "oncall.secret");
  REQUIRE(config->warnings.size() == 1);
  CHECK_THAT(config->warnings[0], Catch::Contains("webhooks is the old name of receivers"));
}

TEST_CASE("a mistake in a receiver or a route is told with its line", "[config]") {
  const auto refused = [](const std::string& text, const std::string& what) {
    const auto config = load_config(written(text), {});
    CAPTURE(text);
    REQUIRE_FALSE(config);
    CHECK_THAT(config.error().context, Catch::Contains(what));
  };
  const std::string head = "receivers:\n  - {name: a, url: 'https://a/'";
  refused(head + ", kind: pager}\n", "kind");
  refused(head + ", kind: slack, secret_file: x}\n", "secret_file");
  refused(head + ", kind: pagerduty}\n", "routing_key_file");
  refused(head + ", url_env: A_URL}\n", "url_env");
  refused(head + ", body: '${sumary}'}\n", "there is no ${sumary}; there are summary, ");
  refused(head + ", timeout: 3m}\n", "at most 2m");
  refused(head + "}\n  - {name: a, url: 'https://b/'}\n", "another receiver has this name");
  refused("receivers:\n  - {name: a, kind: exec, command: [page]}\n", "absolute path");
  refused("receivers:\n  - {name: a, kind: slack}\n", "url");
  refused(head + "}\nroutes:\n  - {receivers: [b]}\n", "there is no receiver b");
  refused("dead_mans_switch: {url: 'https://x/', interval: 1s}\n", "between 10s and 24h");
}

TEST_CASE("secrets come from files and variables, and no message shows one", "[config]") {
  const auto load = [](const std::string& text) {
    const auto config = load_config(written(text), {});
    if (!config) FAIL(config.error().context);
    return load_receivers(config->notify);
  };
  const std::string pager =
      "receivers:\n  - {name: p, kind: pagerduty, routing_key_env: TEST_KEY}\n";
  ::unsetenv("TEST_KEY");
  REQUIRE_FALSE(load(pager));
  CHECK_THAT(load(pager).error().context, Catch::Contains("TEST_KEY"));
  ::setenv("TEST_KEY", "0123456789abcdef0123456789abcdef", 1);
  REQUIRE(load(pager));
  CHECK(load(pager)->at("p").secret == "0123456789abcdef0123456789abcdef");
  CHECK(load(pager)->at("p").url == notify::kPagerDutyUrl);
  ::setenv("TEST_KEY", "ftp://secret-host/", 1);
  const auto slack = load("receivers:\n  - {name: s, kind: slack, url_env: TEST_KEY}\n");
  REQUIRE_FALSE(slack);
  CHECK(slack.error().context.find("secret-host") == std::string::npos);
}

TEST_CASE("every receiver that could never send is named before the first page", "[config]") {
  const auto config = load_config(written("receivers:\n"
                                          "  - {name: a, kind: exec, command: [/nowhere/page]}\n"
                                          "  - {name: b, kind: exec, command: [/bin/sh, -c, x]}\n"
                                          "  - {name: c, kind: slack, url_env: TEST_UNSET}\n"),
                                  {});
  REQUIRE(config);
  const auto loaded = load_receivers(config->notify);
  REQUIRE_FALSE(loaded);
  CHECK_THAT(loaded.error().context,
             Catch::StartsWith("/nowhere/page cannot be run, the program of receiver a: No such"));
  CHECK_THAT(loaded.error().context, Catch::Contains("; the variable TEST_UNSET"));
  CHECK(loaded.error().context.find("/bin/sh") == std::string::npos);
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
  using Catch::Equals;
  CHECK_THAT(refusal("listen: garbage\n"), Contains("yaml:1: listen: ") && Contains("garbage"));
  CHECK_THAT(refusal("adaptive:\n  extra_share: 20%\n"),
             Contains("yaml:2: adaptive.extra_share: "));
  CHECK_THAT(refusal("detect:\n  limits:\n    wan: {loss: 0%}\n"),
             Contains("detect.limits: limits.wan: loss must be above 0"));
  CHECK_THAT(refusal("detect:\n  limits:\n    vm-host: {loss: 1%}\n"), Contains("vm-host"));
  CHECK_THAT(refusal("detect:\n  incidents: [slow]\n"), Contains("slow is no kind of anomaly"));
  CHECK_THAT(refusal("check:\n  incidents: [error, slow]\n"),
             Contains("yaml:2: check.incidents: slow is neither error"));
  CHECK_THAT(refusal("check: {every: 1s}\n"), Contains("must be between 5s and 24h"));
  CHECK_THAT(refusal("check: {every: 10s, incidents: [error, mtu_mismatch]}\n"), Equals(""));
  CHECK_THAT(refusal("detect:\n  accept_after: 1m\n"), Contains("at least 10m"));
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

core::StandingOptions standing_of(const std::string& tests) {
  const auto file = written(tests);
  const auto config = load_config(file, {});
  fs::remove(file);
  if (!config) FAIL(config.error().context);
  return config->standing;
}

std::string standing_refusal(const std::string& test) {
  const auto file = written("tests:\n  - " + test + "\n");
  const auto config = load_config(file, {});
  fs::remove(file);
  return config ? "" : config.error().context;
}

TEST_CASE("standing tests have the defaults of the tests on demand", "[config]") {
  const auto standing = standing_of(
      "tests:\n"
      "  - {name: ssh, kind: port, port: 22, from: {rack: 'r1, r2'}, to: {zone: east}, every: "
      "30m,\n"
      "     severity: error, count: 2}\n"
      "  - {name: mtu, kind: mtu, target: 192.0.2.7, severity: none}\n"
      "  - {name: stamp, kind: ping, method: stamp}\n");
  REQUIRE(standing.tests.size() == 3);
  const auto& ssh = standing.tests[0];
  CHECK(core::what_of(ssh.order) == "port 22 by tcp");
  CHECK(from_text(ssh) == "rack=r1,r2");
  CHECK(to_text(ssh) == "zone=east");
  CHECK(ssh.every == std::chrono::minutes{30});
  CHECK(ssh.severity == incident::Severity::kError);
  CHECK(ssh.order.count == 2);
  CHECK(core::what_of(standing.tests[1].order) == "mtu by icmp");
  CHECK(to_text(standing.tests[1]) == "192.0.2.7");
  CHECK(from_text(standing.tests[1]) == "all nodes");
  CHECK_FALSE(standing.tests[1].severity);
  CHECK(standing.tests[2].every == std::chrono::minutes{10});
}

TEST_CASE("all standing traces together are a fifth of what routers are made to send", "[config]") {
  const auto rate_of = [](const std::string& limit) {
    const auto standing = standing_of(limit + "tests:\n  - {name: t, kind: trace}\n");
    return standing.tests.at(0).order.rate;
  };
  // Two at a time, a fifth of the rate at any hop: 2 * 50 / 5 = 20 of 100.
  CHECK(rate_of("") == 50);
  CHECK(rate_of("trace: {router_packets_per_second_max: 20}\n") == 10);
  CHECK(rate_of("trace: {router_packets_per_second_max: 1}\n") == 1);
  CHECK(rate_of("trace: {router_packets_per_second_max: 5000}\n") == 100);
}

TEST_CASE("a mistake in a standing test is told with its line and what is expected", "[config]") {
  using Catch::Contains;
  CHECK_THAT(standing_refusal("{kind: ping}"), Contains("yaml:2: tests[0].name is missing"));
  CHECK_THAT(standing_refusal("{name: a}"), Contains("tests[0].kind is missing"));
  CHECK_THAT(standing_refusal("{name: a b, kind: ping}"), Contains("tests[0].name"));
  CHECK_THAT(standing_refusal("{name: a, kind: capture}"), Contains("tests[0].kind"));
  CHECK_THAT(standing_refusal("{name: a, kind: port}"), Contains("tcp needs a port"));
  CHECK_THAT(standing_refusal("{name: a, kind: mtu, method: tcp, port: 1}"),
             Contains("mtu cannot be tested by tcp"));
  CHECK_THAT(standing_refusal("{name: a, kind: ping, every: 9s}"),
             Contains("tests[0].every: must be between 10s and"));
  CHECK_THAT(standing_refusal("{name: a, kind: ping, target: h9}"),
             Contains("tests[0].target: must be an address"));
  CHECK_THAT(standing_refusal("{name: a, kind: ping, target: 192.0.2.7, to: {node: h9}}"),
             Contains("tests[0].target: to is given too"));
  CHECK_THAT(standing_refusal("{name: a, kind: ping, from: {rack: ''}}"),
             Contains("tests[0].from"));
  CHECK_THAT(standing_refusal("{name: a, kind: ping, size: 63}"), Contains("tests[0].size"));
  CHECK_THAT(standing_refusal("{name: a, kind: ping}\n  - {name: a, kind: mtu}"),
             Contains("yaml:3: tests[1].name: another test is called a"));
}

TEST_CASE("what the configuration names must be there", "[config]") {
  ControllerConfig config;
  CHECK(check_named(config));
  config.api.socket_group = "no-such-group";
  REQUIRE_FALSE(check_named(config));
  CHECK_THAT(check_named(config).error().context, Catch::Contains("no-such-group"));
  ReceiverConfig receiver;
  receiver.receiver.name = "a";
  receiver.secret.file = "/no/secret";
  config.notify.receivers.push_back(receiver);
  REQUIRE_FALSE(check_named(config));
  CHECK_THAT(check_named(config).error().context, Catch::Contains("/no/secret"));
}

TEST_CASE("the example inventory is a fabric of four switches and four cables, and a tunnel",
          "[config]") {
  const auto inventory = parse_inventory(read_file(kExamples / "topology.yaml"), "topology.yaml");
  if (!inventory) FAIL(inventory.error().context);
  topology::Topology topology(*inventory);
  topology.settle();
  CHECK(topology.devices().size() == 5);
  std::vector<std::string> links;
  for (const auto& [id, link] : topology.links()) links.push_back(id);
  CHECK_THAT(links, Catch::UnorderedEquals(std::vector<std::string>{
                        "leaf1>spine1", "spine1>leaf1", "leaf2>spine1", "spine1>leaf2",
                        "leaf1>spine2", "spine2>leaf1", "leaf2>spine2", "spine2>leaf2"}));
}

}  // namespace
}  // namespace faultline::app
