// status, localize, incident, bundle.
#include "controller/cli/commands.h"
#include "controller/cli/offline.h"
#include "controller/cli/saved_answer.h"
#include "controller/cli/time_argument.h"

namespace faultline::cli {
namespace {

void add_status(CLI::App& app, Context& context) {
  auto* status =
      add_command(app, "status", "Is it the network? One line, then what is being measured",
                  "  faultline status\n"
                  "  faultline status -o json | jq .verdict\n");
  status->callback(
      [&context] { context.command = [&context] { return context.query("/api/v1/status"); }; });
}

struct LocalizeCommand {
  OfflineOptions offline;
  bool explain = false;
};

Outcome<ExitCode> localize(Context& context, const LocalizeCommand& command) {
  if (!command.offline.file.empty()) {
    FAULTLINE_CLI_TRY(const auto document, localize_offline(command.offline));
    return context.show(document, command.explain);
  }
  FAULTLINE_CLI_TRY(const auto interval,
                    interval_query(command.offline.at, command.offline.horizon));
  return context.query("/api/v1/localize" + interval, command.explain);
}

void add_localize(CLI::App& app, Context& context) {
  auto command = std::make_shared<LocalizeCommand>();
  auto* localize_app = add_command(
      app, "localize", "Name the link, cable or device that explains the losses",
      "  faultline localize\n"
      "  faultline localize --at 14:05 --since 10m --explain\n"
      "  faultline localize --bundle capture.jsonl.zst -o json    (needs no controller)\n");
  localize_app->add_option("--at", command->offline.at,
                           "End of the horizon: 14:05 (UTC), -30m, 2026-11-22T03:00:00Z");
  localize_app->add_option(
      "--since,--horizon", command->offline.horizon,
      "Its length: 90s, 10m, 2h; default: a minute, which weak faults need more "
      "than; with --bundle: all of it");
  localize_app->add_flag("--explain", command->explain, "Evidence for and against each suspect");
  auto* file = localize_app->add_option("--bundle", command->offline.file,
                                        "Judge this bundle (plain, .gz, .xz, .zst; '-' for stdin)");
  localize_app
      ->add_option("--max-suspects", command->offline.suspects_max, "With --bundle; default: 64")
      ->needs(file)
      ->check(CLI::Range(1, 1'000'000));
  localize_app->callback([&context, command] {
    context.command = [&context, command] { return localize(context, *command); };
  });
}

Outcome<ExitCode> list_incidents(Context& context, const std::string& state,
                                 const std::string& since) {
  if (since.empty()) {
    return context.query("/api/v1/incidents?state=" + (state.empty() ? "open" : state));
  }
  FAULTLINE_CLI_TRY(const auto length, parse_duration_argument(since));
  return context.query("/api/v1/incidents?state=" + (state.empty() ? "all" : state) +
                       "&since=" + format_duration(length));
}

void add_incident(CLI::App& app, Context& context) {
  auto* incident = add_command(app, "incident", "Faults from their opening to their resolve",
                               "  faultline incident list\n"
                               "  faultline incident list --since 30d\n"
                               "  faultline incident show i-42\n"
                               "  faultline incident ack i-42\n"
                               "  faultline incident note i-42 'port is shut'\n");
  incident->require_subcommand(1);
  auto state = std::make_shared<std::string>();
  auto* list = add_command(*incident, "list", "Open incidents, newest first",
                           "  faultline incident list\n"
                           "  faultline incident list --since 30d\n");
  auto since = std::make_shared<std::string>();
  list->add_option("--since", *since, "Only those that were open within so long: 2h, 30d");
  list->add_option(
          "--state", *state,
          "open, resolved, all, or pending: seen, not confirmed; default: open, with --since all")
      ->check(CLI::IsMember({"open", "resolved", "all", "pending"}));
  list->callback([&context, state, since] {
    context.command = [&context, state, since] { return list_incidents(context, *state, *since); };
  });
  auto id = std::make_shared<std::string>();
  auto* show = add_command(*incident, "show", "One incident with its evidence and its events",
                           "  faultline incident show i-42\n");
  show->add_option("ID", *id, "As 'incident list' shows it")->required();
  show->callback([&context, id] {
    context.command = [&context, id] { return context.query_one("/api/v1/incidents/", "ID", *id); };
  });
  add_incident_actions(*incident, context);
}

struct BundleCommand {
  std::string since;
  std::string file;
};

Outcome<ExitCode> create_bundle(Context& context, const BundleCommand& command) {
  FAULTLINE_CLI_TRY(const auto interval, interval_query("", command.since));
  return save_answer(context, "/api/v1/bundle" + interval, command.file,
                     "faultline.bundle_created/1");
}

void add_bundle(CLI::App& app, Context& context) {
  auto* bundle = add_command(app, "bundle", "Observations as text, for offline localization",
                             "  faultline bundle create --since 10m | zstd > capture.jsonl.zst\n"
                             "  faultline bundle create --since 2h --file capture.jsonl\n");
  bundle->require_subcommand(1);
  auto command = std::make_shared<BundleCommand>();
  auto* create = add_command(*bundle, "create", "Write a bundle to stdout or to a file",
                             "  faultline bundle create --since 10m | zstd > capture.jsonl.zst\n"
                             "  faultline bundle create --since 2h --file capture.jsonl\n");
  create->add_option("--since", command->since, "How far back: 10m, 2h")->required();
  create->add_option("--file", command->file, "Write here; it appears only when it is complete");
  create->callback([&context, command] {
    context.command = [&context, command] { return create_bundle(context, *command); };
  });
}

}  // namespace

void add_fault_commands(CLI::App& app, Context& context) {
  add_status(app, context);
  add_localize(app, context);
  add_incident(app, context);
  add_bundle(app, context);
}

}  // namespace faultline::cli
