// incidents and the topology.
#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

std::string sure(const Json& incident) {
  return fmt::format("{:.1f} %", 100 * number(incident, "posterior").value_or(0));
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

// "0.71 -> 0.99 after 640 extra packets on leaf1>spine2".
std::string confirmation_text(const Json& confirmation) {
  return fmt::format("{}: {:.2f} -> {:.2f} after {} extra packets on {}",
                     text(confirmation, "outcome"), number(confirmation, "before").value_or(0),
                     number(confirmation, "after").value_or(0), count(confirmation, "packets"),
                     text(confirmation, "component"));
}

Tone tone_of_state(const std::string& state) { return state == "open" ? Tone::kBad : Tone::kGood; }

}  // namespace

std::string render_incidents(const Json& document, const Style& style) {
  Table table({"ID", "STATE", "COMPONENT", "KIND", "CLASS", ">LOSS", ">SURE", "SINCE", "RESOLVED"});
  for (const auto& incident : member(document, "incidents")) {
    const auto state = text(incident, "state");
    const auto& component = member(incident, "component");
    table.add({text(incident, "id"), Cell(state, tone_of_state(state)), text(component, "id"),
               text(component, "kind"), text(incident, "class"), loss_text(incident),
               sure(incident), text(incident, "since"), text(incident, "resolved_at")});
  }
  return table.empty() ? "no incidents\n" : table.text(style);
}

std::string render_incident(const Json& document, const Style& style) {
  const auto line = [](const char* name, const std::string& value) {
    return fmt::format("{:<12} {}\n", name, value);
  };
  const auto state = text(document, "state");
  const auto& component = member(document, "component");
  auto result = style.paint(tone_of_state(state), fmt::format("[{}]", state)) + " " +
                text(document, "summary") + "\n\n";
  result += line("incident", text(document, "id"));
  result += line("component", text(component, "kind") + " " + text(component, "id"));
  result += line("class", text(document, "class"));
  result += line("loss", loss_interval(document));
  result += line("sure", sure(document));
  result += line("since", text(document, "since"));
  result += line("opened", text(document, "opened_at"));
  result += line("resolved", text(document, "resolved_at"));
  result += line("evidence", evidence_text(member(document, "evidence")));
  if (!member(document, "ambiguous_with").empty()) {
    result += line("or perhaps", joined(document, "ambiguous_with"));
  }
  result += line("affected", joined(document, "affected_nodes"));
  if (const auto& confirmation = member(document, "confirmation"); confirmation.is_object()) {
    result += line("confirmation", confirmation_text(confirmation));
  }
  if (const auto changes = changes_table(member(document, "changes"), style); !changes.empty()) {
    result += "\nwhat changed at its onset\n" + changes;
  }
  Table events({"TIME", "EVENT", ""}, "  ");
  for (const auto& event : member(document, "events")) {
    events.add({text(event, "at"), text(event, "what"), text(event, "text")});
  }
  return result + (events.empty() ? "" : "\n" + events.text(style));
}

std::string render_topology(const Json& document, const Style& style) {
  Table devices({"DEVICE", "KIND", "TIER", "ADDRESSES"});
  for (const auto& device : member(document, "devices")) {
    devices.add({text(device, "id"), text(device, "kind"), text(device, "tier"),
                 joined(device, "addresses", " ")});
  }
  Table links({"LINK", "FROM", "TO", ">FLOWS"});
  for (const auto& link : member(document, "links")) {
    links.add({text(link, "id"), text(link, "from"), text(link, "to"), text(link, "flows")});
  }
  const auto head =
      fmt::format("{} devices, {} directed links, from {}\n", member(document, "devices").size(),
                  member(document, "links").size(), text(document, "source"));
  return head + (devices.empty() ? "" : "\n" + devices.text(style)) +
         (links.empty() ? "" : "\n" + links.text(style));
}

}  // namespace faultline::cli
