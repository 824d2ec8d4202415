// faultline-probe: measures reachability, loss, delay and paths to its peers.
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "common/obs/log.h"
#include "probe/app/config.h"
#include "probe/app/probe.h"

namespace {

using namespace faultline;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 3;
// Six threads with little to allocate: one heap each would hold more memory than it saves time.
constexpr int kHeapsMax = 2;

int fail(const Error& error) {
  std::fprintf(stderr, "faultline-probe: %s\n", error.context.c_str());
  return kExitFailure;
}

int run(const probe_app::ProbeConfig& config) {
  ::mallopt(M_ARENA_MAX, kHeapsMax);
  obs::LogSession log{config.log};
  auto probe = probe_app::Probe::create(config);
  if (!probe) return fail(probe.error());
  if (auto status = (*probe)->run(); !status) return fail(status.error());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path config_file = "/etc/faultline/probe.yaml";
  bool check_config = false;
  bool print_key = false;
  CLI::App app{"Measures reachability, loss, delay and paths to the peers of its plan."};
  app.add_option("--config", config_file, "Configuration file")->capture_default_str();
  app.add_flag("--check-config", check_config, "Check the configuration file and exit");
  app.add_flag("--print-key", print_key,
               "Print the public half of the node's key, made where there is none, and exit");
  app.set_version_flag("--version", probe_app::software());
  app.footer("Exit codes: 0 stopped by a signal, 1 failure, 3 usage.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : kExitUsage;
  }
  const auto config = probe_app::load_config(config_file, config::environment_of_process());
  if (!config) return fail(config.error());
  if (print_key) {
    const auto key = probe_app::own_key(*config);
    if (!key) return fail(key.error());
    std::printf("%s\n", to_string(*key).c_str());
    return EXIT_SUCCESS;
  }
  if (!check_config) return run(*config);
  std::printf("%s: ok\n", config_file.c_str());
  return EXIT_SUCCESS;
}
