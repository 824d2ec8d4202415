#include "controller/admin/program.h"

#include <cstdio>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "common/manual/help.h"
#include "controller/admin/backup_command.h"
#include "controller/admin/health_command.h"
#include "controller/admin/manual.h"
#include "controller/admin/restore_command.h"
#include "controller/admin/store_command.h"
#include "controller/app/config.h"
#include "controller/app/controller.h"

namespace faultline::admin {
namespace {

constexpr int kExitDone = 0;
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 3;

struct Arguments {
  std::string config_file = "/etc/faultline/controller.yaml";
  bool check_config = false;
  bool health = false;
  std::string wait;
  std::string backup_to;
  RestoreArguments restore;
  bool lose_agreed = false;
};

struct Commands {
  CLI::App* backup = nullptr;
  CLI::App* restore = nullptr;
  CLI::App* store_check = nullptr;
  CLI::App* store_stats = nullptr;
  CLI::App* store_compact = nullptr;
  CLI::App* store_repair = nullptr;
};

int fail_with(const std::string& sentence) {
  std::fprintf(stderr, "faultline-controller: %s\n", sentence.c_str());
  return kExitFailure;
}

int finish(const Result<std::string>& outcome) {
  if (!outcome) return fail_with(outcome.error().context);
  std::printf("%s\n", outcome->c_str());
  return kExitDone;
}

void add_options(CLI::App& cli, Arguments& arguments) {
  cli.add_option("--config", arguments.config_file, "The configuration, a YAML file")
      ->type_name("FILE")
      ->capture_default_str();
  cli.add_flag("--check-config", arguments.check_config, "Validate the configuration and exit");
  auto* health = cli.add_flag("--health", arguments.health,
                              "Say whether the controller that runs here is healthy, and exit");
  cli.add_option("--wait", arguments.wait, "With --health: wait so long, such as 60s, until it is")
      ->type_name("TIME")
      ->needs(health);
  cli.set_version_flag("--version", "faultline-controller " FAULTLINE_VERSION,
                       "Print the version and exit");
}

CLI::App* add_backup(CLI::App& cli, Arguments& arguments) {
  auto* backup = cli.add_subcommand(
      "backup", "Pack the data directory, keys included, into one file; the controller may run");
  backup->fallthrough();
  backup
      ->add_option("--to", arguments.backup_to,
                   "The file; it appears, mode 0600, when it is complete, in place of an old one")
      ->type_name("FILE")
      ->required();
  backup->footer(
      "\nExamples:\n"
      "  faultline-controller backup --to /backup/faultline.tar.zst\n"
      "Everything that was acknowledged before it began is in it. The configuration is not.\n");
  return backup;
}

CLI::App* add_restore(CLI::App& cli, Arguments& arguments) {
  auto* restore = cli.add_subcommand(
      "restore", "Put a backup in place; the controller must not run on the data directory");
  restore->fallthrough();
  restore->add_option("--from", arguments.restore.from, "The file that backup made")
      ->type_name("FILE")
      ->required();
  auto* force = restore->add_flag("--force", arguments.restore.force,
                                  "Move data that is there aside; nothing is deleted");
  restore
      ->add_flag("--verify", arguments.restore.verify_only,
                 "Only check that the file is complete and undamaged")
      ->excludes(force);
  restore->footer(
      "\nExamples:\n"
      "  faultline-controller restore --from /backup/faultline.tar.zst --verify\n"
      "  faultline-controller restore --from /backup/faultline.tar.zst\n"
      "All of the file is verified before anything is touched. Broken off, it has happened or it\n"
      "has not. It starts no controller.\n");
  return restore;
}

void add_store(CLI::App& cli, Arguments& arguments, Commands& commands) {
  auto* store = cli.add_subcommand(
      "store", "Look after the store of results; the controller must not run on it");
  store->fallthrough();
  store->require_subcommand(1);
  commands.store_check = store->add_subcommand(
      "check", "Read everything, verify every checksum, and say by key what is damaged");
  commands.store_stats =
      store->add_subcommand("stats", "What each kind of data takes, and since when there is some");
  commands.store_compact = store->add_subcommand("compact", "Rewrite it in its smallest form");
  commands.store_repair = store->add_subcommand(
      "repair",
      "Say which tables cannot be used at all and what they held; with --yes, go on without");
  commands.store_repair->add_flag("--yes", arguments.lose_agreed,
                                  "Leave them out: what only they held is lost");
  for (auto* command : {commands.store_check, commands.store_stats, commands.store_compact,
                        commands.store_repair}) {
    command->fallthrough();
  }
  store->footer(
      "\nExamples:\n"
      "  faultline-controller store check\n"
      "  faultline-controller store stats --config controller.yaml\n"
      "  faultline-controller store repair\n"
      "check ends with 1 when something is damaged. repair is for a store that does not open "
      "because\n"
      "a table is cut or gone: all others stay as they are, and what is left of it is kept.\n");
}

int check_health(const app::ControllerConfig& config, const std::string& wait) {
  if (wait.empty()) return run_health(config.api.socket, std::nullopt);
  if (const auto duration = parse_duration(wait)) return run_health(config.api.socket, duration);
  fail_with("--wait: \"" + wait + "\" is not a duration such as 60s");
  return kExitUsage;
}

int check_named(const app::ControllerConfig& config, const std::string& file) {
  for (const auto& warning : config.warnings) {
    std::fprintf(stderr, "faultline-controller: warning: %s\n", warning.c_str());
  }
  const auto named = app::check_named(config);
  if (!named) return fail_with(named.error().context);
  std::printf("%s is valid\n", file.c_str());
  return kExitDone;
}

int serve(const app::ControllerConfig& config) {
  const obs::LogSession log(config.log);
  auto controller = app::Controller::create(config);
  if (!controller) return fail_with(controller.error().context);
  const auto outcome = (*controller)->run();
  return outcome ? kExitDone : fail_with(outcome.error().context);
}

int carry_out(Arguments& arguments, const Commands& commands) {
  // A file can be verified anywhere.
  if (commands.restore->parsed() && arguments.restore.verify_only) {
    return finish(restore_data(arguments.restore));
  }
  const auto config = app::load_config(arguments.config_file, config::environment_of_process());
  if (!config) return fail_with(config.error().context);
  if (arguments.check_config) return check_named(*config, arguments.config_file);
  if (arguments.health) return check_health(*config, arguments.wait);
  if (commands.backup->parsed()) return finish(back_up(*config, arguments.backup_to));
  if (commands.restore->parsed()) {
    arguments.restore.data_dir = config->data_dir;
    return finish(restore_data(arguments.restore));
  }
  if (commands.store_check->parsed()) return finish(check_store(config->data_dir));
  if (commands.store_stats->parsed()) return finish(store_stats(config->data_dir));
  if (commands.store_compact->parsed()) return finish(compact_store(config->data_dir));
  if (commands.store_repair->parsed()) {
    return finish(repair_store(config->data_dir, arguments.lose_agreed));
  }
  return serve(*config);
}

}  // namespace

int run(int argc, const char* const* argv) {
  Arguments arguments;
  CLI::App cli{"", "faultline-controller"};
  add_options(cli, arguments);
  Commands commands{};
  commands.backup = add_backup(cli, arguments);
  commands.restore = add_restore(cli, arguments);
  add_store(cli, arguments, commands);
  cli.require_subcommand(0, 1);
  manual::describe(cli, controller_manual());
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  return carry_out(arguments, commands);
}

}  // namespace faultline::admin
