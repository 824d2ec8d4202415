#include "controller/vpc/reach_filters.h"

#include <algorithm>

#include <fmt/format.h>

namespace faultline::vpc {
namespace {

bool names(const std::vector<std::string>& ids, const std::string& id) {
  return std::ranges::find(ids, id) != ids.end();
}

const IpAddress& peer_of(const Packet& packet, Side side) {
  return side == Side::kInbound ? packet.source : packet.destination;
}

// What passes is told from what is asked by the side it is seen from.
std::string_view preposition(Side side) { return side == Side::kInbound ? "from" : "to"; }

std::string describe(const GroupRule& rule, Side side) {
  const auto peer =
      rule.prefix ? rule.prefix->to_string() : (rule.group.empty() ? rule.prefix_list : rule.group);
  return fmt::format("{} {} {}", describe(rule.match), preposition(side), peer);
}

std::string describe(const Packet& packet) {
  if (has_ports(packet.protocol)) {
    return fmt::format("{} {}", protocol_name(packet.protocol),
                       to_string(packet.destination_ports));
  }
  return fmt::format("{} type {}", protocol_name(packet.protocol), packet.icmp_type);
}

// Security groups know each other inside a network and across active peerings.
bool knows_groups_of(const Model& model, const std::string& network, const std::string& other) {
  if (network == other) return true;
  return std::ranges::any_of(model.peerings, [&](const auto& entry) {
    const auto& peering = entry.second;
    if (peering.state != "active" || peering.requester.region != peering.accepter.region) {
      return false;
    }
    return (peering.requester.network == network && peering.accepter.network == other) ||
           (peering.requester.network == other && peering.accepter.network == network);
  });
}

// Outbound, where the receiver is known by its address only.
bool receiver_in_group(const Model& model, const std::string& network, const std::string& group,
                       const IpAddress& address) {
  return std::ranges::any_of(model.interfaces, [&](const auto& entry) {
    const auto& interface = entry.second;
    return names(interface.groups, group) && has_address(interface, address) &&
           knows_groups_of(model, network, interface.network);
  });
}

enum class Fit : std::uint8_t { kNo, kYes, kLost, kUnknown };

Fit peer_fits(const Model& model, const GroupRule& rule, const std::string& network, Side side,
              const Packet& packet) {
  const auto& peer = peer_of(packet, side);
  if (rule.prefix) return rule.prefix->contains(peer) ? Fit::kYes : Fit::kNo;
  if (!rule.prefix_list.empty()) {
    const auto* list = find(model.prefix_lists, rule.prefix_list);
    if (list == nullptr || !list->entries_known) return Fit::kUnknown;
    return has_address(list->prefixes, peer) ? Fit::kYes : Fit::kNo;
  }
  if (side == Side::kOutbound) {
    return receiver_in_group(model, network, rule.group, peer) ? Fit::kYes : Fit::kNo;
  }
  if (names(packet.groups, rule.group)) return Fit::kYes;
  return names(packet.groups_lost, rule.group) ? Fit::kLost : Fit::kNo;
}

bool is_about(const Match& match, const Packet& packet) {
  return protocol_matches(match, packet) &&
         (match.protocol == kAnyProtocol || !has_ports(packet.protocol) ||
          match.ports.contains(packet.destination_ports));
}

// Of all groups: what would have admitted the packet, had it been known or not been lost.
struct NearMiss {
  std::string group{};
  std::string rule{};
  Fit why = Fit::kNo;
};

std::string labels(const Model& model, const std::vector<std::string>& groups) {
  std::string text;
  for (const auto& id : groups) {
    const auto* group = find(model.groups, id);
    text += (text.empty() ? "" : ", ") + label(id, group == nullptr ? "" : group->name);
  }
  return text;
}

Ruling refusal(const Model& model, const std::string& interface_id, const Interface& interface,
               Side side, const Packet& packet, const NearMiss& miss) {
  Ruling ruling{.kind = Ruling::Kind::kRefused,
                .element = interface.groups.front(),
                .name = labels(model, interface.groups)};
  if (miss.why == Fit::kUnknown) {
    ruling.kind = Ruling::Kind::kUnknown;
    ruling.element = miss.group;
    ruling.code = "NOT_IN_SNAPSHOT";
    ruling.sentence = miss.rule.empty()
                          ? fmt::format("security group {} is not in the snapshot", miss.group)
                          : fmt::format(
                                "the entries of the prefix list in '{}' of security group "
                                "{} are not in the snapshot",
                                miss.rule, miss.group);
    return ruling;
  }
  if (miss.why == Fit::kLost) {
    ruling.element = miss.group;
    ruling.rule = miss.rule;
    ruling.code = packet.groups_lost_code;
    ruling.sentence = fmt::format(
        "rule '{}' of security group {} names a security group, and the way from {} does not keep "
        "that",
        miss.rule, miss.group, packet.source.to_string());
    return ruling;
  }
  const bool empty = std::ranges::all_of(interface.groups, [&](const std::string& id) {
    const auto* group = find(model.groups, id);
    return group != nullptr && (side == Side::kInbound ? group->inbound : group->outbound).empty();
  });
  ruling.code = empty ? "SG_HAS_NO_RULES" : "ENI_SG_RULES_MISMATCH";
  ruling.sentence = fmt::format("no {} rule of {} ({}) admits {} {} {}", to_string(side),
                                interface_id, labels(model, interface.groups), describe(packet),
                                preposition(side), peer_of(packet, side).to_string());
  return ruling;
}

// What is left of the packet's ports after rules that are about some of them.
struct Ports {
  std::vector<PortRange> left{};
  // Takes what is in `range` away; whether there was any.
  bool take(const PortRange& range) {
    bool taken = false;
    std::vector<PortRange> rest;
    for (const auto& part : left) {
      if (part.last < range.first || range.last < part.first) {
        rest.push_back(part);
        continue;
      }
      taken = true;
      if (part.first < range.first) {
        rest.push_back({part.first, static_cast<std::uint16_t>(range.first - 1)});
      }
      if (range.last < part.last) {
        rest.push_back({static_cast<std::uint16_t>(range.last + 1), part.last});
      }
    }
    left = std::move(rest);
    return taken;
  }
};

std::string describe(const AccessEntry& entry, Side side) {
  return fmt::format("rule {} {} {} {} {}", entry.number, entry.allow ? "allow" : "deny",
                     describe(entry.match), preposition(side), entry.prefix.to_string());
}

struct ListTally {
  std::string admitted{};  // the first entry that admitted some ports
  std::string refused{};   // the first that refused some
};

ListTally tally_of(const std::vector<AccessEntry>& entries, Side side, const Packet& packet) {
  ListTally tally;
  Ports ports{{packet.destination_ports}};
  for (const auto& entry : entries) {
    if (!entry.prefix.contains(peer_of(packet, side)) || !protocol_matches(entry.match, packet)) {
      continue;
    }
    const bool by_port = has_ports(packet.protocol) && entry.match.protocol != kAnyProtocol;
    if (!ports.take(by_port ? entry.match.ports : PortRange{})) continue;
    auto& first = entry.allow ? tally.admitted : tally.refused;
    if (first.empty()) first = describe(entry, side);
  }
  if (!ports.left.empty() && tally.refused.empty()) tally.refused = "rule * deny all";
  return tally;
}

}  // namespace

std::string_view to_string(Side side) { return side == Side::kInbound ? "inbound" : "outbound"; }

Ruling ask_groups(const Model& model, const std::string& interface_id, const Interface& interface,
                  Side side, const Packet& packet) {
  if (interface.groups.empty()) return {};
  NearMiss miss;
  for (const auto& id : interface.groups) {
    const auto* group = find(model.groups, id);
    if (group == nullptr) {
      miss = {id, "", Fit::kUnknown};
      continue;
    }
    for (const auto& rule : side == Side::kInbound ? group->inbound : group->outbound) {
      if (!is_about(rule.match, packet)) continue;
      const auto fit = peer_fits(model, rule, interface.network, side, packet);
      if (fit == Fit::kYes) {
        return {.element = id, .name = label(id, group->name), .rule = describe(rule, side)};
      }
      if (fit > miss.why) miss = {id, describe(rule, side), fit};
    }
  }
  return refusal(model, interface_id, interface, side, packet, miss);
}

Ruling ask_list(const Model& model, const std::string& subnet, Side side, const Packet& packet) {
  const auto* list = list_of_subnet(model, subnet);
  if (list == nullptr) {
    return {.kind = Ruling::Kind::kUnknown,
            .element = subnet,
            .name = "network ACL of " + subnet,
            .code = "NOT_IN_SNAPSHOT",
            .sentence = fmt::format("the network ACL of {} is not in the snapshot", subnet)};
  }
  const auto& entries = side == Side::kInbound ? list->second.inbound : list->second.outbound;
  const auto tally = tally_of(entries, side, packet);
  Ruling ruling{.element = list->first, .name = label(list->first, list->second.name)};
  ruling.rule = tally.refused.empty() ? tally.admitted : tally.refused;
  if (tally.refused.empty()) return ruling;
  ruling.kind = tally.admitted.empty() ? Ruling::Kind::kRefused : Ruling::Kind::kPartly;
  ruling.code = "SUBNET_ACL_RESTRICTION";
  ruling.sentence = fmt::format("network ACL {} of {} stops {}{} {} {} {}: {}", ruling.name, subnet,
                                ruling.kind == Ruling::Kind::kPartly ? "a part of " : "",
                                describe(packet), to_string(side), preposition(side),
                                peer_of(packet, side).to_string(), tally.refused);
  return ruling;
}

}  // namespace faultline::vpc
