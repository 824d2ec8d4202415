#include "controller/cli/program.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "common/manual/help.h"
#include "controller/cli/capture.h"
#include "controller/cli/commands.h"
#include "controller/cli/commands_test.h"
#include "controller/cli/completion.h"
#include "controller/cli/completion_scripts.h"
#include "controller/cli/document.h"
#include "controller/cli/manual.h"

namespace faultline::cli {
namespace {

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("--api", options.api,
                 "Where the controller listens: unix:PATH or https://HOST:PORT; default: "
                 "unix:/run/faultline/controller.sock")
      ->envname("FAULTLINE_API");
  app.add_option("--token-file", options.token_file,
                 "The API token for https, in a file that only you can read (or the token itself "
                 "in FAULTLINE_API_TOKEN)")
      ->envname("FAULTLINE_TOKEN_FILE");
  app.add_option("--ca", options.ca_file,
                 "PEM file of the authority that signed the controller's certificate; default: the "
                 "system's")
      ->envname("FAULTLINE_CA");
  app.add_option("-o,--output", options.output, "table or json; default: table")
      ->check(CLI::IsMember({"table", "json"}))
      ->envname("FAULTLINE_OUTPUT");
  app.add_option("--timeout", options.timeout, "How long to wait for the controller; default: 30s")
      ->envname("FAULTLINE_TIMEOUT");
}

void add_completion_option(CLI::App& app) {
  const std::map<std::string, const char* (*)()> scripts{
      {"bash", bash_completion}, {"zsh", zsh_completion}, {"fish", fish_completion}};
  app.add_option_function<std::string>(
         "--print-completion",
         [scripts](const std::string& shell) { throw CLI::CallForVersion(scripts.at(shell)(), 0); },
         "Print the completion script of a shell: bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

void define(CLI::App& app, Context& context) {
  app.require_subcommand(1);
  add_global_options(app, context.options);
  add_completion_option(app);
  add_fault_commands(app, context);
  add_topology_commands(app, context);
  add_maintenance_commands(app, context);
  add_abnormal_commands(app, context);
  add_alert_commands(app, context);
  add_measurement_commands(app, context);
  add_export_command(app, context);
  add_plan_commands(app, context);
  add_fleet_commands(app, context);
  add_trust_commands(app, context);
  add_access_commands(app, context);
  add_vpc_commands(app, context);
  add_facts_commands(app, context);
  add_diagnose_command(app, context);
  add_capture_command(app, context);
  add_test_commands(app, context);
  add_explain_command(app, context);
  add_complete_command(app, context);
  manual::describe(app, cli_manual());
}

// `faultline complete words -- WORD...`: not parsed as options, they are another command line's.
bool asks_for_completion(int argc, const char* const* argv) {
  return argc >= 4 && std::string_view{argv[1]} == "complete" &&
         std::string_view{argv[2]} == "words" && std::string_view{argv[3]} == "--";
}

int complete_words(CLI::App& app, Context& context, std::vector<std::string> arguments) {
  arguments.erase(arguments.begin(), arguments.begin() + 4);
  const auto completion = complete(app, arguments);
  print_candidates(completion.candidates, "");
  if (completion.lookup == Lookup::kFiles) fmt::print(":files\n");
  if (completion.lookup == Lookup::kNothing || completion.lookup == Lookup::kFiles) return 0;
  // Any command will do: what counts are the global options and their environment variables.
  std::vector<std::string> line{"complete", "nodes"};
  line.insert(line.end(), completion.global_options.begin(), completion.global_options.end());
  std::ranges::reverse(line);
  try {
    app.parse(line);
  } catch (const CLI::ParseError&) {
    return 0;  // nobody reads why
  }
  print_candidates(look_up(context, completion.lookup), completion.prefix);
  return 0;
}

int report(const Failure& failure, bool json) {
  const auto message = one_line(failure.message);
  fmt::print(stderr, "faultline: {}\n", message);
  if (json) {
    const Json document{{"schema", "faultline.error/1"},
                        {"error", {{"code", failure.code}, {"message", message}}}};
    (void)print(document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  return static_cast<int>(failure.exit_code);
}

// Where the options could not be parsed: what is typed goes before the environment.
bool asks_for_json(int argc, const char* const* argv) {
  constexpr const char* kEnvironment = "FAULTLINE_OUTPUT";
  const char* set = std::getenv(kEnvironment);
  bool json = set != nullptr && std::string_view{set} == "json";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("-o") || argument.starts_with("--output=")) {
      json = argument.ends_with("json");
    }
    const bool named = argument == "-o" || argument == "--output";
    if (named && i + 1 < argc) json = std::string_view{argv[i + 1]} == "json";
  }
  return json;
}

// Last first, as the parser takes them. "help node" is "node --help".
std::vector<std::string> typed(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (!arguments.empty() && arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  std::ranges::reverse(arguments);
  return arguments;
}

// What libraries throw, out of memory above all, ends here.
Outcome<ExitCode> carry_out(const Context& context) {
  try {
    return context.command();
  } catch (const std::exception& error) {
    return tl::unexpected(
        Failure{ExitCode::kUnreachable, "internal",
                fmt::format("this went wrong inside the program: {}", error.what())});
  }
}

}  // namespace

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples) {
  auto* command = parent.add_subcommand(name, description);
  command->fallthrough();
  command->footer((examples.empty() ? "" : "\nExamples:\n" + examples) + kCommonFooter);
  return command;
}

int run(int argc, const char* const* argv) {
  Context context;
  CLI::App app("", "faultline");
  define(app, context);
  if (asks_for_completion(argc, argv)) return complete_words(app, context, {argv, argv + argc});
  try {
    app.parse(typed(argc, argv));
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& text) {  // the manual or a completion script
    return app.exit(text);
  } catch (const CLI::ParseError& error) {
    const auto unknown = app.remaining(true);
    const auto what = unknown.empty() ? std::string{error.what()}
                                      : fmt::format("'{}' is not understood", unknown.front());
    return report(Failure{ExitCode::kUsage, "invalid", what + "; see faultline --help"},
                  asks_for_json(argc, argv));
  }
  const auto outcome = carry_out(context);
  context.end_progress();
  return outcome ? static_cast<int>(*outcome) : report(outcome.error(), context.options.json());
}

}  // namespace faultline::cli
