// access, audit.
#include <fmt/format.h>

#include "controller/cli/commands.h"
#include "controller/cli/document.h"
#include "controller/cli/name_argument.h"
#include "controller/cli/time_argument.h"

namespace faultline::cli {
namespace {

constexpr Duration kLifetimeMax = std::chrono::hours{24 * 366};  // as the API has it
constexpr Duration kSinceMax = std::chrono::hours{24 * 3660};

struct CreateOptions {
  std::string name;
  std::string role;
  std::optional<std::string> lifetime;
};

Outcome<ExitCode> create_token(Context& context, const CreateOptions& options) {
  FAULTLINE_CLI_TRY(const auto name, name_segment("NAME", options.name));
  Json body{{"name", name}, {"role", options.role}};
  if (options.lifetime) {
    FAULTLINE_CLI_TRY(body["lifetime_s"],
                      parse_seconds_option("--lifetime", *options.lifetime, kLifetimeMax));
  }
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.post("/api/v1/access/tokens", body.dump()));
  FAULTLINE_CLI_TRY(const auto exit_code, context.show(answer));
  if (!context.options.json()) {
    const auto document = Json::parse(answer, nullptr, false);
    fmt::print(stderr,
               "Keep it in a file of mode 600 and name that with --token-file; it is valid until "
               "{}, and not shown again.\n",
               text(document, "expires"));
  }
  return exit_code;
}

Outcome<ExitCode> revoke_token(Context& context, const std::string& name) {
  FAULTLINE_CLI_TRY(const auto segment, name_segment("NAME", name));
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.remove("/api/v1/access/tokens/" + segment));
  return context.show(answer);
}

Outcome<ExitCode> list_audit(Context& context, const std::string& since) {
  FAULTLINE_CLI_TRY(const auto length, parse_length_option("--since", since, kSinceMax));
  return context.query("/api/v1/audit?since=" + format_duration(length));
}

void add_token_commands(CLI::App& access, Context& context) {
  auto* token = add_command(access, "token", "Tokens with which people and programs use the API",
                            "  faultline access token create grafana --role viewer\n"
                            "  faultline access token list\n"
                            "  faultline access token revoke grafana\n");
  token->require_subcommand(1);
  auto options = std::make_shared<CreateOptions>();
  auto* create = add_command(
      *token, "create", "Make a token; it is printed once, on stdout",
      "  faultline access token create grafana --role viewer\n"
      "  (umask 077; faultline access token create ops --role operator --lifetime 30d >ops.token)\n"
      "  faultline --api https://ctl:7443 --token-file ops.token status\n");
  create->add_option("NAME", options->name, "For people: who or what uses it")->required();
  create
      ->add_option("--role", options->role,
                   "viewer: reads; operator: also join tokens; admin: everything")
      ->required()
      ->check(CLI::IsMember({"viewer", "operator", "admin"}));
  create->add_option("--lifetime", options->lifetime,
                     "How long it is valid, such as 30d; at most 366d, default: 90d");
  create->callback([&context, options] {
    context.command = [&context, options] { return create_token(context, *options); };
  });
  auto* list = add_command(*token, "list", "Show the tokens, without their secrets",
                           "  faultline access token list\n");
  list->callback([&context] {
    context.command = [&context] { return context.query("/api/v1/access/tokens"); };
  });
  auto name = std::make_shared<std::string>();
  auto* revoke = add_command(*token, "revoke", "Revoke a token: it is refused from then on",
                             "  faultline access token revoke grafana\n");
  revoke->add_option("NAME", *name, "As 'access token list' shows it")->required();
  revoke->callback([&context, name] {
    context.command = [&context, name] { return revoke_token(context, *name); };
  });
}

}  // namespace

void add_access_commands(CLI::App& app, Context& context) {
  auto* access = add_command(app, "access", "Who may use the API",
                             "  faultline access token create grafana --role viewer\n");
  access->require_subcommand(1);
  add_token_commands(*access, context);
  auto* audit =
      add_command(app, "audit", "Who changed what", "  faultline audit list --since 24h\n");
  audit->require_subcommand(1);
  auto since = std::make_shared<std::string>("30d");
  auto* list = add_command(
      *audit, "list", "Changes and denied attempts, the newest last",
      "  faultline audit list --since 30d\n"
      "  faultline audit list -o json | jq '.records[] | select(.outcome==\"denied\")'\n");
  list->add_option("--since", *since, "How far back, such as 24h or 30d; default: 30d");
  list->callback([&context, since] {
    context.command = [&context, since] { return list_audit(context, *since); };
  });
}

}  // namespace faultline::cli
