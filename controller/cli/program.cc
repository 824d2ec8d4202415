#include "controller/cli/program.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "controller/cli/commands.h"
#include "controller/cli/document.h"

namespace faultline::cli {
namespace {

constexpr const char* kFooter = R"(
Times are typed as 14:05 (UTC), -30m or 2026-11-22T03:00:00Z, lengths as 90s, 10m or 2h. Output is in UTC.
stdout carries data only; sentences go to stderr. With -o json an error is a JSON document, too.

Exit codes (status, localize and 'incident list' judge; the others end with 0 when they are done):
  0  healthy, or done        3  bad arguments or bad input
  1  a fault was found       4  the controller cannot be reached or cannot answer
  2  inconclusive            5  denied
Inconclusive: nothing was measured (matrix, too), or too little, or more than 3 flows lose packets that no
component explains.

Is it the network?
  faultline status                   one line, then what is being measured
  faultline localize --explain       the suspect, with evidence for and against it
  faultline path h1 h9               where the flows between two nodes go
  faultline history h1 h9 --since 1h
Take it away and judge it elsewhere:
  faultline bundle create --since 10m | zstd > capture.jsonl.zst
  faultline localize --bundle capture.jsonl.zst
What does that error mean, and what to check first?
  faultline explain ECONNREFUSED
)";

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
  command->footer((examples.empty() ? "" : "\nExamples:\n" + examples) +
                  "\nGlobal options (--api, -o, --timeout) and exit codes: faultline --help\n");
  return command;
}

int run(int argc, const char* const* argv) {
  Context context;
  CLI::App app("Faultline names the link or device that loses packets.", "faultline");
  app.require_subcommand(1);
  app.footer(kFooter);
  add_global_options(app, context.options);
  add_fault_commands(app, context);
  add_measurement_commands(app, context);
  add_fleet_commands(app, context);
  add_trust_commands(app, context);
  add_access_commands(app, context);
  add_explain_command(app, context);
  try {
    app.parse(typed(argc, argv));
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
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
