// incidents.
#include <utility>

#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

std::string sure(const Json& incident) {
  return certainty(number(incident, "posterior").value_or(0));
}

std::string loss_text(const Json& incident) {
  const auto loss = number(incident, "loss");
  return loss ? percent(*loss) : "-";
}

std::string loss_interval(const Json& incident) {
  const auto low = number(incident, "loss_low");
  const auto high = number(incident, "loss_high");
  if (!low || !high) return loss_text(incident);
  return fmt::format("{} ({} to {})", loss_text(incident), percent(*low), percent(*high));
}

std::string evidence_text(const Json& evidence) {
  return fmt::format("{} of {} bad flows cross it, {} of {} good ones do",
                     count(evidence, "bad_flows_crossing"), count(evidence, "bad_flows"),
                     count(evidence, "good_flows_crossing"), count(evidence, "good_flows"));
}

Tone tone_of_incident(const std::string& state) {
  if (state == "open") return Tone::kBad;
  return state == "resolved" ? Tone::kGood : Tone::kWarn;
}

// "racks r1, r2; zones east; VMs v3", or "-".
std::string blast_text(const Json& incident) {
  std::string shown;
  for (const auto& [name, key] :
       {std::pair("racks", "affected_racks"), std::pair("zones", "affected_zones"),
        std::pair("VMs", "affected_vms")}) {
    if (member(incident, key).empty()) continue;
    shown += fmt::format("{}{} {}", shown.empty() ? "" : "; ", name, joined(incident, key));
  }
  return shown.empty() ? "-" : shown;
}

std::string delay_text(const Json& incident) {
  return fmt::format("{} us (p95 {} us)", text(incident, "delay_us"),
                     text(incident, "delay_p95_us"));
}

std::string events_table(const Json& incident, const Style& style) {
  Table events({"TIME", "EVENT", "BY", ""}, "  ");
  for (const auto& event : member(incident, "events")) {
    events.add({text(event, "at"), text(event, "what"), text(event, "by"), text(event, "text")});
  }
  return events.empty() ? "" : "\n" + events.text(style);
}

// "0.71 -> 0.99 after 640 extra packets on leaf1>spine2".
std::string confirmation_text(const Json& confirmation) {
  return fmt::format("{}: {:.2f} -> {:.2f} after {} extra packets on {}",
                     text(confirmation, "outcome"), number(confirmation, "before").value_or(0),
                     number(confirmation, "after").value_or(0), count(confirmation, "packets"),
                     text(confirmation, "component"));
}

// What was measured, or for a finding what stands in the nodes' configuration.
std::string reasons(const Json& incident) {
  const auto line = [](const char* name, const std::string& value) {
    return fmt::format("{:<12} {}\n", name, value);
  };
  const auto& remedy = member(incident, "remedy");
  if (!remedy.is_object()) {
    return line("sure", sure(incident)) +
           line("evidence", evidence_text(member(incident, "evidence")));
  }
  std::string shown;
  const char* name = "evidence";
  for (const auto& each : member(remedy, "evidence")) {
    shown += line(std::exchange(name, ""), each.is_string() ? each.get<std::string>() : "-");
  }
  shown += line("remedy", text(remedy, "text"));
  return shown +
         line("", fmt::format("{}   (on {})", text(remedy, "command"), text(remedy, "run_on")));
}

}  // namespace

std::string render_incidents(const Json& document, const Style& style) {
  Table table({"ID", "STATE", "COMPONENT", "KIND", "CLASS", ">LOSS", ">SURE", "SINCE", "RESOLVED",
               "HELD BY"});
  for (const auto& incident : member(document, "incidents")) {
    const auto state = text(incident, "state");
    const auto& component = member(incident, "component");
    const auto kind = text(component, "kind");
    const bool is_finding = kind == "finding" || kind == "probe" || kind == "test";
    table.add({text(incident, "id"), Cell(state, tone_of_incident(state)),
               with_others(incident, text(component, "id")), text(component, "kind"),
               text(incident, "class"), is_finding ? "-" : loss_text(incident),
               is_finding ? "-" : sure(incident), text(incident, "since"),
               text(incident, "resolved_at"), text(incident, "held_by")});
  }
  return table.empty() ? "no incidents\n" : table.text(style);
}

std::string render_incident(const Json& document, const Style& style) {
  const auto line = [](const char* name, const std::string& value) {
    return fmt::format("{:<12} {}\n", name, value);
  };
  const auto state = text(document, "state");
  const auto& component = member(document, "component");
  auto result = style.paint(tone_of_incident(state), fmt::format("[{}]", state)) + " " +
                text(document, "summary") + "\n\n";
  result += line("incident", text(document, "id"));
  result += line("component", text(component, "kind") + " " + text(component, "id"));
  result += line("class", text(document, "class"));
  const bool is_finding = member(document, "remedy").is_object();
  if (!is_finding) result += line("loss", loss_interval(document));
  if (number(document, "delay_us")) result += line("delay", delay_text(document));
  if (number(document, "mtu")) result += line("passes", text(document, "mtu") + " bytes at most");
  result += line("since", text(document, "since"));
  result += line("opened", text(document, "opened_at"));
  result += line("resolved", text(document, "resolved_at"));
  if (!member(document, "resolution").is_null()) {
    result += line("resolution", text(document, "resolution"));
  }
  if (!member(document, "acknowledged_by").is_null()) {
    result += line("acknowledged",
                   text(document, "acknowledged_at") + " by " + text(document, "acknowledged_by"));
  }
  if (!member(document, "held_by").is_null()) {
    result += line("held by", text(document, "held_by") + ": nobody is told");
  }
  result += reasons(document);
  if (!member(document, "ambiguous_with").empty()) {
    result += line("or perhaps", joined(document, "ambiguous_with"));
  }
  for (const auto& against : member(document, "counter_evidence")) {
    result += line("against", against.is_string() ? against.get<std::string>() : "-");
  }
  result += line("affected", joined(document, "affected_nodes"));
  result += line("blast radius", blast_text(document));
  if (const auto& confirmation = member(document, "confirmation"); confirmation.is_object()) {
    result += line("confirmation", confirmation_text(confirmation));
  }
  const auto changes = changes_table(member(document, "changes"), style);
  result += changes.empty() ? line("changed", "nothing that is known, at its onset")
                            : "\nwhat changed at its onset\n" + changes;
  return result + events_table(document, style);
}

}  // namespace faultline::cli
