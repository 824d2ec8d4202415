// status, nodes, tokens.
#include <fmt/format.h>

#include "controller/cli/label_argument.h"
#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

Tone tone_of_health(const std::string& health) {
  if (health == "healthy") return Tone::kGood;
  return health == "fault" ? Tone::kBad : Tone::kWarn;
}

std::string line(const char* name, const std::string& value) {
  return fmt::format("{:<11} {}\n", name, value);
}

std::string part_of(const Json& object, const char* part, const char* whole, const char* verb) {
  return fmt::format("{} of {} {}", count(object, part), count(object, whole), verb);
}

std::string node_summary(const Json& nodes, const Style& style) {
  auto summary = part_of(nodes, "live", "total", "live");
  if (count(nodes, "silent") > 0) {
    summary += style.paint(Tone::kWarn, fmt::format(", {} silent: {}", count(nodes, "silent"),
                                                    joined(nodes, "silent_names")));
  }
  if (count(nodes, "restarting") > 0) {
    summary += fmt::format(", {} restarting", count(nodes, "restarting"));
  }
  return summary;
}

}  // namespace

std::string with_others(const Json& suspect, const std::string& id) {
  const auto others = member(suspect, "ambiguous_with").size();
  return others == 0 ? id : fmt::format("{} or {} more", id, others);
}

namespace {

// "i-42 open", "i-42 pending, held by m-7: nobody is told".
std::string incident_text(const Json& suspect) {
  if (!member(suspect, "incident").is_string()) return "-";
  auto shown = text(suspect, "incident") + " " + text(suspect, "incident_state");
  if (member(suspect, "held_by").is_string()) {
    shown += fmt::format(", held by {}: nobody is told", text(suspect, "held_by"));
  } else if (text(suspect, "incident_state") == "resolved") {
    shown += " by an operator: nobody is told";
  }
  return shown;
}

std::string suspect_table(const Json& suspects, const Style& style) {
  Table table({"SUSPECT", "KIND", "CLASS", ">LOSS", ">SURE", "SINCE", "INCIDENT"}, "  ");
  for (const auto& suspect : suspects) {
    const auto loss = number(suspect, "loss");
    table.add({Cell(with_others(suspect, text(suspect, "id")), Tone::kBad), text(suspect, "kind"),
               text(suspect, "class"), loss ? percent(*loss) : "-",
               certainty(number(suspect, "posterior").value_or(0)), text(suspect, "since"),
               incident_text(suspect)});
  }
  return table.text(style);
}

std::string ingest_summary(const Json& ingest) {
  auto summary = fmt::format("{} batches, {} duplicates, {} refused", count(ingest, "batches"),
                             count(ingest, "duplicates"), count(ingest, "refused"));
  if (count(ingest, "gaps") > 0) {
    summary += fmt::format("; {} gaps: probes dropped {} results", count(ingest, "gaps"),
                           count(ingest, "results_dropped"));
  }
  return summary;
}

std::string note_of(const Json& node) {
  const auto& reach = member(node, "reach");
  if (reach.is_object()) {
    const auto condition = text(reach, "condition");
    if (!member(reach, "by_way_of").is_string()) return condition;
    return fmt::format("{}, reports by way of {}", condition, text(reach, "by_way_of"));
  }
  for (const auto* trouble : {"sick_reason", "clock"}) {
    if (member(node, trouble).is_string()) return text(node, trouble);
  }
  return "";
}

// What others say of a node in question: the verdict, then one line for each that was asked.
std::string reach_lines(const Json& reach, const Style& style) {
  auto result = fmt::format("{:<16} {}: {} (in question since {})\n", "reach",
                            style.paint(Tone::kBad, text(reach, "condition")),
                            text(reach, "summary"), text(reach, "doubted_at"));
  for (const auto& witness : member(reach, "witnesses")) {
    result += fmt::format("{:<16} {} asked {} in {}: {}\n", "", text(witness, "at"),
                          text(witness, "node"), text(witness, "rack"), text(witness, "tests"));
  }
  return result;
}

std::string rack_of(const Json& node) { return text(member(node, "labels"), "rack"); }

Tone tone_of_node(const std::string& state) {
  if (state == "live") return Tone::kGood;
  return state == "silent" ? Tone::kBad : Tone::kWarn;
}

}  // namespace

std::string render_status(const Json& document, const Style& style) {
  const auto health = text(document, "health");
  auto result = style.paint(tone_of_health(health), fmt::format("[{}]", health)) + " " +
                text(document, "verdict") + "\n" +
                suspect_table(member(document, "suspects"), style) + "\n";
  const auto& sessions = member(document, "sessions");
  const auto& paths = member(document, "paths");
  const auto& store = member(document, "store");
  const auto& controller = member(document, "controller");
  result += line("nodes", node_summary(member(document, "nodes"), style));
  for (const auto& node : member(member(document, "nodes"), "in_question")) {
    result += line("", fmt::format("{}: {}", text(node, "node"), text(node, "summary")));
  }
  result += line("sessions", part_of(sessions, "reporting", "planned", "planned report"));
  result += line("paths", fmt::format("forward {}, return {}",
                                      part_of(paths, "forward_known", "expected", "known"),
                                      part_of(paths, "return_known", "expected", "known")));
  result += line("plan", "revision " + text(document, "plan_revision"));
  result += line("judged", fmt::format("{} (windows of {} s)", text(document, "window_judged"),
                                       text(document, "window_s")));
  result += line("incidents", fmt::format("{} open", count(document, "incidents_open")));
  result += line("ingest", ingest_summary(member(document, "ingest")));
  result += line("store", fmt::format("{}, {}, since {}, {}", text(store, "state"),
                                      bytes(static_cast<double>(count(store, "bytes"))),
                                      text(store, "oldest_window"), text(store, "directory")));
  result +=
      line("controller", fmt::format("{}, up {}", text(controller, "version"),
                                     span_of_seconds(number(controller, "uptime_s").value_or(0))));
  return result;
}

std::string render_nodes(const Json& document, const Style& style) {
  Table table(
      {"NAME", "STATE", "KIND", "RACK", "ADDRESS", "LAST SEEN", ">PLAN", ">SPOOLED", "NOTE"});
  for (const auto& node : member(document, "nodes")) {
    const auto state = text(node, "state");
    table.add({text(node, "name"), Cell(state, tone_of_node(state)), text(node, "kind"),
               rack_of(node), text(node, "address"), text(node, "last_seen"),
               text(node, "plan_revision"), text(node, "spool_batches"), note_of(node)});
  }
  return table.empty() ? "no nodes yet: make a token with 'faultline node token create'\n"
                       : table.text(style);
}

std::string render_node(const Json& document, const Style& style) {
  std::string result;
  for (const auto& [name, value] : document.items()) {
    if (name == "schema") continue;
    if (name == "reach" && value.is_object()) {
      result += reach_lines(value, style);
      continue;
    }
    const auto shown = value.is_object() ? labels_text(value) : text(document, name.c_str());
    result += fmt::format("{:<16} {}\n", name, shown.empty() ? "-" : shown);
  }
  return result;
}

std::string render_tokens(const Json& document, const Style& style) {
  Table table({"ID", "NODE", "LABELS", "CREATED", "EXPIRES"});
  for (const auto& token : member(document, "tokens")) {
    const auto node = text(token, "node");
    table.add({text(token, "id"), node == "-" ? "any" : node, labels_text(member(token, "labels")),
               text(token, "created_at"), text(token, "expires")});
  }
  return table.empty() ? "no unused tokens\n" : table.text(style);
}

}  // namespace faultline::cli
