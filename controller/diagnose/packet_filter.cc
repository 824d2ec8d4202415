#include "controller/diagnose/packet_filter.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "controller/diagnose/network.h"

namespace faultline::diagnose {
namespace {

// A rule takes what all of its conditions take: the least of them.
enum class Match : std::uint8_t { kNo, kPerhaps, kSome, kYes };

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

bool holds(const std::string& ports, std::uint16_t port) {
  const auto dash = std::min(ports.find('-'), ports.size());
  unsigned low = 0;
  std::from_chars(ports.data(), ports.data() + dash, low);
  unsigned high = low;
  if (dash < ports.size()) {
    std::from_chars(ports.data() + dash + 1, ports.data() + ports.size(), high);
  }
  return low <= port && port <= high;
}

// "10.1.1.2", "10.1.1.0/24".
std::optional<facts::Prefix> prefix_of(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(std::string(text.substr(0, slash)));
  if (!address) return std::nullopt;
  unsigned length = address->is_v4() ? 32 : 128;
  if (slash != std::string_view::npos) {
    const auto end = text.data() + text.size();
    if (std::from_chars(text.data() + slash + 1, end, length).ptr != end) return std::nullopt;
  }
  if (length > (address->is_v4() ? 32U : 128U)) return std::nullopt;
  return facts::Prefix{*address, static_cast<std::uint8_t>(length)};
}

// The right side of an nftables match: "10.1.1.2" in quotes, or {"prefix":{"addr":...,"len":...}}.
std::optional<facts::Prefix> nft_prefix(const std::string& right) {
  const auto between = [&](std::string_view before, std::string_view after) {
    const auto from = right.find(before);
    if (from == std::string::npos) return std::string();
    const auto begin = from + before.size();
    return right.substr(begin, right.find_first_of(after, begin) - begin);
  };
  if (right.starts_with('"')) return prefix_of(between("\"", "\""));
  const auto address = between("\"addr\":\"", "\"");
  const auto length = between("\"len\":", "},");
  return address.empty() ? std::nullopt : prefix_of(address + "/" + length);
}

Match by_prefix(const std::optional<facts::Prefix>& prefix, const IpAddress& address,
                bool negated) {
  if (!prefix) return Match::kPerhaps;
  return contains(*prefix, address) != negated ? Match::kYes : Match::kNo;
}

// One condition beyond protocol and port, as the collector words it (probe/facts/firewall_*.cc).
Match by_word(const std::string& word, const Packet& packet) {
  const bool negated = word.starts_with("! ") || has(word, "}} != ");
  if (has(word, "STATE") || has(word, "--ctstate") || has(word, "\"ct\"") || has(word, "--state")) {
    const bool established = has(word, "ESTABLISHED") || has(word, "established");
    const bool fresh = has(word, "NEW") || has(word, "new");
    return (packet.reply ? established : fresh) != negated ? Match::kYes : Match::kNo;
  }
  const auto value = word.substr(word.find_last_of(' ') + 1);
  if (packet.protocol == "icmp" && (has(word, "--icmp-type") || has(word, "\"icmp\""))) {
    return has(value, "echo-request") || value == "8" ? Match::kYes : Match::kNo;
  }
  if (has(word, "-s ") || has(word, "--source ")) {
    return by_prefix(prefix_of(value), packet.src, negated);
  }
  if (has(word, "-d ") || has(word, "--destination ")) {
    return by_prefix(prefix_of(value), packet.dst, negated);
  }
  if (has(word, "\"saddr\"") || has(word, "\"daddr\"")) {
    const auto& address = has(word, "\"saddr\"") ? packet.src : packet.dst;
    return by_prefix(nft_prefix(value), address, negated);
  }
  if (has(word, "--sport") || has(word, "\"sport\"")) return Match::kSome;
  const bool names_interface =
      has(word, "-i ") || has(word, "-o ") || has(word, "iifname") || has(word, "oifname");
  if (names_interface) {
    if (has(value, "lo") && value.size() <= 4) return negated ? Match::kYes : Match::kNo;
    if (packet.interface.empty()) return Match::kPerhaps;
    return has(value, packet.interface) != negated ? Match::kYes : Match::kNo;
  }
  const bool by_chance = has(word, "--mode") || has(word, "--probability") ||
                         has(word, "statistic") || has(word, "--limit") || has(word, "limit") ||
                         has(word, "numgen") || has(word, "--every") || has(word, "jhash");
  return by_chance ? Match::kSome : Match::kPerhaps;
}

Match match(const facts::FirewallRule& rule, const Packet& packet) {
  if (rule.protocol && *rule.protocol != packet.protocol) return Match::kNo;
  auto result = Match::kYes;
  if (!rule.ports.empty()) {
    if (!packet.port) {
      // An answer goes to a client's port: a range may hold it, a service's port is another one.
      const bool ranges = std::ranges::any_of(
          rule.ports, [](const auto& ports) { return ports.find('-') != std::string::npos; });
      if (!ranges) return Match::kNo;
      result = Match::kPerhaps;
    } else if (std::ranges::none_of(
                   rule.ports, [&](const auto& ports) { return holds(ports, *packet.port); })) {
      return Match::kNo;
    }
  }
  for (const auto& word : rule.other) result = std::min(result, by_word(word, packet));
  return result;
}

std::string words_of(const facts::FirewallRule& rule) {
  std::string text = "rule: " + rule.verdict;
  if (rule.protocol) text += " " + *rule.protocol;
  for (const auto& ports : rule.ports) text += " " + ports;
  if (!rule.other.empty()) text += fmt::format(" ({})", fmt::join(rule.other, ", "));
  if (rule.packets) text += fmt::format(", {} packets so far", *rule.packets);
  return text;
}

Fate fate_of(Match match) {
  switch (match) {
    case Match::kYes:
      return Fate::kDropped;
    case Match::kSome:
      return Fate::kPartly;
    case Match::kPerhaps:
      return Fate::kPerhaps;
    case Match::kNo:
      return Fate::kPasses;
  }
  return Fate::kUnknown;
}

Ruling in_chain(const facts::Firewall& firewall, const facts::FirewallChain& chain,
                const Packet& packet) {
  Ruling ruling{.fate = Fate::kPasses,
                .chain = fmt::format("{} {} {}", chain.family, chain.table, chain.chain),
                .rule = {},
                .iptables = chain.source != "nftables",
                .chain_name = chain.chain,
                .counted = {}};
  const auto drop_by = [&](Fate fate, const facts::FirewallRule& rule) {
    if (fate <= ruling.fate) return;
    ruling.fate = fate;
    ruling.rule = words_of(rule);
    ruling.counted = rule.packets;
  };
  bool may_be_accepted = !firewall.rules.complete();
  for (const auto& rule : firewall.rules.items) {
    const bool here =
        rule.source == chain.source && rule.family == chain.family && rule.table == chain.table;
    const auto matched = here ? match(rule, packet) : Match::kNo;
    if (matched == Match::kNo) continue;
    const bool certain = rule.chain == chain.chain;  // others are reached by a jump, or not
    if (rule.verdict == "accept") {
      may_be_accepted = true;
      if (certain && matched == Match::kYes) return ruling;
      continue;
    }
    const auto fate = certain ? fate_of(matched) : Fate::kPerhaps;
    drop_by(may_be_accepted ? std::min(fate, Fate::kPerhaps) : fate, rule);
    if (ruling.fate == Fate::kDropped) return ruling;
  }
  if (chain.policy != "drop") return ruling;
  if (may_be_accepted) {
    ruling.fate = std::max(ruling.fate, Fate::kUnknown);
    return ruling;
  }
  ruling.fate = Fate::kDropped;
  ruling.rule = fmt::format("policy drop, and no rule accepts {}{}", packet.protocol,
                            packet.port ? fmt::format(" {}", *packet.port) : "");
  ruling.counted.reset();
  return ruling;
}

}  // namespace

std::optional<Ruling> translation_of(const facts::Firewall& firewall, const Packet& packet) {
  for (const auto& rule : firewall.translations.items) {
    const bool elsewhere = rule.verdict == "dnat" || rule.verdict == "redirect";
    if (!elsewhere || match(rule, packet) != Match::kYes) continue;
    const auto chain = std::ranges::find_if(firewall.chains, [&](const facts::FirewallChain& base) {
      return base.source == rule.source && base.family == rule.family && base.table == rule.table &&
             base.chain == rule.chain;
    });
    // Of a chain that is jumped to nobody knows whether the packet gets there.
    if (chain == firewall.chains.end() || chain->hook != "prerouting") continue;
    return Ruling{.fate = Fate::kDropped,
                  .chain = fmt::format("{} {} {}", rule.family, rule.table, rule.chain),
                  .rule = words_of(rule) + " to " + rule.to.value_or("another port"),
                  .iptables = rule.source != "nftables",
                  .chain_name = rule.chain,
                  .counted = rule.packets};
  }
  return std::nullopt;
}

Ruling rule_on(const facts::Firewall& firewall, const std::string& hook, const Packet& packet) {
  Ruling worst{.fate = Fate::kPasses};
  const std::string family = packet.dst.is_v4() ? "ip" : "ip6";
  for (const auto& chain : firewall.chains) {
    if (chain.hook != hook || (chain.family != family && chain.family != "inet")) continue;
    auto ruling = in_chain(firewall, chain, packet);
    if (ruling.fate > worst.fate) worst = std::move(ruling);
  }
  return worst;
}

}  // namespace faultline::diagnose
