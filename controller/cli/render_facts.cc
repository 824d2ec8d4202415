// facts show, check.
#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

const Json& items(const Json& document, const char* list) {
  return member(member(document, list), "items");
}

// What lies beyond the first ones that are kept.
std::string cut(const Json& document, const char* list) {
  const auto total = count(member(document, list), "total");
  const auto shown = items(document, list).size();
  return total > shown ? fmt::format("  ... and {} more {}\n", total - shown, list) : "";
}

std::string heading(const char* text, const Style& style) {
  return "\n" + style.paint(Tone::kBold, text) + "\n";
}

// "vlan 100 on eth0, in br0": what it is besides its name.
std::string relation(const Json& interface) {
  std::string result =
      member(interface, "kind").is_string() ? text(interface, "kind") : text(interface, "driver");
  if (!member(interface, "vlan").is_null()) result += " " + text(interface, "vlan");
  const auto& vxlan = member(interface, "vxlan");
  if (vxlan.is_object()) result += " VNI " + text(vxlan, "vni");
  if (member(interface, "mode").is_string()) result += " (" + text(interface, "mode") + ")";
  if (member(interface, "lower").is_string()) result += " on " + text(interface, "lower");
  if (member(interface, "master").is_string()) result += ", in " + text(interface, "master");
  return result;
}

std::string interfaces(const Json& document, const Style& style) {
  if (!items(document, "interfaces").is_array()) return "";
  Table table({"INTERFACE", "STATE", ">MTU", "MAC", ">SPEED", "WHAT", ">ERRORS", ">DROPS"});
  for (const auto& interface : items(document, "interfaces")) {
    const auto& counters = member(interface, "counters");
    const auto sum = [&](const char* first, const char* second) {
      return counters.is_null() ? std::string("-")
                                : std::to_string(count(counters, first) + count(counters, second));
    };
    table.add({text(interface, "name"), text(interface, "state"), text(interface, "mtu"),
               text(interface, "mac"), text(interface, "speed_mbps"), relation(interface),
               sum("rx_errors", "tx_errors"), sum("rx_dropped", "tx_dropped")});
  }
  return heading("Interfaces", style) + table.text(style) + cut(document, "interfaces");
}

std::string addresses(const Json& document, const Style& style) {
  if (!items(document, "addresses").is_array()) return "";
  Table table({"ADDRESS", "INTERFACE", "SCOPE", "ORIGIN"});
  for (const auto& address : items(document, "addresses")) {
    table.add({text(address, "address"), text(address, "interface"), text(address, "scope"),
               text(address, "origin")});
  }
  return heading("Addresses", style) + table.text(style) + cut(document, "addresses");
}

std::string routes(const Json& document, const Style& style) {
  if (!items(document, "routes").is_array()) return "";
  Table table({"ROUTE", "VIA", "TABLE", ">METRIC", "PROTOCOL"});
  for (const auto& route : items(document, "routes")) {
    std::string via;
    for (const auto& hop : member(route, "next_hops")) {
      if (!via.empty()) via += ", ";
      if (member(hop, "gateway").is_string()) via += text(hop, "gateway") + " ";
      via += text(hop, "interface");
    }
    table.add({text(route, "destination"), via.empty() ? text(route, "type") : via,
               text(route, "table"), text(route, "metric"), text(route, "protocol")});
  }
  return heading("Routes", style) + table.text(style) + cut(document, "routes");
}

std::string firewall(const Json& document, const Style& style) {
  const auto& firewall = member(document, "firewall");
  if (firewall.is_null()) return "";
  Table table({"CHAIN", "HOOK", "POLICY", ">RULES"});
  for (const auto& chain : member(firewall, "chains")) {
    table.add({text(chain, "family") + " " + text(chain, "table") + " " + text(chain, "chain"),
               text(chain, "hook"), text(chain, "policy"), text(chain, "rules")});
  }
  const bool empty = member(firewall, "chains").empty();
  return heading("Firewall", style) + (empty ? "none\n" : table.text(style));
}

