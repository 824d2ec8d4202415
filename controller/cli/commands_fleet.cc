// node, version.
#include <fmt/format.h>

#include "common/model/ids.h"
#include "controller/cli/commands.h"
#include "controller/cli/document.h"
#include "controller/cli/label_argument.h"
#include "controller/cli/name_argument.h"
#include "controller/cli/time_argument.h"

namespace faultline::cli {
namespace {

constexpr Duration kLifetimeMax = std::chrono::days{30};  // as the API has it

struct TokenOptions {
  std::optional<std::string> name;
  std::optional<std::string> lifetime;
  std::vector<std::string> labels;
};

struct AddOptions {
  std::string name;
  std::string key;
  std::vector<std::string> labels;
};

Outcome<ExitCode> create_token(Context& context, const TokenOptions& options) {
  Json body = Json::object();
  if (options.name) {
    FAULTLINE_CLI_TRY(const auto name, name_segment("--node", *options.name));
    body["node"] = name;
  }
  FAULTLINE_CLI_TRY(auto labels, parse_labels(options.labels));
  if (!labels.empty()) body["labels"] = std::move(labels);
  if (options.lifetime) {
    FAULTLINE_CLI_TRY(body["lifetime_s"],
                      parse_seconds_option("--lifetime", *options.lifetime, kLifetimeMax));
  }
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.post("/api/v1/tokens", body.dump()));
  FAULTLINE_CLI_TRY(const auto exit_code, context.show(answer));
  if (!context.options.json()) {
    const auto document = Json::parse(answer, nullptr, false);
    const auto node = text(document, "node");
    fmt::print(
        stderr,
        "Give it to one probe, for {}; it works once and until {}, and is not shown again.\n",
        node == "-" ? "any name" : "the node " + node, text(document, "expires"));
  }
  return exit_code;
}

Outcome<ExitCode> add_node(Context& context, const AddOptions& options) {
  FAULTLINE_CLI_TRY(const auto name, name_segment("NAME", options.name));
  if (!parse_public_key(options.key)) {
    return usage("--key: it must be 64 hex digits, as 'faultline-probe --print-key' prints them");
  }
  FAULTLINE_CLI_TRY(auto labels, parse_labels(options.labels));
  const Json body{{"name", name}, {"key", options.key}, {"labels", std::move(labels)}};
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.post("/api/v1/nodes", body.dump()));
  return context.show(answer);
}

Outcome<ExitCode> rekey_node(Context& context, const std::string& name) {
  FAULTLINE_CLI_TRY(const auto segment, name_segment("NODE", name));
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.post("/api/v1/nodes/" + segment + "/rekey", ""));
  return context.show(answer);
}

Outcome<ExitCode> remove(Context& context, const std::string& collection, const char* what,
                         const std::string& name) {
  FAULTLINE_CLI_TRY(const auto segment, name_segment(what, name));
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.remove(collection + segment));
  return context.show(answer);
}

// Works without a controller: the program's own version is what is asked for most.
Outcome<ExitCode> version(Context& context) {
  FAULTLINE_CLI_TRY(const auto api, context.client());
  const auto answer = api.get("/api/v1/version");
  const auto controller = Json::parse(answer.value_or(""), nullptr, false);
  const auto known = controller.is_object();
  const Json document{
      {"schema", "faultline.version/1"},
      {"version", FAULTLINE_VERSION},
      {"controller_version", known ? member(controller, "controller_version") : Json()},
      {"api_version", known ? member(controller, "api_version") : Json()}};
  if (!answer) fmt::print(stderr, "faultline: {}\n", answer.error().message);
  return context.show(document.dump());
}

