// topology.
#include <filesystem>

#include "controller/cli/clock.h"
#include "controller/cli/commands.h"
#include "controller/cli/time_argument.h"
#include "controller/cli/topology_document.h"

namespace faultline::cli {
namespace {

const std::string kTopology = "/api/v1/topology";

Outcome<ExitCode> export_topology(Context& context, const std::string& format) {
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.get("/api/v1/topology/export?format=" + format));
  const auto printed = print(answer);
  if (!printed) return tl::unexpected(printed.error());
  return ExitCode::kHealthy;
}

// "?at=2026-11-22T03:00:00Z" of "03:00"; empty: as it is.
Outcome<std::string> at_query(const std::string& text) {
  if (text.empty()) return std::string();
  FAULTLINE_CLI_TRY(const auto at, parse_time_argument(text, now_wall()));
  return "?at=" + format_rfc3339(at);
}

Outcome<Json> live_topology(Context& context, const std::string& at = {}) {
  FAULTLINE_CLI_TRY(const auto query, at_query(at));
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.get(kTopology + query));
  auto document = Json::parse(answer, nullptr, false);
  if (!document.is_object())
    return tl::unexpected<Failure>(
        Failure{ExitCode::kUnreachable, "invalid", "the answer is not a JSON document"});
  return document;
}

Outcome<ExitCode> check(Context& context) {
  FAULTLINE_CLI_TRY(const auto topology, live_topology(context));
  return context.show(topology_check(topology).dump());
}

Outcome<ExitCode> diff(Context& context, const std::string& before, const std::string& after,
                       const std::string& at) {
  if (before.empty() == at.empty()) {
    return usage("say what to compare with: either a file, or --at -1d");
  }
  FAULTLINE_CLI_TRY(const auto old_one,
                    at.empty() ? load_topology(before) : live_topology(context, at));
  if (!after.empty()) {
    FAULTLINE_CLI_TRY(const auto new_one, load_topology(after));
    return context.show(topology_diff(old_one, new_one).dump());
  }
  FAULTLINE_CLI_TRY(const auto new_one, live_topology(context));
  return context.show(topology_diff(old_one, new_one).dump());
}

void add_export(CLI::App& topology, Context& context) {
  auto format = std::make_shared<std::string>();
  auto* command = add_command(topology, "export", "The graph for other tools",
                              "  faultline topology export --format dot | dot -Tsvg > fabric.svg\n"
                              "  faultline topology export --format json > monday.json\n");
  command->add_option("--format", *format, "dot or json; default: dot, or json with -o json")
      ->check(CLI::IsMember({"dot", "json"}));
  command->callback([&context, format] {
    context.command = [&context, format] {
      const auto* fallback = context.options.json() ? "json" : "dot";
      return export_topology(context, format->empty() ? fallback : *format);
    };
  });
}

void add_diff(CLI::App& topology, Context& context) {
  struct Files {
    std::string before;
    std::string after;
    std::string at;
  };
  auto files = std::make_shared<Files>();
  auto* command =
      add_command(topology, "diff", "What changed since a time, or since an exported topology",
                  "  faultline topology diff --at -1d\n"
                  "  faultline topology export --format json > monday.json\n"
                  "  faultline topology diff monday.json\n"
                  "  faultline topology diff monday.json tuesday.json\n"
                  "Exit code 1: something changed. Paths and facts of the past are\n"
                  "stored; nodes are those of now.\n");
  command->add_option("--at", files->at, "Compare with how it was: 03:00 (UTC), -1d");
  command->add_option("OLD", files->before, "A file of 'topology export --format json'");
  command->add_option("NEW", files->after, "Another; default: what the controller knows now");
  command->callback([&context, files] {
    context.command = [&context, files] {
      return diff(context, files->before, files->after, files->at);
    };
  });
}

void add_import(CLI::App& topology, Context& context) {
  auto file = std::make_shared<std::string>();
  auto* command = add_command(
      topology, "import", "An Ansible inventory, or a cloud's snapshot, as topology.yaml",
      "  faultline topology import hosts.ini > topology.yaml\n"
      "  faultline topology import snapshot/ > topology.yaml    (see `faultline vpc reach "
      "--help`)\n"
      "  faultline topology import inventory.yaml > topology.yaml\n"
      "INI or YAML. Read are groups, ranges such as web[01:20], and of the variables ansible_host\n"
      "(the address), faultline_kind (switch, router, host, vm, ...; default: host) and\n"
      "faultline_tier (default: the host's group). Of a\n"
      "snapshot: gateways, tunnels, and which of them packets between two places cross, so that\n"
      "they can be suspected although no trace shows them. Needs no controller.\n");
  command->add_option("FILE", *file, "The inventory, or the snapshot's folder")->required();
  command->callback([&context, file] {
    context.command = [file]() -> Outcome<ExitCode> {
      std::error_code error;
      const bool folder = std::filesystem::is_directory(*file, error);
      FAULTLINE_CLI_TRY(const auto yaml, folder ? import_snapshot(*file) : import_ansible(*file));
      const auto printed = print(yaml);
      if (!printed) return tl::unexpected(printed.error());
      return ExitCode::kHealthy;
    };
  });
}

}  // namespace

void add_topology_commands(CLI::App& app, Context& context) {
  auto* topology = add_command(
      app, "topology", "Devices, links and machines, from inventory, traces, LLDP and facts",
      "  faultline topology show\n"
      "  faultline topology check\n"
      "  faultline topology diff --at -1d\n"
      "  faultline topology export --format dot | dot -Tsvg > fabric.svg\n"
      "  faultline topology import hosts.ini > topology.yaml\n");
  topology->require_subcommand(1);
  auto* show = add_command(
      *topology, "show", "Devices, directed links, VMs on their hosts, and switch ports",
      "  faultline topology show\n"
      "  faultline topology show -o json | jq -r '.machines[] | [.vm, .host, .mode] | @tsv'\n"
      "Which VM is on which host, and how it is connected (bridged, nat, isolated, macvlan,\n"
      "macvtap, overlay), is deduced from what both say of themselves; 'likely' is not proven.\n");
  auto at = std::make_shared<std::string>();
  show->add_option("--at", *at, "As it was traced and told then: 03:00 (UTC), -1d");
  show->callback([&context, at] {
    context.command = [&context, at]() -> Outcome<ExitCode> {
      FAULTLINE_CLI_TRY(const auto query, at_query(*at));
      return context.query(kTopology + query);
    };
  });
  auto* checked = add_command(
      *topology, "check", "What contradicts what in the topology, and what was never seen",
      "  faultline topology check\n"
      "Inventory against traces, LLDP and facts. Exit code 1: there are conflicts.\n");
  checked->callback([&context] { context.command = [&context] { return check(context); }; });
  add_diff(*topology, context);
  add_export(*topology, context);
  add_import(*topology, context);
}

}  // namespace faultline::cli
