// What operators do to incidents: incident ack, resolve, note, silence; maintenance.
#include <cstdlib>
#include <memory>

#include <fmt/format.h>

#include "controller/cli/clock.h"
#include "controller/cli/commands.h"
#include "controller/cli/document.h"
#include "controller/cli/label_argument.h"
#include "controller/cli/name_argument.h"
#include "controller/cli/time_argument.h"

namespace faultline::cli {
namespace {

constexpr Duration kLengthMax = std::chrono::hours{24 * 90};

// Who types: behind sudo that is not root. The controller records who asked in any case.
std::string own_name() {
  for (const char* variable : {"SUDO_USER", "USER", "LOGNAME"}) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

void add_author(CLI::App& command, std::string& author) {
  command.add_option("--author,--by", author, "Who you are; default: your user name");
}

void put_author(Json& body, const std::string& author) {
  const auto name = author.empty() ? own_name() : author;
  if (!name.empty()) body["author"] = name;
}

struct Action {
  std::string id;
  std::string author;
  std::string text;
};

// `what` is the last segment of its route, `text` how the route calls the text.
Outcome<ExitCode> act(Context& context, const Action& action, const char* what, const char* text) {
  FAULTLINE_CLI_TRY(const auto id, name_segment("ID", action.id));
  FAULTLINE_CLI_TRY(const auto api, context.client());
  auto body = Json::object();
  put_author(body, action.author);
  if (!action.text.empty()) body[text] = action.text;
  FAULTLINE_CLI_TRY(const auto answer,
                    api.post("/api/v1/incidents/" + id + "/" + what, body.dump()));
  return context.show(answer);
}

struct SilenceOptions {
  std::string kind;
  std::string incident;
  std::vector<std::string> components;
  std::vector<std::string> nodes;
  std::vector<std::string> racks;
  std::vector<std::string> zones;
  std::vector<std::string> labels;
  std::string start;
  std::string until;
  std::string length;
  std::string comment;
  std::string author;
};

Outcome<Json> selector_of(const SilenceOptions& options) {
  auto selector = Json::object();
  const auto add = [&](const char* name, const std::vector<std::string>& values) {
    for (const auto& value : values) selector[name].push_back(value);
  };
  FAULTLINE_CLI_TRY(const auto labels, parse_labels(options.labels));
  for (const auto& [name, value] : labels.items()) selector[name].push_back(value);
  if (!options.incident.empty()) add("incident", {options.incident});
  add("component", options.components);
  add("node", options.nodes);
  add("rack", options.racks);
  add("zone", options.zones);
  if (selector.empty()) {
    return usage("say what: --component, --node, --rack, --zone or --label, such as --rack r17");
  }
  return selector;
}

Outcome<WallTime> end_of(const SilenceOptions& options, WallTime start, WallTime now) {
  if (options.length.empty() == options.until.empty()) {
    return usage("say for how long: either --for 2h or --until 06:00");
  }
  if (!options.until.empty()) return parse_future_argument(options.until, now);
  FAULTLINE_CLI_TRY(const auto length, parse_length_option("--for", options.length, kLengthMax));
  return start + length;
}

Outcome<ExitCode> add_silence(Context& context, const SilenceOptions& options) {
  FAULTLINE_CLI_TRY(auto selector, selector_of(options));
  const auto now = now_wall();
  auto start = now;
  if (!options.start.empty()) {
    FAULTLINE_CLI_TRY(start, parse_future_argument(options.start, now));
  }
  FAULTLINE_CLI_TRY(const auto end, end_of(options, start, now));
  Json body{{"kind", options.kind},
            {"selector", std::move(selector)},
            {"comment", options.comment},
            {"ends_at", format_rfc3339(end)}};
  if (!options.start.empty()) body["starts_at"] = format_rfc3339(start);
  put_author(body, options.author);
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.post("/api/v1/silences", body.dump()));
  return context.show(answer);
}

Outcome<ExitCode> end_silence(Context& context, const std::string& id) {
  FAULTLINE_CLI_TRY(const auto segment, name_segment("ID", id));
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.remove("/api/v1/silences/" + segment));
  return context.show(answer);
}

void add_values(CLI::App& command, const char* name, std::vector<std::string>& values,
                const char* about) {
  command.add_option(name, values, about)->allow_extra_args(false);
}

void add_selector_options(CLI::App& command, SilenceOptions& options) {
  add_values(command, "--component", options.components,
             "A device, link, cable or node, with what is at it; repeatable: one of them");
  add_values(command, "--node", options.nodes, "A node, its cable, and its VMs; repeatable");
  add_values(command, "--rack", options.racks,
             "What is in the rack, its switch and the links of that, too; repeatable");
  add_values(command, "--zone", options.zones, "The same of a zone; repeatable");
  add_values(command, "--label", options.labels,
             "KEY=VALUE, another label of nodes; with other options, all must fit");
  command.add_option("--for", options.length, "How long, such as 30m or 8h; at most 90d");
  command.add_option("--until", options.until,
                     "Or until when: 06:00 (UTC, the next one), +2h, 2026-11-22T06:00:00Z");
  command.add_option("--comment", options.comment, "Why; it is shown with what is held back")
      ->required();
  add_author(command, options.author);
}

void add_note(CLI::App& incident, Context& context) {
  auto action = std::make_shared<Action>();
  auto* note =
      add_command(incident, "note", "Write down what you found; it stays with the incident",
                  "  faultline incident note i-42 'optics of spine3 port 7 at -19 dBm'\n");
  note->add_option("ID", action->id, "As 'incident list' shows it")->required();
  note->add_option("TEXT", action->text, "At most 2000 bytes")->required();
  add_author(*note, action->author);
  note->callback([&context, action] {
    context.command = [&context, action] { return act(context, *action, "notes", "text"); };
  });
}

void add_silence_command(CLI::App& incident, Context& context) {
  auto options = std::make_shared<SilenceOptions>();
  options->kind = "silence";
  auto* silence = add_command(
      incident, "silence", "Tell nobody of it for a while; it stays open, and its end is told",
      "  faultline incident silence i-42 --for 8h --comment 'part is on its way'\n"
      "  faultline incident silence --component spine3 --for 8h --comment CHG-4711\n"
      "  faultline maintenance list     # shows silences, too; 'maintenance end ID' ends one\n");
  silence->add_option("ID", options->incident, "One incident, whatever its component becomes");
  add_selector_options(*silence, *options);
  silence->callback([&context, options] {
    context.command = [&context, options] { return add_silence(context, *options); };
  });
}

void add_maintenance_add(CLI::App& maintenance, Context& context) {
  auto options = std::make_shared<SilenceOptions>();
  options->kind = "maintenance";
  auto* add = add_command(
      maintenance, "add", "Announce work: what it breaks opens no incident unless it outlasts it",
      "  faultline maintenance add --node h7 --for 1h --comment 'new NIC'     # drain a node\n"
      "  faultline maintenance add --rack r17 --start 22:00 --for 4h --comment CHG-4711\n"
      "  faultline maintenance add --component spine3 --until 06:00 --comment 'new firmware'\n");
  add->add_option("--start", options->start,
                  "When it begins, as --until; default: now, at most 90d ahead");
  add_selector_options(*add, *options);
  add->callback([&context, options] {
    context.command = [&context, options] { return add_silence(context, *options); };
  });
}

}  // namespace