void add_token_commands(CLI::App& node, Context& context) {
  auto* token = add_command(node, "token", "One-use tokens with which probes join",
                            "  faultline node token create --node h7\n"
                            "  faultline node token list\n"
                            "  faultline node token remove 1f0c5a9b22e4\n");
  token->require_subcommand(1);
  auto options = std::make_shared<TokenOptions>();
  auto* create = add_command(*token, "create", "Make a token; it is printed once, on stdout",
                             "  faultline node token create\n"
                             "  faultline node token create --node h7 --lifetime 2h\n"
                             "  faultline node token create --label rack=r17 --label zone=east\n");
  create->add_option("--node", options->name,
                     "The name that its probe gets; default: any that the probe asks for");
  create->add_option("--lifetime", options->lifetime,
                     "How long it may be used, such as 2h; at most 30d, default: 24h");
  create->add_option("--label", options->labels,
                     "KEY=VALUE, pinned on the node: it wins over the probe's own; repeatable");
  create->callback([&context, options] {
    context.command = [&context, options] { return create_token(context, *options); };
  });
  auto* list = add_command(*token, "list", "Show unused tokens, without their secrets",
                           "  faultline node token list\n");
  list->callback(
      [&context] { context.command = [&context] { return context.query("/api/v1/tokens"); }; });
  auto id = std::make_shared<std::string>();
  auto* revoke = add_command(*token, "remove", "Revoke an unused token",
                             "  faultline node token remove 1f0c5a9b22e4\n");
  revoke->add_option("ID", *id, "As 'node token list' shows it")->required();
  revoke->callback([&context, id] {
    context.command = [&context, id] { return remove(context, "/api/v1/tokens/", "ID", *id); };
  });
}

void add_node_commands(CLI::App& app, Context& context) {
  auto* node = add_command(app, "node", "The machines that run a probe",
                           "  faultline node list\n"
                           "  faultline node show h7\n"
                           "  faultline node token create --node h7\n"
                           "  faultline node remove h7\n");
  node->require_subcommand(1);
  auto* list = add_command(*node, "list", "All nodes, with state, address and plan",
                           "  faultline node list\n"
                           "  faultline node list -o json | jq -r '.nodes[].name'\n");
  list->callback(
      [&context] { context.command = [&context] { return context.query("/api/v1/nodes"); }; });
  auto name = std::make_shared<std::string>();
  auto* show =
      add_command(*node, "show", "Everything known about one node", "  faultline node show h7\n");
  show->add_option("NODE", *name, "Its name")->required();
  show->callback([&context, name] {
    context.command = [&context, name] {
      return context.query_one("/api/v1/nodes/", "NODE", *name);
    };
  });
  auto add = std::make_shared<AddOptions>();
  auto* added = add_command(
      *node, "add", "Trust a node by its key; its probe then needs no token",
      "  faultline-probe --print-key                # on h7\n"
      "  faultline node add h7 --key 64_HEX_DIGITS --label rack=r17\n"
      "  faultline controller key                   # for h7's probe.yaml: controllers\n");
  added->add_option("NAME", add->name, "Its name")->required();
  added->add_option("--key", add->key, "Its public key, 64 hex digits")->required();
  added->add_option("--label", add->labels, "KEY=VALUE, pinned on the node; repeatable");
  added->callback(
      [&context, add] { context.command = [&context, add] { return add_node(context, *add); }; });
  auto* change = add_command(*node, "rekey", "Have a node change its key, without a gap",
                             "  faultline node rekey h7\n");
  change->add_option("NODE", *name, "Its name")->required();
  change->callback([&context, name] {
    context.command = [&context, name] { return rekey_node(context, *name); };
  });
  auto* gone = add_command(*node, "remove", "Remove a node: its key is refused from then on",
                           "  faultline node remove h7\n");
  gone->add_option("NODE", *name, "Its name")->required();
  gone->callback([&context, name] {
    context.command = [&context, name] { return remove(context, "/api/v1/nodes/", "NODE", *name); };
  });
  add_token_commands(*node, context);
}

}  // namespace

void add_fleet_commands(CLI::App& app, Context& context) {
  add_node_commands(app, context);
  auto* show_version = add_command(app, "version", "Version of this program and of the controller",
                                   "  faultline version\n");
  show_version->callback([&context] { context.command = [&context] { return version(context); }; });
}

}  // namespace faultline::cli
