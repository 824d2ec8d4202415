// trust, controller
#include <cstdio>

#include <fmt/format.h>

#include "controller/cli/commands.h"
#include "controller/cli/document.h"

namespace faultline::cli {
namespace {

// One key per line, so that it can be put into a probe's configuration.
Outcome<ExitCode> show_key(Context& context) {
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.get("/api/v1/trust"));
  if (context.options.json()) return context.show(answer);
  const auto document = Json::parse(answer, nullptr, false);
  std::string lines;
  for (const auto& key : member(member(document, "controller"), "keys")) {
    lines += text(key, "key") + "\n";
    if (text(key, "state") == "next") {
      fmt::print(stderr, "The last one is the next key: probes should have both for now.\n");
    }
  }
  if (auto printed = print(lines); !printed) return tl::unexpected(printed.error());
  return ExitCode::kHealthy;
}

Outcome<ExitCode> rekey(Context& context, bool force) {
  FAULTLINE_CLI_TRY(const auto api, context.client());
  const Json body{{"force", force}};
  FAULTLINE_CLI_TRY(const auto answer, api.post("/api/v1/controller/rekey", body.dump()));
  return context.show(answer);
}

}  // namespace

void add_trust_commands(CLI::App& app, Context& context) {
  auto* trust = add_command(app, "trust", "Whose keys are trusted", "  faultline trust list\n");
  trust->require_subcommand(1);
  auto* list = add_command(*trust, "list", "The controller's keys, nodes, and unused tokens",
                           "  faultline trust list\n"
                           "  faultline trust list -o json | jq '.controller.missing'\n");
  list->callback(
      [&context] { context.command = [&context] { return context.query("/api/v1/trust"); }; });

  auto* controller = add_command(app, "controller", "The controller's own key",
                                 "  faultline controller key\n"
                                 "  faultline controller rekey\n");
  controller->require_subcommand(1);
  auto* key = add_command(*controller, "key", "Print its public key, for probe.yaml",
                          "  faultline controller key\n");
  key->callback([&context] { context.command = [&context] { return show_key(context); }; });
  auto force = std::make_shared<bool>(false);
  auto* change = add_command(
      *controller, "rekey", "Change its key, as soon as every node knows the new one",
      "  faultline controller rekey\n"
      "  faultline trust list                # who does not know it yet\n"
      "  faultline controller rekey --force  # they need a new token that names no node\n"
      "Join tokens that nobody has used yet are void once the key has changed.\n");
  change->add_flag("--force", *force, "Do not wait any longer for nodes that do not answer");
  change->callback([&context, force] {
    context.command = [&context, force] { return rekey(context, *force); };
  });
}

}  // namespace faultline::cli
