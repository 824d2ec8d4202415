// Of aws_fields.h: describe-security-groups, describe-network-acls.
#include <algorithm>
#include <charconv>

#include "controller/vpc/aws_fields.h"

namespace faultline::vpc::aws {
namespace {

constexpr int kIcmp = 1;
constexpr int kTcp = 6;
constexpr int kUdp = 17;
constexpr int kIcmpV6 = 58;

bool is_icmp(int protocol) { return protocol == kIcmp || protocol == kIcmpV6; }

// "tcp" or "6"; "-1" is any.
int protocol_of(const Item& item, const char* key) {
  const auto text = item.id(key);
  if (text == "tcp") return kTcp;
  if (text == "udp") return kUdp;
  if (text == "icmp") return kIcmp;
  if (text == "icmpv6") return kIcmpV6;
  int number = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (!text.empty() && (read.ec != std::errc{} || read.ptr != end || number < -1 || number > 255)) {
    item.error(key, "'" + text.substr(0, 20) + "' is not a protocol");
    return kAnyProtocol;
  }
  return number;
}

PortRange ports_of(const Item& item, const char* first_key, const char* last_key) {
  const auto first = item.number(first_key).value_or(0);
  const auto last = item.number(last_key).value_or(65'535);
  if (first == -1) return {};  // all
  if (first > last || last > 65'535) {
    item.error(first_key, "is beyond the last port, or that is beyond 65535");
    return {};
  }
  return {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
}

// In security groups, "ports" of ICMP are type and code.
Match match_of_permission(const Item& permission) {
  Match match{.protocol = protocol_of(permission, "IpProtocol")};
  if (is_icmp(match.protocol)) {
    match.icmp_type = permission.number("FromPort").value_or(kAnyIcmp);
    match.icmp_code = permission.number("ToPort").value_or(kAnyIcmp);
  } else if (match.protocol == kTcp || match.protocol == kUdp) {
    match.ports = ports_of(permission, "FromPort", "ToPort");
  }
  return match;
}

std::vector<GroupRule> rules_of(const Item& group, const char* key) {
  std::vector<GroupRule> rules;
  for (const auto& permission : group.items(key)) {
    const auto match = match_of_permission(permission);
    for (const auto& range : permission.items("IpRanges")) {
      rules.push_back({.match = match, .prefix = range.prefix("CidrIp")});
      if (!rules.back().prefix) range.error("CidrIp", "is missing");
    }
    for (const auto& range : permission.items("Ipv6Ranges")) {
      rules.push_back({.match = match, .prefix = range.prefix("CidrIpv6")});
      if (!rules.back().prefix) range.error("CidrIpv6", "is missing");
    }
    for (const auto& list : permission.items("PrefixListIds")) {
      rules.push_back({.match = match, .prefix_list = list.id("PrefixListId")});
    }
    for (const auto& pair : permission.items("UserIdGroupPairs")) {
      rules.push_back({.match = match, .group = pair.id("GroupId")});
    }
  }
  return rules;
}

void read_group(const Item& item) {
  SecurityGroup group{.name = item.text("GroupName"), .network = item.text("VpcId")};
  group.inbound = rules_of(item, "IpPermissions");
  group.outbound = rules_of(item, "IpPermissionsEgress");
  item.reading().add(item.reading().model().groups, item.id("GroupId"), std::move(group));
}

AccessEntry entry_of(const Item& item) {
  AccessEntry entry{.number = item.number("RuleNumber").value_or(0)};
  const auto action = item.id("RuleAction");
  if (action != "allow" && action != "deny") item.error("RuleAction", "is neither allow nor deny");
  entry.allow = action == "allow";
  entry.match.protocol = protocol_of(item, "Protocol");
  if (is_icmp(entry.match.protocol)) {
    const auto icmp = item.child("IcmpTypeCode");
    entry.match.icmp_type = icmp.number("Type").value_or(kAnyIcmp);
    entry.match.icmp_code = icmp.number("Code").value_or(kAnyIcmp);
  } else if (entry.match.protocol == kTcp || entry.match.protocol == kUdp) {
    entry.match.ports = ports_of(item.child("PortRange"), "From", "To");
  }
  const auto v4 = item.prefix("CidrBlock");
  const auto v6 = item.prefix("Ipv6CidrBlock");
  if (!v4 && !v6) item.error("CidrBlock", "is missing");
  entry.prefix = v4 ? *v4 : v6.value_or(Prefix{});
  return entry;
}

void read_access_list(const Item& item) {
  AccessList list{.name = item.name(),
                  .network = item.text("VpcId"),
                  .fallback = item.flag("IsDefault", false)};
  for (const auto& association : item.items("Associations")) {
    list.subnets.push_back(association.id("SubnetId"));
  }
  for (const auto& item_entry : item.items("Entries")) {
    auto& entries = item_entry.flag("Egress", false) ? list.outbound : list.inbound;
    entries.push_back(entry_of(item_entry));
  }
  std::ranges::sort(list.subnets);
  std::ranges::stable_sort(list.inbound, {}, &AccessEntry::number);
  std::ranges::stable_sort(list.outbound, {}, &AccessEntry::number);
  item.reading().add(item.reading().model().access_lists, item.id("NetworkAclId"), std::move(list));
}

}  // namespace

std::vector<Kind> filter_kinds() {
  return {{"SecurityGroups", "security groups", read_group},
          {"NetworkAcls", "network ACLs", read_access_list}};
}

}  // namespace faultline::vpc::aws
