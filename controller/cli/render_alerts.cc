// receivers, and alerts on their way.
#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

std::string receivers_text(const Json& document, const Style& style) {
  Table table(
      {"RECEIVER", "KIND", ">WAITING", "OLDEST", ">DELIVERED", "LAST", "NEXT TRY", "ERROR"});
  for (const auto& receiver : member(document, "receivers")) {
    const bool waits = count(receiver, "waiting") > 0;
    const auto next = text(receiver, "next_at");
    table.add({text(receiver, "name"), text(receiver, "kind"),
               Cell(std::to_string(count(receiver, "waiting")), waits ? Tone::kWarn : Tone::kPlain),
               text(receiver, "oldest_at"), std::to_string(count(receiver, "delivered")),
               text(receiver, "delivered_at"), flag(receiver, "in_flight") ? "now" : next,
               text(receiver, "last_error")});
  }
  return table.empty() ? "no receivers: nobody is told of faults; see `receivers` in "
                         "controller.yaml\n"
                       : table.text(style);
}

std::string alerts_text(const Json& alerts, const Style& style) {
  Table table({"CREATED", "RECEIVER", "INCIDENT", "EVENT", "SEVERITY", ">TRIES", "SUMMARY"}, "  ");
  for (const auto& alert : alerts) {
    table.add({text(alert, "created_at"), text(alert, "receiver"), text(alert, "incident"),
               text(alert, "event"), text(alert, "severity"),
               std::to_string(count(alert, "attempts")), text(alert, "summary")});
  }
  return table.text(style);
}

}  // namespace

std::string render_alerts(const Json& document, const Style& style) {
  auto result = receivers_text(document, style);
  if (const auto waiting = alerts_text(member(document, "waiting"), style); !waiting.empty()) {
    result += "\nwaiting\n" + waiting;
    if (const auto more = count(document, "waiting_omitted"); more > 0) {
      result += fmt::format("  and {} more\n", more);
    }
  }
  if (const auto dead = alerts_text(member(document, "dead"), style); !dead.empty()) {
    result += "\n" + style.paint(Tone::kBad, "given up: nobody was told") + "\n" + dead;
  }
  std::vector<std::string> troubles;
  for (const auto& trouble : member(document, "troubles")) {
    if (trouble.is_string()) troubles.push_back(trouble.get<std::string>());
  }
  if (!troubles.empty()) {
    result += "\n" + style.paint(Tone::kBad, "Faultline itself is unwell") +
              fmt::format(": {}\n", fmt::join(troubles, ", "));
  }
  return result;
}

std::string render_alert_test(const Json& document, const Style& style) {
  const bool delivered = flag(document, "delivered");
  return fmt::format(
      "{} {}: {} after {:.0f} ms\n", text(document, "receiver"),
      delivered ? style.paint(Tone::kGood, "took it") : style.paint(Tone::kBad, "did not take it"),
      text(document, "answer"), number(document, "took_ms").value_or(0));
}

}  // namespace faultline::cli
