// Rules about one host: its firewall, processor, neighbor table and clock.
#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "controller/diagnose/probe_ports.h"
#include "controller/diagnose/rules.h"

namespace faultline::diagnose {
namespace {

bool is_of(const facts::FirewallRule& rule, const facts::FirewallChain& chain) {
  return rule.source == chain.source && rule.family == chain.family && rule.table == chain.table;
}

// What cannot be meant for a stranger's new packet: replies, and what comes from this machine
// itself.
bool asks_for_replies(const facts::FirewallRule& rule) {
  return std::ranges::any_of(rule.other, [](const std::string& word) {
    return word.find("ESTABLISHED") != std::string::npos ||
           word.find("established") != std::string::npos ||
           word.find("\"lo\"") != std::string::npos || word == "-i lo";
  });
}

// Why packets of this kind are dropped for sure; empty: they are not, or it cannot be told.
std::string drop_reason(const facts::Firewall& firewall, const facts::FirewallChain& chain,
                        const ProbePort& wanted) {
  if (!firewall.rules.complete()) return {};
  for (const auto& rule : firewall.rules.items) {
    if (!is_of(rule, chain) || !may_take(rule, wanted) || asks_for_replies(rule)) continue;
    if (rule.verdict == "accept") return {};  // all of them or some: which, the model does not know
    if (rule.chain != chain.chain || !rule.other.empty()) {
      // A drop behind a jump or under a condition: only what names the port is worth telling.
      if (rule.ports.empty()) continue;
      return fmt::format("rule of {} {} {}: {} for some of {} {}", rule.family, rule.table,
                         rule.chain, rule.verdict, wanted.protocol, wanted.port);
    }
    return fmt::format("rule of {} {} {}: {}{}", rule.family, rule.table, rule.chain, rule.verdict,
                       rule.packets ? fmt::format(", {} packets so far", *rule.packets) : "");
  }
  if (chain.policy != "drop") return {};
  return fmt::format("policy of {} {} {} is drop, and no rule accepts {} {}", chain.family,
                     chain.table, chain.chain, wanted.protocol, wanted.port);
}

void check_input(const NodeFacts& node, std::vector<Finding>& findings) {
  const auto& firewall = *node.facts.firewall;
  for (const auto& wanted : kProbePorts) {
    for (const auto& chain : firewall.chains) {
      const bool sees_ip = chain.family == "ip" || chain.family == "inet";
      if (chain.hook != "input" || !sees_ip) continue;
      const auto why = drop_reason(firewall, chain, wanted);
      if (why.empty()) continue;
      const bool iptables = chain.source != "nftables";
      findings.push_back(
          {.code = "firewall_drops_probe",
           .severity = Severity::kError,
           .nodes = {node.node},
           .summary = fmt::format("{}: its own firewall drops {} ({} {})", node.node, wanted.what,
                                  wanted.protocol, wanted.port),
           .evidence = {fmt::format("{}: {}", node.node, why)},
           .remedy = "Accept the port from the other nodes, before that rule or policy.",
           .command = iptables
                          ? fmt::format("iptables -I {} -p {} --dport {} -j ACCEPT", chain.chain,
                                        wanted.protocol, wanted.port)
                          : fmt::format("nft insert rule {} {} {} {} dport {} accept", chain.family,
                                        chain.table, chain.chain, wanted.protocol, wanted.port)});
      break;
    }
  }
}

bool mentions(const facts::FirewallRule& rule, const std::string& bridge) {
  return std::ranges::any_of(rule.other, [&](const std::string& word) {
    return word.find(bridge) != std::string::npos || word.find("physdev") != std::string::npos;
  });
}

// With br_netfilter frames between two ports of a bridge pass the IPv4 FORWARD chain, which Docker
// closes.
void check_bridge_filter(const NodeFacts& node, std::vector<Finding>& findings) {
  const auto called = node.facts.sysctls.find("net.bridge.bridge-nf-call-iptables");
  if (called == node.facts.sysctls.end() || called->second == 0 || !node.facts.interfaces) return;
  const auto& firewall = *node.facts.firewall;
  for (const auto& chain : firewall.chains) {
    const bool closed = chain.hook == "forward" &&
                        (chain.family == "ip" || chain.family == "inet") && chain.policy == "drop";
    if (!closed || !firewall.rules.complete()) continue;
    for (const auto& bridge : node.facts.interfaces->items) {
      if (bridge.kind != "bridge" || !bridge.up) continue;
      const auto ports = std::ranges::count_if(node.facts.interfaces->items, [&](const auto& port) {
        return port.master == bridge.name;
      });
      const bool accepted =
          std::ranges::any_of(firewall.rules.items, [&](const facts::FirewallRule& rule) {
            const bool takes_all = rule.other.empty() && !rule.protocol;
            return is_of(rule, chain) && rule.verdict == "accept" &&
                   (takes_all || mentions(rule, bridge.name));
          });
      if (ports < 2 || accepted) continue;
      findings.push_back(
          {.code = "bridge_filter_drop",
           .severity = Severity::kError,
           .nodes = {node.node},
           .summary = fmt::format("{}: frames between the ports of {} meet a closed FORWARD chain",
                                  node.node, bridge.name),
           .evidence = {fmt::format("{}: net.bridge.bridge-nf-call-iptables is 1", node.node),
                        fmt::format("{}: policy of {} {} {} is drop, and no rule accepts {}",
                                    node.node, chain.family, chain.table, chain.chain, bridge.name),
                        fmt::format("{} has {} ports", bridge.name, ports)},
           .remedy = "Keep bridged frames out of iptables (or accept the bridge in DOCKER-USER "
                     "where Docker runs).",
           .command = "sysctl -w net.bridge.bridge-nf-call-iptables=0"});
    }
  }
}

constexpr double kStealShareMax = 0.05;

void check_steal(const NodeFacts& node, std::vector<Finding>& findings) {
  if (!node.facts.cpu || !node.earlier || !node.earlier->cpu) return;
  const auto& a = *node.earlier->cpu;
  const auto& b = *node.facts.cpu;
  if (b.total <= a.total || b.steal < a.steal) return;
  const auto share =
      static_cast<double>(b.steal - a.steal) / static_cast<double>(b.total - a.total);
  if (share < kStealShareMax) return;
  findings.push_back(
      {.code = "cpu_steal",
       .severity = Severity::kWarning,
       .nodes = {node.node},
       .summary = fmt::format("{}: the hypervisor takes {:.0f} % of its processors away", node.node,
                              100 * share),
       .evidence = {fmt::format("{}: {} of {} ticks stolen from {} to {}", node.node,
                                b.steal - a.steal, b.total - a.total,
                                format_rfc3339(node.earlier->collected_at),
                                format_rfc3339(node.facts.collected_at))},
       .remedy = "The network is not at fault for delays of this node: move it to another host, or "
                 "give it a reservation.",
       .command = "vmstat 1 5"});
}

constexpr double kThrottledShareMax = 0.05;

void check_throttling(const NodeFacts& node, std::vector<Finding>& findings) {
  if (!node.facts.cpu || !node.earlier || !node.earlier->cpu) return;
  const auto& before = node.earlier->cpu->throttled_us;
  const auto& now = node.facts.cpu->throttled_us;
  const auto between = node.facts.collected_at - node.earlier->collected_at;
  if (!now || *now < before.value_or(0) || between <= Duration::zero()) return;
  const auto waited = *now - before.value_or(0);
  const auto share = static_cast<double>(waited) * 1000 / static_cast<double>(between.count());
  if (share < kThrottledShareMax) return;
  if (!before && share > 1)
    return;  // counted since before the earlier sample, which did not see it
  findings.push_back(
      {.code = "cpu_throttled",
       .severity = Severity::kWarning,
       .nodes = {node.node},
       .summary = fmt::format("{}: its processor quota is used up, it was made to wait {:.0f} % of "
                              "the time",
                              node.node, 100 * share),
       .evidence = {fmt::format("{}: throttled for {} ms from {} to {}", node.node, waited / 1000,
                                format_rfc3339(node.earlier->collected_at),
                                format_rfc3339(node.facts.collected_at))},
       .remedy = "The network is not at fault for delays of this node: raise its processor limit, "
                 "or give it less to do.",
       .command = "cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu.stat"});
}

constexpr double kTableShareMax = 0.9;

void check_neighbor_table(const NodeFacts& node, std::vector<Finding>& findings) {
  const auto limit = node.facts.sysctls.find("net.ipv4.neigh.default.gc_thresh3");
  if (!node.facts.neighbors || limit == node.facts.sysctls.end() || limit->second <= 0) return;
  const auto entries = node.facts.neighbors->total;
  if (static_cast<double>(entries) < kTableShareMax * static_cast<double>(limit->second)) return;
  findings.push_back(
      {.code = "neighbor_table_full",
       .severity = Severity::kError,
       .nodes = {node.node},
       .summary =
           fmt::format("{}: its neighbor table is full, new hosts cannot be reached", node.node),
       .evidence = {fmt::format("{}: {} neighbors, net.ipv4.neigh.default.gc_thresh3 is {}",
                                node.node, entries, limit->second)},
       .remedy = "Raise the limits above the number of hosts on its wires.",
       .command =
           fmt::format("sysctl -w net.ipv4.neigh.default.gc_thresh3={}", 4 * limit->second)});
}

// Modes of ip-sysctl: 1 lowers a path's MTU to the least there is, 2 believes no report at all; 3
// believes those of packets that it sent, and is no trouble.
void check_path_mtu_discovery(const NodeFacts& node, std::vector<Finding>& findings) {
  const auto mode = node.facts.sysctls.find("net.ipv4.ip_no_pmtu_disc");
  if (mode == node.facts.sysctls.end() || (mode->second != 1 && mode->second != 2)) return;
  findings.push_back(
      {.code = "pmtu_discovery_off",
       .severity = Severity::kNotice,
       .nodes = {node.node},
       .summary = fmt::format("{}: it does not discover the MTU of its paths", node.node),
       .evidence = {fmt::format("{}: net.ipv4.ip_no_pmtu_disc is {}", node.node, mode->second)},
       .remedy =
           "Switch it on, also after a restart (/etc/sysctl.d): behind a tunnel its packets are "
           "fragmented, or as small as can be.",
       .command = "sysctl -w net.ipv4.ip_no_pmtu_disc=0"});
}

constexpr std::int64_t kClockOffsetMaxUs = 100'000;

void check_clock(const NodeFacts& node, std::vector<Finding>& findings) {
  if (!node.facts.clock) return;
  const auto& clock = *node.facts.clock;
  const bool far = std::abs(clock.offset_us) > kClockOffsetMaxUs;
  if (clock.synchronized && !far) return;
  findings.push_back(
      {.code = "clock_off",
       .severity = far ? Severity::kWarning : Severity::kNotice,
       .nodes = {node.node},
       .summary = far ? fmt::format("{}: its clock is {} ms off", node.node, clock.offset_us / 1000)
                      : fmt::format("{}: nothing keeps its clock", node.node),
       .evidence = {fmt::format("{}: synchronized: {}, offset {} us, error at most {} us",
                                node.node, clock.synchronized, clock.offset_us,
                                clock.max_error_us)},
       .remedy =
           "One-way delays of this node mean nothing until chrony or another NTP client runs.",
       .command = "chronyc tracking"});
}

}  // namespace

void check_filters(const Fleet& fleet, std::vector<Finding>& findings) {
  for (const auto& node : fleet.nodes) {
    if (!node.facts.firewall) continue;
    check_input(node, findings);
    check_bridge_filter(node, findings);
  }
}

void check_hosts(const Fleet& fleet, std::vector<Finding>& findings) {
  for (const auto& node : fleet.nodes) {
    check_steal(node, findings);
    check_throttling(node, findings);
    check_neighbor_table(node, findings);
    check_path_mtu_discovery(node, findings);
    check_clock(node, findings);
  }
}

}  // namespace faultline::diagnose
