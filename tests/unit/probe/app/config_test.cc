#include "probe/app/config.h"

#include <unistd.h>

#include <fstream>

#include "tests/support/catch.h"

namespace faultline::probe_app {
namespace {

class ConfigFile {
 public:
  explicit ConfigFile(std::string_view text)
      : path_(std::filesystem::temp_directory_path() /
              ("faultline-probe-config-" + std::to_string(::getpid()) + ".yaml")) {
    std::ofstream(path_) << text;
  }
  ~ConfigFile() { std::filesystem::remove(path_); }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;

  [[nodiscard]] Result<ProbeConfig> load(const config::Environment& environment = {}) const {
    return load_config(path_, environment);
  }

 private:
  std::filesystem::path path_;
};

TEST_CASE("the example configuration shows the defaults", "[probe_app][config]") {
  const auto config = load_config(FAULTLINE_SOURCE_DIR "/deploy/config/probe.yaml", {});
  REQUIRE(config);
  const ProbeConfig defaults;
  CHECK(config->state_dir == defaults.state_dir);
  CHECK(config->token_file == "/etc/faultline/token");
  CHECK(config->name == "leaf1-host2");
  CHECK(config->spool_size_max == defaults.spool_size_max);
  CHECK(config->strangers.allowed.empty());
  CHECK(config->strangers.packets_per_second_max == defaults.strangers.packets_per_second_max);
  CHECK(config->log.level == defaults.log.level);
  CHECK(config->log.format == defaults.log.format);
  auto profile = defaults.profile;
  profile.address = *IpAddress::parse("192.0.2.12");
  profile.labels = {{"zone", "east"}, {"rack", "r17"}};
  CHECK(config->profile == profile);
}

TEST_CASE("an address is all that must be said", "[probe_app][config]") {
  const auto config = ConfigFile{"address: 2001:db8::7\n"}.load();
  REQUIRE(config);
  CHECK(config->profile.address == *IpAddress::parse("2001:db8::7"));
  CHECK(config->profile.source_port_first == 61000);
}

TEST_CASE("a token can come from the environment", "[probe_app][config]") {
  const auto config = ConfigFile{"address: 10.0.0.1\n"}.load({{"FAULTLINE_TOKEN", "flt1_x"}});
  REQUIRE(config);
  CHECK(config->token == "flt1_x");
}

TEST_CASE("controllers stand for a token, each with its key", "[probe_app][config]") {
  const std::string key(64, '7');
  const auto config =
      ConfigFile{
          "address: 10.0.0.1\ncontrollers:\n  - endpoint: "
          "tcp://192.0.2.10:7400\n    key: " +
          key + "\n"}
          .load();
  REQUIRE(config);
  REQUIRE(config->controllers.size() == 1);
  CHECK(config->controllers[0].endpoint == "tcp://192.0.2.10:7400");
  CHECK(to_string(config->controllers[0].key) == key);
  const std::pair<std::string, const char*> mistakes[] = {
      {"- {endpoint: 192.0.2.10, key: " + key + "}", "endpoint"},
      {"- {endpoint: 'tcp://192.0.2.10:7400', key: 77}", "faultline controller key"},
      {"- {endpoint: 'tcp://192.0.2.10:7400'}", "key"},
      {"- {key: " + key + "}", "endpoint"},
  };
  for (const auto& [text, expected] : mistakes) {
    CAPTURE(text);
    const auto refused = ConfigFile{"address: 10.0.0.1\ncontrollers:\n  " + text + "\n"}.load();
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().context, Catch::Contains(expected));
  }
}

TEST_CASE("strangers are allowed by address or prefix", "[probe_app][config]") {
  const auto config =
      ConfigFile{
          "address: 10.0.0.1\nstrangers:\n  allow: [192.0.2.0/24, '2001:db8::/33', 198.51.100.7]\n"
          "  packets_per_second_max: 7\n"}
          .load();
  REQUIRE(config);
  const auto& strangers = config->strangers;
  REQUIRE(strangers.allowed.size() == 3);
  CHECK(strangers.packets_per_second_max == 7);
  CHECK(strangers.allowed[0].contains(*IpAddress::parse("192.0.2.255")));
  CHECK_FALSE(strangers.allowed[0].contains(*IpAddress::parse("192.0.3.0")));
  CHECK(strangers.allowed[1].contains(*IpAddress::parse("2001:db8:7fff::1")));
  CHECK_FALSE(strangers.allowed[1].contains(*IpAddress::parse("2001:db8:8000::1")));
  CHECK(strangers.allowed[2].contains(*IpAddress::parse("198.51.100.7")));
  CHECK_FALSE(strangers.allowed[2].contains(*IpAddress::parse("198.51.100.6")));
  for (const auto* wrong : {"192.0.2.0/33", "192.0.2.0/", "host", "192.0.2.0/2x", "10.0.0.0/-1"}) {
    CAPTURE(wrong);
    const auto refused =
        ConfigFile{std::string("address: 10.0.0.1\nstrangers:\n  allow: ['") + wrong + "']\n"}
            .load();
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().context, Catch::Contains(wrong));
  }
}

TEST_CASE("a mistake is told with its line", "[probe_app][config]") {
  const auto& [text, expected] = GENERATE(table<std::string, std::string>({
      {"name: n1\n", "address"},
      {"address: localhost\n", ":1: "},
      {"address: 0.0.0.0\n", ":1: "},
      {"address: 10.0.0.1\nname: two words\n", ":2: "},
      {"address: 10.0.0.1\nkind: switch\n", ":2: "},
      {"address: 10.0.0.1\nreflector_port: 0\n", ":2: "},
      {"address: 10.0.0.1\nports:\n  first: 65530\n  count: 16\n", "count"},
      {"address: 10.0.0.1\nspool:\n  size_max: 1KiB\n", ":3: "},
      {"address: 10.0.0.1\ntoken: a\ntoken_file: b\n", ":2: "},
      {"address: 10.0.0.1\nlables: {a: b}\n", "labels"},
      {"address: 10.0.0.1\nlabels: {'a b': c}\n", "labels"},
      {"address: [\n", ":"},
  }));
  CAPTURE(text);
  const auto config = ConfigFile{text}.load();
  REQUIRE_FALSE(config);
  CAPTURE(config.error().context);
  CHECK(config.error().context.find(expected) != std::string::npos);
  CHECK(config.error().context.find('\n') == std::string::npos);
}

}  // namespace
}  // namespace faultline::probe_app
