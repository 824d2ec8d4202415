// explain.
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/cli/commands.h"
#include "controller/cli/explain_document.h"

namespace faultline::cli {
namespace {

// What to type next, where the answer is a list.
std::string next_step(const Json& document) {
  const auto& codes = member(document, "codes");
  if (codes.size() == 1) return {};
  if (codes.empty())
    return "All of a family: faultline explain errno. One code: faultline explain 111";
  const auto name =
      text(codes[0], "number") == "-" ? text(codes[0], "name") : text(codes[0], "number");
  return fmt::format("One of them: faultline explain {} {}", text(codes[0], "family"), name);
}

Outcome<ExitCode> explain(Context& context, const std::vector<std::string>& words) {
  FAULTLINE_CLI_TRY(const auto document,
                    explain_document(fmt::format("{}", fmt::join(words, " "))));
  FAULTLINE_CLI_TRY(const auto exit_code,
                    context.show(document.dump(-1, ' ', false, Json::error_handler_t::replace)));
  const auto next = next_step(document);
  if (!context.options.json() && !next.empty()) fmt::print(stderr, "{}\n", next);
  return exit_code;
}

}  // namespace

void add_explain_command(CLI::App& app, Context& context) {
  auto words = std::make_shared<std::vector<std::string>>();
  auto* command = add_command(
      app, "explain", "What an error code means, and what to check first",
      "  faultline explain ECONNREFUSED\n"
      "  faultline explain 10060\n"
      "  faultline explain 11                    (every code with that number)\n"
      "  faultline explain errno 11\n"
      "  faultline explain icmp 3/4\n"
      "  faultline explain ENI_SG_RULES_MISMATCH\n"
      "  faultline explain refused               (a word of the name or summary)\n"
      "  faultline explain 'ssh: connect to host h9 port 22: No route to host'\n"
      "  faultline explain aws                   (all of a family)\n"
      "  faultline explain                       (the families)\n"
      "Needs no controller. A code that is not known is exit code 3, with the nearest names.\n");
  command->add_option("CODE", *words, "A number, a name, a family and a number, or words");
  command->callback([&context, words] {
    context.command = [&context, words] { return explain(context, *words); };
  });
}

}  // namespace faultline::cli
