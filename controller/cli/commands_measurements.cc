// matrix, path, history, slo.
#include "controller/cli/clock.h"
#include "controller/cli/commands_test.h"
#include "controller/cli/name_argument.h"
#include "controller/cli/time_argument.h"

namespace faultline::cli {
namespace {

struct MeasurementOptions {
  std::string src;
  std::string dst;
  std::string by = "rack";
  std::string at;
  std::string since;
  std::string step;
  std::uint16_t flows = 0;
};

void add_interval(CLI::App& command, const std::shared_ptr<MeasurementOptions>& options,
                  const std::string& default_since) {
  command.add_option("--at", options->at,
                     "End of the interval: 14:05 (UTC), -30m, 2026-11-22T03:00:00Z; default: now");
  command.add_option("--since", options->since,
                     "Its length: 90s, 10m, 2h; default: " + default_since);
}

void add_pair(CLI::App& command, const std::shared_ptr<MeasurementOptions>& options) {
  command.add_option("SRC", options->src, "Name of the node that measures")->required();
  command.add_option("DST", options->dst, "Name of the node that it measures to")->required();
}

Outcome<std::string> pair_of(const MeasurementOptions& options) {
  FAULTLINE_CLI_TRY(const auto src, name_segment("SRC", options.src));
  FAULTLINE_CLI_TRY(const auto dst, name_segment("DST", options.dst));
  return src + "/" + dst;
}

Outcome<ExitCode> matrix(Context& context, const MeasurementOptions& options) {
  FAULTLINE_CLI_TRY(const auto interval, interval_query(options.at, options.since));
  return context.query("/api/v1/matrix" + interval + (interval.empty() ? "?" : "&") +
                       "by=" + url_encode(options.by));
}

Outcome<ExitCode> history(Context& context, const MeasurementOptions& options) {
  FAULTLINE_CLI_TRY(const auto interval, interval_query(options.at, options.since));
  FAULTLINE_CLI_TRY(const auto pair, pair_of(options));
  std::string query = interval;
  if (!options.step.empty()) {
    FAULTLINE_CLI_TRY(const auto step, parse_duration_argument(options.step));
    query += (query.empty() ? "?step=" : "&step=") + format_duration(step);
  }
  return context.query("/api/v1/history/" + pair + query);
}

Outcome<ExitCode> path(Context& context, const MeasurementOptions& options) {
  if (options.flows != 0) return explore_paths(context, options.src, options.dst, options.flows);
  FAULTLINE_CLI_TRY(const auto pair, pair_of(options));
  return context.query("/api/v1/paths/" + pair);
}

Outcome<ExitCode> slo(Context& context, const MeasurementOptions& options) {
  FAULTLINE_CLI_TRY(const auto interval, interval_query(options.at, options.since));
  std::string query = interval + (interval.empty() ? "?" : "&") + "by=" + options.by;
  if (!options.step.empty()) query += "&step=" + options.step;
  return context.query("/api/v1/slo" + query);
}

void add_slo(CLI::App& app, Context& context) {
  auto options = std::make_shared<MeasurementOptions>();
  options->by = "zone";
  auto* show = add_command(app, "slo", "Availability, loss and delay by zone, rack or class",
                           "  faultline slo --since 30d\n"
                           "  faultline slo --since 7d --by rack\n"
                           "  faultline slo --by class -o json | jq '.all.availability'\n");
  show->add_option("--by", options->by,
                   "zone, rack, or class (host-host, host-vm, vm-vm, wan); default: zone")
      ->check(CLI::IsMember({"zone", "rack", "class"}));
  show->add_option("--step", options->step,
                   "what is good or bad as a whole: 1m or 1h; default: 1m up to 48h, 1h beyond, "
                   "which is read sixty times sooner")
      ->check(CLI::IsMember({"1m", "1h"}));
  add_interval(*show, options, "1d");
  show->callback([&context, options] {
    context.command = [&context, options] { return slo(context, *options); };
  });
}

}  // namespace

Outcome<std::string> interval_query(const std::string& at, const std::string& since) {
  std::string query;
  if (!at.empty()) {
    FAULTLINE_CLI_TRY(const auto time, parse_time_argument(at, now_wall()));
    query += "?at=" + url_encode(format_rfc3339(time));
  }
  if (!since.empty()) {
    FAULTLINE_CLI_TRY(const auto length, parse_duration_argument(since));
    query += (query.empty() ? "?since=" : "&since=") + format_duration(length);
  }
  return query;
}

void add_measurement_commands(CLI::App& app, Context& context) {
  auto options = std::make_shared<MeasurementOptions>();
  auto* show_matrix = add_command(app, "matrix", "One-way loss between all racks, zones, or nodes",
                                  "  faultline matrix\n"
                                  "  faultline matrix --by node --since 10m\n"
                                  "  faultline matrix --by zone --since 30d\n"
                                  "  faultline matrix --at 14:05\n");
  show_matrix->add_option("--by", options->by,
                          "node, or the key of a label: rack, zone, ...; default: rack");
  add_interval(*show_matrix, options, "one window");
  show_matrix->callback([&context, options] {
    context.command = [&context, options] { return matrix(context, *options); };
  });

  add_slo(app, context);
  auto* show_path =
      add_command(app, "path", "The paths that flows between two nodes take, hop by hop",
                  "  faultline path h1 h9\n"
                  "  faultline path h1 h9 -o json | jq '.flows[].forward_path.hops'\n"
                  "  faultline path h1 h9 --flows 64        (h1 explores all of them now)\n");
  add_pair(*show_path, options);
  show_path->add_option("--flows", options->flows,
                        "Order SRC to follow so many source ports now, as `faultline test trace`");
  show_path->callback([&context, options] {
    context.command = [&context, options] { return path(context, *options); };
  });

  auto* show_history =
      add_command(app, "history", "Loss and round-trip time between two nodes over time",
                  "  faultline history h1 h9\n"
                  "  faultline history h1 h9 --since 2h --at 14:05\n"
                  "  faultline history h1 h9 --since 30d --step 1h\n");
  add_pair(*show_history, options);
  add_interval(*show_history, options, "10m");
  show_history->add_option("--step", options->step,
                           "Of the rows: 1m, 10m, 1h; default: one window up to 24h, 1h beyond");
  show_history->callback([&context, options] {
    context.command = [&context, options] { return history(context, *options); };
  });
}

}  // namespace faultline::cli
