#include "controller/topology/wiring.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace faultline::topology {
namespace {

// "Leaf1.example.net" -> "leaf1"
std::string short_name(std::string_view name) {
  std::string result(name.substr(0, name.find('.')));
  std::ranges::transform(result, result.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return result;
}

// Finds devices by any of their spellings.
class Names {
 public:
  explicit Names(const Graph& graph) {
    for (const auto& device : graph.devices) {
      exact_.insert(device.id);
      short_[short_name(device.id)].insert(device.id);
    }
  }

  // Empty: no device, or several that it could be.
  [[nodiscard]] std::string find(const std::string& spelled) const {
    if (exact_.contains(spelled)) return spelled;
    const auto found = short_.find(short_name(spelled));
    if (found == short_.end() || found->second.size() != 1) return {};
    return *found->second.begin();
  }

 private:
  std::set<std::string> exact_;
  std::map<std::string, std::set<std::string>> short_;
};

// The switches that the inventory cables each device to.
std::map<std::string, std::set<std::string>> declared_cables(const Graph& graph) {
  std::map<std::string, std::set<std::string>> cables;
  for (const auto& [link, flows] : graph.links) {
    if (!link.declared) continue;
    cables[link.from].insert(link.to);
    cables[link.to].insert(link.from);
  }
  return cables;
}

void compare_with_cables(const std::vector<SwitchPort>& ports, const Graph& graph,
                         std::vector<std::string>& conflicts) {
  const auto cables = declared_cables(graph);
  for (const auto& port : ports) {
    const auto declared = cables.find(port.node);
    if (!port.known || declared == cables.end() || declared->second.contains(port.device)) continue;
    conflicts.push_back(fmt::format("{} {}: LLDP says {} {}, and the inventory cables it to {}",
                                    port.node, port.nic, port.device, port.port,
                                    fmt::join(declared->second, ", ")));
  }
}

// One port serves one cable: two machines on it are a VM and its host, or something is between.
void compare_with_each_other(const std::vector<Wired>& nodes, const std::vector<SwitchPort>& ports,
                             std::vector<std::string>& conflicts) {
  std::set<std::string> guests;
  for (const auto& node : nodes) {
    if (!node.placed_on.empty() || node.kind == NodeKind::kVm) guests.insert(node.node);
  }
  std::map<std::pair<std::string, std::string>, std::set<std::string>> users;
  for (const auto& port : ports) {
    if (!port.port.empty() && !guests.contains(port.node))
      users[{port.device, port.port}].insert(port.node);
  }
  for (const auto& [port, names] : users) {
    if (names.size() < 2) continue;
    conflicts.push_back(fmt::format(
        "{} all hear port {} of {}: an unmanaged switch is between, or an answer is old",
        fmt::join(names, ", "), port.second, port.first));
  }
}

void compare_with_labels(const std::vector<Wired>& nodes, std::vector<std::string>& conflicts) {
  for (const auto& node : nodes) {
    const auto& found = node.placed_on;
    if (found.empty()) continue;
    if (!node.hypervisor.empty() && std::ranges::find(found, node.hypervisor) == found.end()) {
      conflicts.push_back(
          fmt::format("{}: its label says that it runs on {}, its facts that it runs on {}",
                      node.node, node.hypervisor, fmt::join(found, ", ")));
    }
    if (node.kind == NodeKind::kHost) {
      conflicts.push_back(
          fmt::format("{}: its configuration calls it a host, its facts make it a VM of {}",
                      node.node, fmt::join(found, ", ")));
    }
  }
}

}  // namespace

std::vector<SwitchPort> switch_ports(const std::vector<Wired>& nodes, const Graph& graph) {
  const Names names(graph);
  std::vector<SwitchPort> ports;
  for (const auto& node : nodes) {
    if (node.facts == nullptr || !node.facts->lldp) continue;
    for (const auto& neighbor : *node.facts->lldp) {
      auto known = names.find(neighbor.chassis);
      ports.push_back({.node = node.node,
                       .nic = neighbor.interface,
                       .device = known.empty() ? neighbor.chassis : known,
                       .port = neighbor.port,
                       .known = !known.empty(),
                       .vlan = neighbor.native_vlan,
                       .frame_max = neighbor.frame_max});
    }
  }
  std::ranges::sort(ports, {},
                    [](const SwitchPort& port) { return std::tie(port.node, port.nic); });
  return ports;
}

std::vector<std::string> wiring_conflicts(const std::vector<Wired>& nodes,
                                          const std::vector<SwitchPort>& ports,
                                          const Graph& graph) {
  std::vector<std::string> conflicts;
  compare_with_cables(ports, graph, conflicts);
  compare_with_each_other(nodes, ports, conflicts);
  compare_with_labels(nodes, conflicts);
  return conflicts;
}

}  // namespace faultline::topology