void add_incident_actions(CLI::App& incident, Context& context) {
  auto action = std::make_shared<Action>();
  auto* ack = add_command(incident, "ack", "Say that you are on it; receivers that can are told",
                          "  faultline incident ack i-42\n");
  ack->add_option("ID", action->id, "As 'incident list' shows it")->required();
  add_author(*ack, action->author);
  ack->callback([&context, action] {
    context.command = [&context, action] { return act(context, *action, "acknowledge", ""); };
  });
  auto* resolve =
      add_command(incident, "resolve",
                  "Call it over; it opens anew, under another id, if it is seen much longer",
                  "  faultline incident resolve i-42 --comment 'port is shut'\n");
  resolve->add_option("ID", action->id, "As 'incident list' shows it")->required();
  resolve->add_option("--comment", action->text, "Why");
  add_author(*resolve, action->author);
  resolve->callback([&context, action] {
    context.command = [&context, action] { return act(context, *action, "resolve", "comment"); };
  });
  add_note(incident, context);
  add_silence_command(incident, context);
}

void add_maintenance_commands(CLI::App& app, Context& context) {
  auto* maintenance =
      add_command(app, "maintenance", "Announced work, and silences: what nobody is to be told of",
                  "  faultline maintenance add --rack r17 --for 4h --comment CHG-4711\n"
                  "  faultline maintenance list\n"
                  "  faultline maintenance end m-1f0c5a9b\n");
  maintenance->require_subcommand(1);
  add_maintenance_add(*maintenance, context);
  auto all = std::make_shared<bool>(false);
  auto* list = add_command(*maintenance, "list", "Maintenance windows and silences, newest first",
                           "  faultline maintenance list\n"
                           "  faultline maintenance list --all\n");
  list->add_flag("--all", *all, "With those that are over, for 30 days");
  list->callback([&context, all] {
    context.command = [&context, all] {
      return context.query(std::string("/api/v1/silences?state=") + (*all ? "all" : "lasting"));
    };
  });
  auto id = std::make_shared<std::string>();
  auto* end = add_command(*maintenance, "end", "End one before its time",
                          "  faultline maintenance end m-1f0c5a9b\n");
  end->add_option("ID", *id, "As 'maintenance list' shows it")->required();
  end->callback(
      [&context, id] { context.command = [&context, id] { return end_silence(context, *id); }; });
}

}  // namespace faultline::cli
