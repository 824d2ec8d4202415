// plan: who measures whom, what that covers, what it costs, and what a new configuration changes.
#include "controller/cli/commands.h"
#include "controller/cli/plan_offline.h"

namespace faultline::cli {
namespace {

struct PlanOptions {
  std::string node;
  std::string bundle;
  bool all = false;
};

Outcome<ExitCode> show(Context& context, const PlanOptions& options) {
  if (options.node.empty()) return context.query("/api/v1/plan");
  return context.query_one("/api/v1/plan/nodes/", "NODE", options.node);
}

Outcome<ExitCode> coverage(Context& context, const PlanOptions& options) {
  if (options.bundle.empty()) return context.query("/api/v1/plan/coverage", options.all);
  FAULTLINE_CLI_TRY(const auto document, coverage_offline(options.bundle));
  return context.show(document, options.all);
}

void add_show(CLI::App& plan, Context& context, const std::shared_ptr<PlanOptions>& options) {
  auto* command = add_command(plan, "show", "The plan in force, or one node's targets and ports",
                              "  faultline plan show\n"
                              "  faultline plan show h1\n");
  command->add_option("NODE", options->node, "Show what this node measures");
  command->callback([&context, options] {
    context.command = [&context, options] { return show(context, *options); };
  });
}

void add_coverage(CLI::App& plan, Context& context, const std::shared_ptr<PlanOptions>& options) {
  auto* command = add_command(
      plan, "coverage", "Which links are watched and told apart, and how small a loss is found",
      "  faultline plan coverage\n"
      "  faultline plan coverage --all\n"
      "  faultline plan coverage -o json | jq -r '.uncovered[]'\n"
      "  faultline plan coverage --bundle capture.jsonl.zst      (needs no controller)\n"
      "A verdict needs about 5 losses on a link: the smallest loss rate found within a horizon is\n"
      "5 / (packets per second across the link x seconds).\n"
      "Links with equal footprints are crossed by the same flows: a fault on one looks like a\n"
      "fault on any. A link is masked when faults on two others at once could hide one on it.\n");
  command->add_flag("--all", options->all, "Every link, not only the least watched ones");
  command->add_option("--bundle", options->bundle,
                      "Look at the flows of this bundle (plain, .gz, .xz, .zst; '-' for stdin)");
  command->callback([&context, options] {
    context.command = [&context, options] { return coverage(context, *options); };
  });
}

void add_budget(CLI::App& plan, Context& context, const std::shared_ptr<PlanOptions>& options) {
  auto* command = add_command(
      plan, "budget", "The worst case of packets and bytes per second, by node and by link",
      "  faultline plan budget\n"
      "  faultline plan budget --all\n"
      "  faultline plan budget -o json | jq '.links | max_by(.packets_per_second_max)'\n"
      "Per node: its own flows and traces, and what it answers. Per link: all flows that cross\n"
      "it, and every node behind them tracing just those. Of routers, the one that traces of the\n"
      "whole fleet may make send most ICMP.\n");
  command->add_flag("--all", options->all, "Every node and link, not only the busiest ones");
  command->callback([&context, options] {
    context.command = [&context, options] {
      return context.query("/api/v1/plan/budget", options->all);
    };
  });
}

void add_diff(CLI::App& plan, Context& context, const std::shared_ptr<PlanOptions>& options) {
  auto* command = add_command(
      plan, "diff", "What the configuration and inventory on the controller's disk would change",
      "  faultline plan diff\n"
      "  faultline plan diff -o json | jq '.after.packets_per_second_max'\n"
      "Edit controller.yaml or the inventory, look here, then restart the controller to put it in\n"
      "force. Flows that are kept go on without a gap.\n");
  command->add_flag("--all", options->all, "Every node whose flows change");
  command->callback([&context, options] {
    context.command = [&context, options] {
      return context.query("/api/v1/plan/diff", options->all);
    };
  });
}

}  // namespace

void add_plan_commands(CLI::App& app, Context& context) {
  auto* plan = add_command(app, "plan", "Who measures whom, what it covers and what it costs",
                           "  faultline plan coverage\n"
                           "  faultline plan budget\n"
                           "  faultline plan diff\n");
  plan->require_subcommand(1);
  const auto options = std::make_shared<PlanOptions>();
  add_show(*plan, context, options);
  add_coverage(*plan, context, options);
  add_budget(*plan, context, options);
  add_diff(*plan, context, options);
}

}  // namespace faultline::cli
