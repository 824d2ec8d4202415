// Rules about links and what runs over them: MTU, VLAN, VXLAN, duplex, speed, errors.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "controller/diagnose/rules.h"

namespace faultline::diagnose {
namespace {

void check_mtu(const Segment& segment, std::vector<Finding>& findings) {
  std::map<std::uint32_t, std::vector<const Member*>> by_mtu;
  for (const auto& member : segment.members) by_mtu[member.interface->mtu].push_back(&member);
  if (by_mtu.size() < 2) return;
  const auto usual =
      std::ranges::max_element(by_mtu, {}, [](const auto& entry) { return entry.second.size(); });
  Finding finding{.code = "mtu_mismatch",
                  .severity = segment.proven ? Severity::kError : Severity::kWarning};
  std::set<std::string> nodes;
  const Member* odd = nullptr;
  for (const auto& [mtu, members] : by_mtu) {
    for (const auto* member : members) {
      if (mtu != usual->first) {
        odd = member;
        finding.odd.push_back(member->node->node);
      }
      if (!nodes.insert(member->node->node).second) continue;
      finding.evidence.push_back(
          fmt::format("{}: MTU {} on {}", member->node->node, mtu, member->interface->name));
    }
  }
  finding.nodes.assign(nodes.begin(), nodes.end());
  if (finding.nodes.size() < 2) return;
  const bool alone = std::ranges::all_of(
      finding.odd, [&](const std::string& node) { return node == odd->node->node; });
  finding.summary = alone ? fmt::format("{}: {} has MTU {}, the others of {} have {}",
                                        odd->node->node, odd->interface->name, odd->interface->mtu,
                                        text_of(segment.network), usual->first)
                          : fmt::format("interfaces of the segment {} have MTUs of {} to {}",
                                        text_of(segment.network), by_mtu.begin()->first,
                                        std::prev(by_mtu.end())->first);
  finding.run_on = odd->node->node;
  finding.remedy = fmt::format(
      "Give all interfaces of a segment one MTU. No router is between them that could say "
      "\"too big\": larger packets vanish. On {}:",
      odd->node->node);
  finding.command = fmt::format("ip link set dev {} mtu {}", odd->interface->name, usual->first);
  findings.push_back(std::move(finding));
}

// What VXLAN adds: outer IP, UDP, VXLAN and the inner Ethernet header (RFC 7348, section 5).
constexpr std::uint32_t kVxlanOverV4 = 50;
constexpr std::uint32_t kVxlanOverV6 = 70;

// A bridge drops without a word what does not fit the port that it has to leave by.
void check_vxlan_ports(const NodeFacts& node, const facts::Interface& vxlan,
                       std::vector<Finding>& findings) {
  for (const auto& port : node.facts.interfaces->items) {
    const bool beside = vxlan.master && port.master == vxlan.master && port.name != vxlan.name;
    if (!beside || !port.up || port.mtu <= vxlan.mtu) continue;
    findings.push_back(
        {.code = "vxlan_mtu",
         .severity = Severity::kError,
         .nodes = {node.node},
         .summary = fmt::format("{}: what comes by {} need not fit {}, the overlay's way out",
                                node.node, port.name, vxlan.name),
         .evidence = {fmt::format("{}: {} has MTU {}", node.node, port.name, port.mtu),
                      fmt::format("{}: {} has MTU {}, and both are ports of {}", node.node,
                                  vxlan.name, vxlan.mtu, *vxlan.master)},
         .remedy =
             fmt::format("Give the VM or container behind {} the overlay's MTU, and the port, "
                         "too.",
                         port.name),
         .command = fmt::format("ip link set dev {} mtu {}", port.name, vxlan.mtu)});
    return;
  }
}

void check_vxlan_mtu(const NodeFacts& node, std::vector<Finding>& findings) {
  for (const auto& interface : node.facts.interfaces->items) {
    if (!interface.vxlan || !interface.up) continue;
    check_vxlan_ports(node, interface, findings);
    const auto& vxlan = *interface.vxlan;
    const auto* underlay = vxlan.underlay ? find_interface(node.facts, *vxlan.underlay) : nullptr;
    if (underlay == nullptr) continue;
    const auto end = vxlan.remote ? vxlan.remote : vxlan.local;
    const auto overhead = end && !end->is_v4() ? kVxlanOverV6 : kVxlanOverV4;
    if (interface.mtu + overhead <= underlay->mtu) continue;
    findings.push_back(
        {.code = "vxlan_mtu",
         .severity = Severity::kError,
         .nodes = {node.node},
         .summary = fmt::format("{}: packets of {} do not fit {} once VXLAN's {} bytes are added",
                                node.node, interface.name, underlay->name, overhead),
         .evidence = {fmt::format("{} has MTU {}", interface.name, interface.mtu),
                      fmt::format("its underlay {} has MTU {}", underlay->name, underlay->mtu)},
         .remedy = "Lower the MTU of the overlay, and of the VMs and containers on it, or raise "
                   "the underlay's on "
                   "the whole way.",
         .command = fmt::format("ip link set dev {} mtu {}", interface.name,
                                underlay->mtu > overhead ? underlay->mtu - overhead : 0)});
  }
}

// The VLAN that a member's packets are in: its own, or the switch port's native one. 0: not known.
std::uint16_t vlan_of(const Member& member) {
  if (member.interface->vlan) return *member.interface->vlan;
  if (!member.node->facts.lldp) return 0;
  for (const auto& neighbor : *member.node->facts.lldp) {
    // The switch is told of a NIC, and the address may be on the bridge or bond above it.
    const auto* nic = find_interface(member.node->facts, neighbor.interface);
    const bool below = nic != nullptr && nic->master == member.interface->name;
    const bool is_it = below || neighbor.interface == member.interface->name;
    if (is_it && neighbor.native_vlan) return *neighbor.native_vlan;
  }
  return 0;
}

void check_vlans(const Segment& segment, std::vector<Finding>& findings) {
  if (segment.proven) return;  // they hear each other, whatever the numbers say
  std::map<std::uint16_t, std::map<std::string, const Member*>> by_vlan;
  for (const auto& member : segment.members) {
    if (const auto vlan = vlan_of(member); vlan != 0)
      by_vlan[vlan].try_emplace(member.node->node, &member);
  }
  if (by_vlan.size() < 2) return;
  Finding finding{.code = "vlan_mismatch", .severity = Severity::kError};
  for (const auto& [vlan, members] : by_vlan) {
    for (const auto& [node, member] : members) {
      finding.nodes.push_back(node);
      finding.evidence.push_back(
          fmt::format("{}: {} on {} is in VLAN {} ({})", node, text_of(member->address->prefix),
                      member->interface->name, vlan,
                      member->interface->vlan ? "its own tag" : "the switch port's, by LLDP"));
    }
  }
  finding.summary = fmt::format("nodes of the network {} are in {} VLANs", text_of(segment.network),
                                by_vlan.size());
  finding.remedy =
      "Put the ports into one VLAN, or give the nodes addresses of different networks.";
  finding.command = fmt::format("ip -d link show dev {}",
                                by_vlan.begin()->second.begin()->second->interface->name);
  findings.push_back(std::move(finding));
}

struct Tunnel {
  const NodeFacts* node;
  const facts::Interface* interface;
};

// Two ends that name each other, and differ in what must be equal.
void check_vxlan_pairs(const Fleet& fleet, std::vector<Finding>& findings) {
  std::map<std::pair<IpAddress, IpAddress>, std::vector<Tunnel>>
      tunnels;  // by local and remote end
  for (const auto& node : fleet.nodes) {
    if (!node.facts.interfaces) continue;
    for (const auto& interface : node.facts.interfaces->items) {
      const auto& vxlan = interface.vxlan;
      if (vxlan && vxlan->local && vxlan->remote)
        tunnels[{*vxlan->local, *vxlan->remote}].push_back({&node, &interface});
    }
  }
  for (const auto& [ends, here] : tunnels) {
    const auto there = tunnels.find({ends.second, ends.first});
    if (there == tunnels.end() || !(ends.first < ends.second)) continue;
    // With several tunnels between two ends each needs a twin; a pair of single ones must be twins.
    for (const auto& a : here) {
      const auto& va = *a.interface->vxlan;
      const auto twin = std::ranges::any_of(there->second, [&](const Tunnel& b) {
        return b.interface->vxlan->vni == va.vni && b.interface->vxlan->port == va.port;
      });
      if (twin) continue;
      const auto& b = there->second.front();
      const auto& vb = *b.interface->vxlan;
      findings.push_back(
          {.code = "vxlan_mismatch",
           .severity = Severity::kError,
           .nodes = {a.node->node, b.node->node},
           .summary = fmt::format("the VXLAN ends {} on {} and {} on {} do not fit",
                                  a.interface->name, a.node->node, b.interface->name, b.node->node),
           .evidence = {fmt::format("{}: VNI {}, port {}", a.node->node, va.vni, va.port),
                        fmt::format("{}: VNI {}, port {}", b.node->node, vb.vni, vb.port)},
           .remedy = "Give both ends one VNI and one UDP port.",
           .command = fmt::format("ip -d link show dev {}", b.interface->name),
           .run_on = b.node->node});
    }
  }
}

void check_duplex(const NodeFacts& node, std::vector<Finding>& findings) {
  std::map<std::string, std::map<std::uint32_t, std::string>> speeds;  // of bonds' ports
  for (const auto& interface : node.facts.interfaces->items) {
    const bool is_nic = interface.kind.empty() && interface.carrier.value_or(false);
    if (!is_nic) continue;
    if (interface.master && interface.speed_mbps)
      speeds[*interface.master][*interface.speed_mbps] = interface.name;
    if (interface.duplex != "half") continue;
    findings.push_back(
        {.code = "half_duplex",
         .severity = Severity::kError,
         .nodes = {node.node},
         .summary = fmt::format("{}: {} runs at half duplex", node.node, interface.name),
         .evidence = {fmt::format("{}: {} Mbit/s, half duplex, {} collisions", interface.name,
                                  interface.speed_mbps.value_or(0),
                                  interface.counters ? interface.counters->collisions : 0)},
         .remedy = "Let both ends negotiate, or set both alike; one fixed end makes the other fall "
                   "back to half duplex.",
         .command = fmt::format("ethtool -s {} autoneg on", interface.name)});
  }
  for (const auto& [master, ports] : speeds) {
    const auto* bond = find_interface(node.facts, master);
    if (ports.size() < 2 || bond == nullptr || (bond->kind != "bond" && bond->kind != "team"))
      continue;
    Finding finding{
        .code = "bond_speed_mismatch",
        .severity = Severity::kWarning,
        .nodes = {node.node},
        .summary = fmt::format("{}: the ports of {} run at different speeds", node.node, master)};
    for (const auto& [speed, port] : ports)
      finding.evidence.push_back(fmt::format("{}: {} Mbit/s", port, speed));
    finding.remedy =
        "See why the slow port negotiated less: cable, optic or the switch port's setting.";
    finding.command = fmt::format("ethtool {}", ports.begin()->second);
    findings.push_back(std::move(finding));
  }
}

// Growth that matters: not the one error of last year, and not one in a million packets.
constexpr std::uint64_t kErrorsMin = 10;
constexpr double kErrorShareMin = 1e-4;

void check_errors(const NodeFacts& node, std::vector<Finding>& findings) {
  if (!node.earlier) return;
  for (const auto& interface : node.facts.interfaces->items) {
    // A tunnel's errors are those of its way, and a virtual cable has none of its own.
    if (!interface.kind.empty()) continue;
    const auto* before = find_interface(*node.earlier, interface.name);
    if (before == nullptr || !before->counters || !interface.counters ||
        before->index != interface.index)
      continue;
    const auto& a = *before->counters;
    const auto& b = *interface.counters;
    const auto errors_of = [](const facts::Counters& c) { return c.rx_errors + c.tx_errors; };
    const auto packets_of = [](const facts::Counters& c) { return c.rx_packets + c.tx_packets; };
    if (errors_of(b) < errors_of(a) || packets_of(b) < packets_of(a)) continue;  // begun anew
    const auto errors = errors_of(b) - errors_of(a);
    const auto packets = packets_of(b) - packets_of(a);
    if (errors < kErrorsMin ||
        static_cast<double>(errors) < kErrorShareMin * static_cast<double>(packets))
      continue;
    findings.push_back(
        {.code = "nic_errors",
         .severity = Severity::kError,
         .nodes = {node.node},
         .summary = fmt::format("{}: {} damages packets: {} errors in {} packets", node.node,
                                interface.name, errors, packets),
         .evidence = {fmt::format(
             "from {} to {}: {} CRC, {} frame, {} carrier errors",
             format_rfc3339(node.earlier->collected_at), format_rfc3339(node.facts.collected_at),
             b.rx_crc_errors - a.rx_crc_errors, b.rx_frame_errors - a.rx_frame_errors,
             b.tx_carrier_errors - a.tx_carrier_errors)},
         .remedy = "Clean or change the cable and optic, then the port at the other end.",
         .command = fmt::format("ethtool -S {}", interface.name)});
  }
}

}  // namespace

void check_segments(const Fleet& fleet, std::vector<Finding>& findings) {
  for (const auto& segment : fleet.segments) {
    check_mtu(segment, findings);
    check_vlans(segment, findings);
  }
  for (const auto& node : fleet.nodes) {
    if (node.facts.interfaces) check_vxlan_mtu(node, findings);
  }
  check_vxlan_pairs(fleet, findings);
}

void check_links(const Fleet& fleet, std::vector<Finding>& findings) {
  for (const auto& node : fleet.nodes) {
    if (!node.facts.interfaces) continue;
    check_duplex(node, findings);
    check_errors(node, findings);
  }
}

}  // namespace faultline::diagnose
