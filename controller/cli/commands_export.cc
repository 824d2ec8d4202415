// export: results as rows of text, for other tools.
#include <memory>

#include "controller/cli/commands.h"
#include "controller/cli/name_argument.h"
#include "controller/cli/saved_answer.h"

namespace faultline::cli {
namespace {

struct ExportCommand {
  std::string src;
  std::string dst;
  std::string rows = "windows";
  std::string format = "csv";
  std::string at;
  std::string since = "10m";
  std::string file;
};

Outcome<ExitCode> export_results(Context& context, const ExportCommand& command) {
  FAULTLINE_CLI_TRY(auto query, interval_query(command.at, command.since));
  query += "&rows=" + command.rows + "&format=" + command.format;
  if (!command.src.empty()) {
    FAULTLINE_CLI_TRY(const auto src, name_segment("SRC", command.src));
    query += "&src=" + src;
  }
  if (!command.dst.empty()) {
    FAULTLINE_CLI_TRY(const auto dst, name_segment("DST", command.dst));
    query += "&dst=" + dst;
  }
  return save_answer(context, "/api/v1/export" + query, command.file, "faultline.exported/1");
}

}  // namespace

void add_export_command(CLI::App& app, Context& context) {
  auto command = std::make_shared<ExportCommand>();
  auto* sub = add_command(app, "export", "Results as CSV or JSON Lines, for other tools",
                          "  faultline export --since 1h > all.csv\n"
                          "  faultline export h1 h9 --since 24h --format jsonl --file h1-h9.jsonl\n"
                          "  faultline export --rows hours --since 30d --file month.csv\n");
  sub->add_option("SRC", command->src, "Only what this node measured; default: all nodes");
  sub->add_option("DST", command->dst, "And only to this one; default: to all");
  sub->add_option("--rows", command->rows,
                  "windows (of each flow, as measured), minutes or hours (sums of each pair); "
                  "default: windows")
      ->check(CLI::IsMember({"windows", "minutes", "hours"}));
  sub->add_option("--format", command->format, "csv or jsonl; default: csv")
      ->check(CLI::IsMember({"csv", "jsonl"}));
  sub->add_option("--at", command->at,
                  "End of the interval: 14:05 (UTC), -30m, 2026-11-22T03:00:00Z; default: now");
  sub->add_option("--since", command->since, "Its length: 10m, 24h, 30d; default: 10m");
  sub->add_option("--file", command->file, "Write here; it appears only when it is complete");
  sub->callback([&context, command] {
    context.command = [&context, command] { return export_results(context, *command); };
  });
}

}  // namespace faultline::cli
