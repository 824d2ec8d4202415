// `nft -j list ruleset`.
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "probe/facts/firewall.h"

namespace faultline::probe_facts {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kPartsMax = 16;  // ports or words of one rule
constexpr std::size_t kWordMax = 120;  // bytes
constexpr std::size_t kChainsMax = 128;

std::string text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>().substr(0, kWordMax)
                                                     : std::string();
}

// `{"payload": {...}}` -> the object below the key; null where it is something else.
const Json& below(const Json& value, const char* key) {
  static const Json kNothing;
  if (!value.is_object()) return kNothing;
  const auto found = value.find(key);
  return found == value.end() ? kNothing : *found;
}

std::string compact(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, kWordMax);
}

void add(std::vector<std::string>& parts, std::string part) {
  if (parts.size() < kPartsMax) parts.push_back(std::move(part));
}

// 862, {"range": [61000, 61015]}, {"set": [...]}; false for a named set and other things.
bool read_ports(const Json& right, std::vector<std::string>& ports) {
  if (right.is_number_unsigned()) {
    add(ports, compact(right));
    return true;
  }
  const auto& range = below(right, "range");
  if (range.is_array() && range.size() == 2) {
    add(ports, fmt::format("{}-{}", compact(range[0]), compact(range[1])));
    return true;
  }
  const auto& set = below(right, "set");
  return set.is_array() && !set.empty() && set.size() <= kPartsMax &&
         std::ranges::all_of(set, [&](const Json& item) { return read_ports(item, ports); });
}

bool is_protocol(const std::string& word) {
  constexpr std::array<std::string_view, 5> kProtocols{"tcp", "udp", "icmp", "icmpv6", "ipv6-icmp"};
  return std::ranges::find(kProtocols, word) != kProtocols.end();
}

std::string lower(std::string word) {
  for (auto& c : word) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return word;
}

std::string protocol_name(const std::string& word) { return word == "ipv6-icmp" ? "icmpv6" : word; }

// A match on what the model knows is taken in; false for everything else.
bool read_match(const Json& match, facts::FirewallRule& rule) {
  if (text(match, "op") != "==" && text(match, "op") != "in") return false;
  const auto& left = below(match, "left");
  const auto& right = below(match, "right");
  const auto& payload = below(left, "payload");
  if (payload.is_object()) {
    const auto protocol = text(payload, "protocol");
    const auto field = text(payload, "field");
    if ((protocol == "tcp" || protocol == "udp") && field == "dport") {
      rule.protocol = protocol;
      return read_ports(right, rule.ports);
    }
    const bool names_protocol =
        (protocol == "ip" && field == "protocol") || (protocol == "ip6" && field == "nexthdr");
    if (names_protocol && right.is_string() && is_protocol(right.get<std::string>())) {
      rule.protocol = protocol_name(right.get<std::string>());
      return true;
    }
    if (protocol == "icmp" || protocol == "icmpv6") rule.protocol = protocol;
    return false;
  }
  const auto& meta = below(left, "meta");
  if (meta.is_object() && text(meta, "key") == "l4proto" && right.is_string() &&
      is_protocol(right.get<std::string>())) {
    rule.protocol = protocol_name(right.get<std::string>());
    return true;
  }
  return false;
}

bool is_translation(const std::string& verdict) {
  return verdict == "dnat" || verdict == "snat" || verdict == "masquerade" || verdict == "redirect";
}

// {"addr": "10.0.0.5", "port": 8080}, {"name": "DNAT"} of iptables' own, or nothing.
void read_translation(const std::string& verdict, const Json& value, facts::FirewallRule& rule) {
  rule.verdict = verdict;
  const auto address = text(value, "addr");
  const auto& port = below(value, "port");
  const auto number = port.is_number_unsigned() ? ":" + compact(port) : std::string();
  if (!address.empty() || !number.empty()) rule.to = address + number;
}

// Of one statement; a statement that only counts or logs asks nothing.
void read_statement(const Json& statement, facts::FirewallRule& rule) {
  if (!statement.is_object() || statement.size() != 1) return;
  const auto& name = statement.begin().key();
  const auto& value = statement.begin().value();
  if (name == "drop" || name == "reject" || name == "accept") {
    rule.verdict = name;
  } else if (name == "counter") {
    const auto& packets = below(value, "packets");
    if (packets.is_number_unsigned()) rule.packets = packets.get<std::uint64_t>();
  } else if (name == "match") {
    if (!read_match(value, rule)) {
      add(rule.other, fmt::format("{} {} {}", compact(below(value, "left")), text(value, "op"),
                                  compact(below(value, "right")))
                          .substr(0, kWordMax));
    }
  } else if (name == "jump" || name == "goto" || name == "return" || name == "vmap") {
    rule.verdict.clear();  // the decision is elsewhere
  } else if (is_translation(name)) {
    read_translation(name, value, rule);
  } else if (name == "xt" && text(value, "type") == "target" &&
             is_translation(lower(text(value, "name")))) {
    read_translation(lower(text(value, "name")), {}, rule);
  } else if (name != "log" && name != "comment") {
    add(rule.other, compact(statement));
  }
}

void read_chain(const Json& json, facts::Firewall& firewall) {
  const auto hook = text(json, "hook");
  if (hook.empty() || firewall.chains.size() >= kChainsMax) return;  // not where packets enter
  if (text(json, "type") == "nat") return;
  firewall.chains.push_back(
      {.source = "nftables",
       .family = text(json, "family"),
       .table = text(json, "table"),
       .chain = text(json, "name"),
       .hook = hook,
       .policy = text(json, "policy").empty() ? "accept" : text(json, "policy")});
}

void read_rule(const Json& json, facts::Firewall& firewall) {
  facts::FirewallRule rule{.source = "nftables",
                           .family = text(json, "family"),
                           .table = text(json, "table"),
                           .chain = text(json, "chain")};
  for (auto& chain : firewall.chains) {
    if (chain.family == rule.family && chain.table == rule.table && chain.chain == rule.chain) {
      ++chain.rules;
    }
  }
  const auto& statements = below(json, "expr");
  if (!statements.is_array()) return;
  for (const auto& statement : statements) read_statement(statement, rule);
  if (rule.verdict.empty()) return;
  auto& list = is_translation(rule.verdict) ? firewall.translations : firewall.rules;
  ++list.total;
  if (list.items.size() < facts::kFirewallRulesMax) list.items.push_back(std::move(rule));
}

}  // namespace

Status read_nftables(std::string_view json, facts::Firewall& firewall) {
  const auto document = Json::parse(json, nullptr, false);
  const auto& entries = below(document, "nftables");
  if (!entries.is_array()) return fail(ErrorCode::kInvalid, "nft's answer is not its JSON");
  for (const auto& entry : entries) {
    if (const auto& chain = below(entry, "chain"); chain.is_object()) read_chain(chain, firewall);
    if (const auto& rule = below(entry, "rule"); rule.is_object()) read_rule(rule, firewall);
  }
  return {};
}

}  // namespace faultline::probe_facts
