// The topology, what does not fit in it, and what changed.
#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

std::string section(const Style& style, const std::string& title, const Json& lines) {
  if (!lines.is_array() || lines.empty()) return {};
  auto result = "\n" + style.paint(Tone::kBold, title) + "\n";
  for (const auto& line : lines) {
    if (line.is_string()) result += "  " + line.get<std::string>() + "\n";
  }
  return result;
}

}  // namespace

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
  Table machines({"VM", "NIC", "MODE", "HOST", "BRIDGE", "PORT", "UPLINK", ""});
  for (const auto& machine : member(document, "machines")) {
    machines.add({text(machine, "vm"), text(machine, "nic"), text(machine, "mode"),
                  text(machine, "host"), text(machine, "bridge"), text(machine, "port"),
                  text(machine, "uplink"), flag(machine, "proven") ? "" : "likely"});
  }
  Table ports({"NODE", "NIC", "SWITCH", "PORT", ">VLAN"});
  for (const auto& port : member(document, "ports")) {
    ports.add({text(port, "node"), text(port, "nic"), text(port, "device"), text(port, "port"),
               text(port, "vlan")});
  }
  const auto head =
      fmt::format("{} devices, {} directed links, from {}\n", member(document, "devices").size(),
                  member(document, "links").size(), text(document, "source"));
  auto result = head;
  for (const auto* table : {&devices, &links, &machines, &ports}) {
    if (!table->empty()) result += "\n" + table->text(style);
  }
  return result + section(style, "Conflicts", member(document, "conflicts"));
}

std::string render_topology_check(const Json& document, const Style& style) {
  auto result =
      section(style, "Conflicts", member(document, "conflicts")) +
      section(style, "Declared, but not seen", member(document, "devices_unseen")) +
      section(style, "Links that no measured flow takes", member(document, "links_unseen")) +
      section(style, "Seen, but not declared", member(document, "devices_undeclared")) +
      section(style, "Switches that only LLDP knows", member(document, "switches_unknown"));
  if (const auto without = count(document, "nodes_without_facts"); without > 0) {
    result += fmt::format("\n{} nodes have sent no facts: how they are connected is not known.\n",
                          without);
  }
  if (result.empty()) return "Everything fits together.\n";
  return result.substr(1);
}

std::string render_topology_diff(const Json& document, const Style& style) {
  std::string result;
  for (const auto* list : {"devices", "links", "machines", "ports"}) {
    const auto& of = member(document, list);
    const auto title = std::string(list);
    result += section(style, "New " + title, member(of, "added")) +
              section(style, "Gone " + title, member(of, "removed")) +
              section(style, "Changed " + title, member(of, "changed"));
  }
  return result.empty() ? "Nothing changed.\n" : result.substr(1);
}

}  // namespace faultline::cli
