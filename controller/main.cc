// faultline-controller: reads the command line and the configuration, then runs app::Controller.
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "controller/app/config.h"
#include "controller/app/controller.h"

namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 3;

constexpr const char* kHelp =
    "The Faultline controller: tells probes what to measure, keeps what they report, works out\n"
    "which link or device is at fault, and alerts on-call.\n\n"
    "Exit codes: 0 stopped as asked, 1 cannot run (one sentence on stderr says why), 3 usage.\n"
    "Every key of the configuration can be overridden by an environment variable, for example\n"
    "FAULTLINE_DATA_DIR for data_dir or FAULTLINE_API_SOCKET for api.socket.\n"
    "SIGHUP reads the API's certificate again.";

int fail_with(const std::string& sentence) {
  std::fprintf(stderr, "faultline-controller: %s\n", sentence.c_str());
  return kExitFailure;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{kHelp, "faultline-controller"};
  std::string config_file = "/etc/faultline/controller.yaml";
  bool check_config = false;
  cli.add_option("--config", config_file, "YAML file")->capture_default_str();
  cli.add_flag("--check-config", check_config, "Validate the configuration and exit");
  cli.set_version_flag("--version", "faultline-controller " FAULTLINE_VERSION);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? 0 : kExitUsage;
  }

  auto config =
      faultline::app::load_config(config_file, faultline::config::environment_of_process());
  if (!config) return fail_with(config.error().context);
  if (check_config) {
    for (const auto& warning : config->warnings) {
      std::fprintf(stderr, "faultline-controller: warning: %s\n", warning.c_str());
    }
    const auto named = faultline::app::check_named(*config);
    if (!named) return fail_with(named.error().context);
    std::printf("%s is valid\n", config_file.c_str());
    return 0;
  }
  const faultline::obs::LogSession log(config->log);
  auto controller = faultline::app::Controller::create(*config);
  if (!controller) return fail_with(controller.error().context);
  const auto outcome = (*controller)->run();
  return outcome ? 0 : fail_with(outcome.error().context);
}
