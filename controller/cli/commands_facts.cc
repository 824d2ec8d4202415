// facts, check.
#include "controller/cli/check_offline.h"
#include "controller/cli/client.h"
#include "controller/cli/clock.h"
#include "controller/cli/commands.h"
#include "controller/cli/name_argument.h"
#include "controller/cli/time_argument.h"

namespace faultline::cli {
namespace {

struct FactsOptions {
  std::string node;
  std::string at;
  std::string since = "1h";
};

Outcome<ExitCode> show(Context& context, const FactsOptions& options) {
  FAULTLINE_CLI_TRY(const auto node, name_segment("NODE", options.node));
  FAULTLINE_CLI_TRY(const auto at, interval_query(options.at, {}));
  return context.query("/api/v1/nodes/" + node + "/facts" + at);
}

void add_show(CLI::App& facts, Context& context, const std::shared_ptr<FactsOptions>& options) {
  auto* command = add_command(
      facts, "show", "What a node's own network is configured like",
      "  faultline facts show h1\n"
      "  faultline facts show h1 --at 03:00\n"
      "  faultline facts show h1 -o json > h1.json      (a snapshot file)\n"
      "  diff <(faultline facts show h1 -o json | jq .sysctls) <(faultline facts show h2 -o json | "
      "jq .sysctls)\n"
      "What the probe could not read is named with the reason. Kept are the last 64 states.\n");
  command->add_option("NODE", options->node, "The node")->required();
  command->add_option("--at", options->at, "As of this time, as for `faultline localize`");
  command->callback([&context, options] {
    context.command = [&context, options] { return show(context, *options); };
  });
}

Outcome<ExitCode> diff(Context& context, const FactsOptions& options) {
  FAULTLINE_CLI_TRY(const auto node, name_segment("NODE", options.node));
  FAULTLINE_CLI_TRY(const auto since, parse_time_argument(options.since, now_wall()));
  return context.query("/api/v1/nodes/" + node +
                       "/facts/changes?since=" + url_encode(format_rfc3339(since)));
}

void add_diff(CLI::App& facts, Context& context, const std::shared_ptr<FactsOptions>& options) {
  auto* command = add_command(facts, "diff", "What changed on a node, and when",
                              "  faultline facts diff h1 --since 2h\n"
                              "  faultline facts diff h1 --since 03:00\n"
                              "  faultline facts diff h1 --since 1d -o json | jq -r "
                              "'.steps[].changes[].what'\n"
                              "Counters and what comes and goes by itself are left out.\n");
  command->add_option("NODE", options->node, "The node")->required();
  command
      ->add_option("--since", options->since,
                   "Since this long ago (2h, 1d) or this time (03:00, RFC 3339)")
      ->capture_default_str();
  command->callback([&context, options] {
    context.command = [&context, options] { return diff(context, *options); };
  });
}

Outcome<ExitCode> check(Context& context, const std::string& folder) {
  if (folder.empty()) return context.query("/api/v1/check");
  FAULTLINE_CLI_TRY(const auto document, check_offline(folder));
  return context.show(document);
}

void add_check(CLI::App& app, Context& context) {
  const auto folder = std::make_shared<std::string>();
  auto* command = add_command(
      app, "check", "What is wrong between the nodes' own network configurations",
      "  faultline check\n"
      "  faultline check -o json | jq -r '.findings[].command'\n"
      "  faultline check --facts snapshots/              (needs no controller)\n"
      "Addresses and MACs used twice, masks, MTUs, VLANs and VXLANs that do not fit, gateways, "
      "ways\n"
      "back, filters, NICs, processors and clocks; each with evidence and the command to run.\n"
      "A snapshot is what `faultline-probe facts` prints, saved as NODE.json; NODE@2.json is "
      "another\n"
      "one of that node, for what matters when it grows. Exit code 1: something is to be done.\n");
  command->add_option("--facts", *folder, "Check the snapshots (*.json) of this folder")
      ->type_name("FOLDER");
  command->callback([&context, folder] {
    context.command = [&context, folder] { return check(context, *folder); };
  });
}

}  // namespace

void add_facts_commands(CLI::App& app, Context& context) {
  auto* facts =
      add_command(app, "facts", "A node's own network configuration, as its probe read it",
                  "  faultline facts show h1\n");
  facts->require_subcommand(1);
  add_show(*facts, context, std::make_shared<FactsOptions>());
  add_diff(*facts, context, std::make_shared<FactsOptions>());
  add_check(app, context);
}

}  // namespace faultline::cli
