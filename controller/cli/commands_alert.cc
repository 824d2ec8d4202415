// alert
#include <fmt/format.h>

#include "controller/cli/commands.h"
#include "controller/cli/document.h"
#include "controller/cli/name_argument.h"

namespace faultline::cli {
namespace {

struct TestCommand {
  std::string receiver;
  bool resolve = false;
};

Outcome<ExitCode> test_receiver(Context& context, const TestCommand& command) {
  FAULTLINE_CLI_TRY(const auto name, name_segment("RECEIVER", command.receiver));
  FAULTLINE_CLI_TRY(const auto api, context.client());
  const Json body{{"resolve", command.resolve}};
  FAULTLINE_CLI_TRY(const auto answer,
                    api.post("/api/v1/receivers/" + name + "/test", body.dump()));
  return context.show(answer);
}

}  // namespace

void add_alert_commands(CLI::App& app, Context& context) {
  auto* alert = add_command(app, "alert", "Who is told of faults, and what is on its way",
                            "  faultline alert list\n"
                            "  faultline alert test pager\n");
  alert->require_subcommand(1);
  auto* list = add_command(*alert, "list", "Receivers, alerts that wait for them, and dead letters",
                           "  faultline alert list\n"
                           "  faultline alert list -o json | jq '.dead[].last_error'\n");
  list->callback(
      [&context] { context.command = [&context] { return context.query("/api/v1/alerts"); }; });
  auto command = std::make_shared<TestCommand>();
  auto* test = add_command(*alert, "test", "Send a test alert and show what the receiver answers",
                           "  faultline alert test pager\n"
                           "  faultline alert test pager --resolve\n");
  test->add_option("RECEIVER", command->receiver, "As 'alert list' shows it")->required();
  test->add_flag("--resolve", command->resolve, "End the test alert that was sent before");
  test->callback([&context, command] {
    context.command = [&context, command] { return test_receiver(context, *command); };
  });
}

}  // namespace faultline::cli
