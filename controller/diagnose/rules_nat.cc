// The rule about a machine's own address translation: packets for its probe that it sends
// elsewhere.
#include <string_view>

#include <fmt/format.h>

#include "controller/diagnose/probe_ports.h"
#include "controller/diagnose/rules.h"

namespace faultline::diagnose {
namespace {

bool rewrites(const facts::FirewallRule& rule, const ProbePort& wanted) {
  return (rule.verdict == "dnat" || rule.verdict == "redirect") && may_take(rule, wanted);
}

// A rule for a port of its own is what Docker writes for each container; one that names the probe's
// port, or none at all, takes the probe's packets.
void check_node(const NodeFacts& node, std::vector<Finding>& findings) {
  for (const auto& wanted : kProbePorts) {
    for (const auto& rule : node.facts.firewall->translations.items) {
      // Without a port it may be meant for another address: only a rule that asks nothing is sure.
      if (!rewrites(rule, wanted) || (rule.ports.empty() && !rule.other.empty())) continue;
      const auto condition =
          rule.other.empty() ? "" : fmt::format(" where {}", fmt::join(rule.other, ", "));
      findings.push_back(
          {.code = "address_rewritten",
           .severity = rule.other.empty() ? Severity::kError : Severity::kWarning,
           .nodes = {node.node},
           .summary = fmt::format("{}: its own NAT sends {} ({} {}) to {}", node.node, wanted.what,
                                  wanted.protocol, wanted.port, rule.to.value_or("another port")),
           .evidence = {fmt::format(
               "{}: rule of {} {} {}: {} {} {}{}{}", node.node, rule.family, rule.table, rule.chain,
               rule.verdict, wanted.protocol, wanted.port, condition,
               rule.packets ? fmt::format(", {} packets so far", *rule.packets) : "")},
           .remedy = fmt::format("Take the probe's port out of the rule on {}.", node.node),
           .command = rule.source == "nftables" ? fmt::format("nft -a list chain {} {} {}",
                                                              rule.family, rule.table, rule.chain)
                                                : "iptables -t nat -S"});
      break;
    }
  }
}

}  // namespace

void check_translations(const Fleet& fleet, std::vector<Finding>& findings) {
  for (const auto& node : fleet.nodes) {
    if (node.facts.firewall) check_node(node, findings);
  }
}

}  // namespace faultline::diagnose
