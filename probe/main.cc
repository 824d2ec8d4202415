// faultline-probe: measures reachability, loss, delay and paths to its peers.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "common/manual/help.h"
#include "common/obs/log.h"
#include "probe/app/check_command.h"
#include "probe/app/config.h"
#include "probe/app/facts_command.h"
#include "probe/app/health_command.h"
#include "probe/app/manual.h"
#include "probe/app/memory.h"
#include "probe/app/probe.h"
#include "probe/app/test_command.h"

namespace {

using namespace faultline;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 3;

int fail(const Error& error) {
  std::fprintf(stderr, "faultline-probe: %s\n", error.context.c_str());
  return kExitFailure;
}

int run(const probe_app::ProbeConfig& config, const std::filesystem::path& file) {
  probe_app::keep_heaps_small();
  obs::LogSession log{config.log};
  auto probe = probe_app::Probe::create(
      config, [file] { return probe_app::load_config(file, config::environment_of_process()); });
  if (!probe) return fail(probe.error());
  if (auto status = (*probe)->run(); !status) return fail(status.error());
  return EXIT_SUCCESS;
}

int check_health(const probe_app::ProbeConfig& config, const std::string& wait) {
  if (wait.empty()) return probe_app::run_health(config.state_dir, std::nullopt);
  const auto duration = parse_duration(wait);
  if (duration) return probe_app::run_health(config.state_dir, duration);
  std::fprintf(stderr, "faultline-probe: --wait: \"%s\" is not a duration such as 60s\n",
               wait.c_str());
  return kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path config_file = "/etc/faultline/probe.yaml";
  bool check_config = false;
  bool print_key = false;
  CLI::App app{"", "faultline-probe"};
  app.add_option("--config", config_file, "The configuration, a YAML file")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_flag("--check-config", check_config, "Check the configuration file and exit");
  app.add_flag("--print-key", print_key,
               "Print the public half of the node's key, made where there is none, and exit");
  bool health = false;
  std::string wait;
  auto* health_flag =
      app.add_flag("--health", health, "Say whether the probe that runs here is healthy, and exit");
  app.add_option("--wait", wait, "With --health: wait so long, such as 60s, until it measures")
      ->type_name("TIME")
      ->needs(health_flag);
  probe_app::FactsCommand facts;
  auto* facts_command = app.add_subcommand(
      "facts", "Print what this machine says of its own network, as JSON, and exit");
  facts_command->add_flag("!--no-programs", facts.programs,
                          "Run no nft, iptables-legacy-save or lldpcli");
  facts_command->add_flag("--cost", facts.cost, "Say on standard error what collecting took");
  auto* check_command = app.add_subcommand(
      "check", "Say whether this machine is fit to run a probe, and what to mend, and exit");
  std::string check_output = "text";
  check_command->add_option("-o,--output", check_output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  const probe_app::TestCommands tests(app);
  app.set_version_flag("--version", probe_app::software(), "Print the version and exit");
  manual::describe(app, probe_app::probe_manual());
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : kExitUsage;
  }
  if (facts_command->parsed()) return probe_app::run_facts(facts);
  if (const auto code = tests.run()) return *code;
  const auto config = probe_app::load_config(config_file, config::environment_of_process());
  if (!config) return fail(config.error());
  if (print_key) {
    const auto key = probe_app::own_key(*config);
    if (!key) return fail(key.error());
    std::printf("%s\n", to_string(*key).c_str());
    return EXIT_SUCCESS;
  }
  if (health) return check_health(*config, wait);
  if (check_command->parsed()) return probe_app::run_check(*config, check_output == "json");
  if (!check_config) return run(*config, config_file);
  std::printf("%s: ok\n", config_file.c_str());
  return EXIT_SUCCESS;
}