std::string unknown(const Json& document, const Style& style) {
  const auto& entries = member(document, "unknown");
  if (!entries.is_array() || entries.empty()) return "";
  Table table({"UNKNOWN", "WHY"});
  for (const auto& entry : entries) table.add({text(entry, "what"), text(entry, "why")});
  return "\n" + table.text(style);
}

}  // namespace

std::string render_facts(const Json& document, const Style& style) {
  const auto& machine = member(document, "machine");
  const auto name =
      member(document, "node").is_string() ? text(document, "node") : text(document, "host_name");
  std::string result =
      fmt::format("{} as of {}: kernel {}, hypervisor {}, container {}\n",
                  style.paint(Tone::kBold, name), text(document, "collected_at"),
                  text(machine, "kernel"), text(machine, "hypervisor"), text(machine, "container"));
  result += interfaces(document, style) + addresses(document, style) + routes(document, style) +
            firewall(document, style);
  result += fmt::format("\n{} neighbors, {} policy rules, {} listening ports (-o json shows all)\n",
                        count(member(document, "neighbors"), "total"),
                        count(member(document, "rules"), "total"),
                        count(member(document, "listeners"), "total"));
  return result + unknown(document, style);
}

std::string render_facts_changes(const Json& document, const Style& style) {
  std::string result;
  for (const auto& step : member(document, "steps")) {
    result += style.paint(Tone::kBold, text(step, "at")) + "\n";
    if (member(step, "changes").empty()) result += "  nothing that is shown here\n";
    for (const auto& change : member(step, "changes")) {
      const auto before = text(change, "before");
      const auto after = text(change, "after");
      if (before.empty() || before == "-") {
        result +=
            fmt::format("  + {}{}\n", text(change, "what"), after == "there" ? "" : ": " + after);
      } else if (after.empty() || after == "-") {
        result +=
            fmt::format("  - {}{}\n", text(change, "what"), before == "there" ? "" : ": " + before);
      } else {
        result += fmt::format("  ~ {}: {} -> {}\n", text(change, "what"), before, after);
      }
    }
  }
  const auto steps = member(document, "steps").size();
  return result + fmt::format("{}: {} changes of state since {}, oldest kept {}\n",
                              text(document, "node"), steps, text(document, "since"),
                              text(document, "oldest_kept"));
}

std::string render_check(const Json& document, const Style& style) {
  std::string result;
  std::string code;
  // Older controllers group nothing.
  const auto& groups = member(document, document.contains("groups") ? "groups" : "findings");
  for (const auto& finding : groups) {
    if (text(finding, "code") != code) {
      code = text(finding, "code");
      result += heading(code.c_str(), style);
    }
    const auto severity = text(finding, "severity");
    const auto tone = severity == "error"     ? Tone::kBad
                      : severity == "warning" ? Tone::kWarn
                                              : Tone::kFaint;
    result +=
        fmt::format("  {} {}\n", style.paint(tone, "[" + severity + "]"), text(finding, "summary"));
    if (count(finding, "count") > 1) {
      result += fmt::format("      nodes: {}\n", joined(finding, "nodes"));
    }
    for (const auto& line : member(finding, "evidence")) {
      result += "      " + line.get<std::string>() + "\n";
    }
    result += fmt::format("      remedy: {}\n        {}\n", text(finding, "remedy"),
                          text(finding, "command"));
  }
  const auto& findings = member(document, "findings");
  const auto total = count(document, "findings_total");
  if (total > findings.size())
    result += fmt::format("\n... and {} more\n", total - findings.size());
  const auto& without = member(document, "nodes_without_facts");
  result += fmt::format("{}{} nodes compared, {} findings\n", result.empty() ? "" : "\n",
                        member(document, "nodes").size(), total);
  if (!without.empty())
    result += fmt::format("without facts: {}\n", joined(document, "nodes_without_facts"));
  return result;
}

}  // namespace faultline::cli
