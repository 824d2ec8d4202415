// Rules about addresses: duplicates, masks, overlaps.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "controller/diagnose/rules.h"

namespace faultline::diagnose {
namespace {

// An address of a segment, also a host route's on the same interface, with who holds it.
struct Holder {
  const Member* member = nullptr;
  const facts::Address* address = nullptr;
};
using Holders = std::map<IpAddress, std::map<std::string, Holder>>;  // by address, then by node

Holders holders_of(const Segment& segment) {
  Holders holders;
  for (const auto& member : segment.members) {
    for (const auto& address : member.node->facts.addresses->items) {
      const bool here = address.interface == member.interface->name && address.scope == "global" &&
                        contains(segment.network, address.prefix.address);
      if (here) holders[address.prefix.address][member.node->node] = {&member, &address};
    }
  }
  return holders;
}

// Whether the node has another address in the segment: then this one is an extra one, such as a
// VIP.
bool has_another(const Holder& holder, const Segment& segment) {
  return std::ranges::any_of(segment.members, [&](const Member& member) {
    return member.node == holder.member->node &&
           member.address->prefix.address != holder.address->prefix.address;
  });
}

void add_duplicate(const Segment& segment, const IpAddress& address,
                   const std::map<std::string, Holder>& holders, std::vector<Finding>& findings) {
  const bool vip = std::ranges::all_of(
      holders, [&](const auto& entry) { return has_another(entry.second, segment); });
  const auto text = address.to_string();
  Finding finding{.code = vip ? "vip_held_twice" : "duplicate_address",
                  .severity = segment.proven ? Severity::kError : Severity::kWarning,
                  .address = address};
  for (const auto& [node, holder] : holders) {
    finding.nodes.push_back(node);
    finding.evidence.push_back(
        fmt::format("{} has {} on {} with MAC {}", node, text_of(holder.address->prefix),
                    holder.address->interface, holder.member->interface->mac.value_or("unknown")));
  }
  if (!segment.proven) {
    finding.evidence.push_back(fmt::format("that they share a wire is told by the network {} only",
                                           text_of(segment.network)));
  }
  const auto& last = std::prev(holders.end())->second;
  finding.summary =
      vip ? fmt::format("the extra address {} is held by {} nodes at once", text, holders.size())
          : fmt::format("{} is the address of {} nodes", text, holders.size());
  finding.remedy = vip ? "See why the holders do not hear each other (VRRP: IP protocol 112, "
                         "multicast 224.0.0.18), and "
                         "take the address off one of them."
                       : fmt::format("Give {} another address.", last.member->node->node);
  finding.command =
      fmt::format("ip addr del {} dev {}", text_of(last.address->prefix), last.address->interface);
  finding.run_on = last.member->node->node;
  findings.push_back(std::move(finding));
}

void check_macs(const Segment& segment, std::vector<Finding>& findings) {
  std::map<std::string, std::map<std::string, const Member*>> by_mac;
  for (const auto& member : segment.members) {
    const auto& interface = *member.interface;
    // A macvlan of VRRP's has the MAC of its group on purpose.
    if (!interface.mac || interface.mac->starts_with("00:00:5e:00:0")) continue;
    by_mac[*interface.mac].try_emplace(member.node->node, &member);
  }
  for (const auto& [mac, members] : by_mac) {
    if (members.size() < 2) continue;
    Finding finding{.code = "duplicate_mac",
                    .severity = segment.proven ? Severity::kError : Severity::kWarning};
    for (const auto& [node, member] : members) {
      finding.nodes.push_back(node);
      finding.evidence.push_back(fmt::format("{} has MAC {} on {} ({})", node, mac,
                                             member->interface->name,
                                             text_of(member->address->prefix)));
    }
    const auto& last = *std::prev(members.end())->second;
    finding.summary = fmt::format("MAC {} is that of {} nodes in {}", mac, members.size(),
                                  text_of(segment.network));
    finding.remedy = fmt::format(
        "Give {} a MAC of its own; a cloned virtual machine needs a new one in its "
        "hypervisor's configuration.",
        last.node->node);
    finding.command =
        fmt::format("ip link set dev {} address 02:{:02x}{}", last.interface->name,
                    last.address->prefix.address.bytes()[3], last.interface->mac->substr(5));
    finding.run_on = last.node->node;
    findings.push_back(std::move(finding));
  }
}

// Two members that hear each other and are sure of different networks around the same addresses.
void add_wrong_mask(const Member& wide, const Member& narrow, std::vector<Finding>& findings) {
  findings.push_back(
      {.code = "wrong_mask",
       .severity = Severity::kError,
       .nodes = {wide.node->node, narrow.node->node},
       .summary = fmt::format("{} and {} share a wire and disagree about its mask: /{} and /{}",
                              wide.node->node, narrow.node->node, wide.address->prefix.length,
                              narrow.address->prefix.length),
       .evidence = {fmt::format("{} has {} on {}", wide.node->node, text_of(wide.address->prefix),
                                wide.interface->name),
                    fmt::format("{} has {} on {}", narrow.node->node,
                                text_of(narrow.address->prefix), narrow.interface->name),
                    "one has resolved the other's address to the other's MAC"},
       .remedy = "Give both the mask that the gateway has. As of now the one with the shorter mask "
                 "looks on the "
                 "wire for hosts that are behind the gateway.",
       .command = fmt::format("ip addr show dev {}", wide.interface->name)});
}

// Cost: members x lengths of masks in use, and pairs only where networks contain each other.
void check_masks(const std::vector<Member>& members, std::vector<Finding>& findings) {
  std::map<std::pair<IpAddress, std::uint8_t>, std::vector<const Member*>> networks;
  std::set<std::uint8_t> lengths;
  for (const auto& member : members) {
    const auto network = network_of(member.address->prefix);
    networks[{network.address, network.length}].push_back(&member);
    lengths.insert(network.length);
  }
  for (const auto& narrow : members) {
    for (const auto length : lengths) {
      if (length >= narrow.address->prefix.length) break;
      const auto around = network_of({narrow.address->prefix.address, length});
      const auto found = networks.find({around.address, length});
      if (found == networks.end()) continue;
      for (const auto* wide : found->second) {
        const bool differ =
            wide->node != narrow.node &&
            contains(network_of(narrow.address->prefix), wide->address->prefix.address);
        if (differ && hear_each_other(*wide, narrow)) add_wrong_mask(*wide, narrow, findings);
      }
    }
  }
}

bool is_host_route(const facts::Prefix& prefix) {
  return prefix.length >= (prefix.address.is_v4() ? 31 : 127);
}

// Two interfaces of one node that claim the same addresses: replies leave by whichever comes first.
void check_overlaps(const NodeFacts& node, std::vector<Finding>& findings) {
  if (!node.facts.addresses) return;
  const auto& addresses = node.facts.addresses->items;
  const auto counts = [&](const facts::Address& address) {
    const auto* interface = find_interface(node.facts, address.interface);
    return interface != nullptr && interface->up && !interface->loopback &&
           address.scope == "global" && !is_host_route(address.prefix);
  };
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    for (std::size_t j = i + 1; j < addresses.size(); ++j) {
      const auto& a = addresses[i];
      const auto& b = addresses[j];
      if (a.interface == b.interface || !counts(a) || !counts(b)) continue;
      const bool overlap = contains(network_of(a.prefix), b.prefix.address) ||
                           contains(network_of(b.prefix), a.prefix.address);
      if (!overlap) continue;
      findings.push_back(
          {.code = "overlapping_subnets",
           .severity = Severity::kWarning,
           .nodes = {node.node},
           .summary = fmt::format("{}: the networks of {} and {} overlap", node.node, a.interface,
                                  b.interface),
           .evidence = {fmt::format("{} has {} on {}", node.node, text_of(a.prefix), a.interface),
                        fmt::format("{} has {} on {}", node.node, text_of(b.prefix), b.interface)},
           .remedy = fmt::format(
               "Move the network of {} elsewhere: hosts behind one of the two cannot be "
               "reached, as packets for them leave by the other.",
               b.interface),
           .command = fmt::format("ip route get {}", b.prefix.address.to_string())});
    }
  }
}

}  // namespace

void check_duplicates(const Fleet& fleet, std::vector<Finding>& findings) {
  for (const auto& segment : fleet.segments) {
    for (const auto& [address, holders] : holders_of(segment)) {
      if (holders.size() > 1) add_duplicate(segment, address, holders, findings);
    }
    check_macs(segment, findings);
  }
}

void check_subnets(const Fleet& fleet, std::vector<Finding>& findings) {
  check_masks(members_of(fleet.nodes), findings);
  for (const auto& node : fleet.nodes) check_overlaps(node, findings);
}

}  // namespace faultline::diagnose
