// anomalies, changes
#include "controller/cli/commands.h"

namespace faultline::cli {

void add_abnormal_commands(CLI::App& app, Context& context) {
  auto* anomalies = add_command(
      app, "anomalies", "What is abnormal between two nodes, against their own past",
      "  faultline anomalies\n"
      "  faultline anomalies -o json | jq '.anomalies[] | select(.explained_by==null)'\n");
  anomalies->callback(
      [&context] { context.command = [&context] { return context.query("/api/v1/anomalies"); }; });
  auto since = std::make_shared<std::string>("1h");
  auto* changes = add_command(app, "changes", "What changed lately: paths, members, plans, clocks",
                              "  faultline changes\n"
                              "  faultline changes --since 10m\n");
  changes->add_option("--since", *since, "How far back: 90s, 10m, 2h; default: 1h");
  changes->callback([&context, since] {
    context.command = [&context, since]() -> Outcome<ExitCode> {
      FAULTLINE_CLI_TRY(const auto interval, interval_query("", *since));
      return context.query("/api/v1/changes" + interval);
    };
  });
}

}  // namespace faultline::cli
