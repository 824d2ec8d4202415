// `iptables-save -c`: "*filter", ":INPUT DROP [0:0]", "[3:252] -A INPUT -p udp -m udp --dport 862
// -j DROP".
#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include <fmt/format.h>

#include "probe/facts/firewall.h"

namespace faultline::probe_facts {
namespace {

constexpr std::size_t kPartsMax = 16;
constexpr std::size_t kWordMax = 120;
constexpr std::size_t kChainsMax = 128;

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream stream(line);
  for (std::string word; stream >> word;) words.push_back(word.substr(0, kWordMax));
  return words;
}

std::string lower(std::string text) {
  for (auto& character : text) {
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character - 'A' + 'a');
  }
  return text;
}

void read_chain(const std::vector<std::string>& words, facts::FirewallChain chain,
                facts::Firewall& firewall) {
  // A chain of the administrator's own has the policy "-": packets get there by a jump only.
  if (words.size() < 2 || words[1] == "-" || firewall.chains.size() >= kChainsMax) return;
  if (chain.table == "nat") return;
  chain.chain = words[0].substr(1);
  chain.hook = lower(chain.chain);
  chain.policy = lower(words[1]);
  firewall.chains.push_back(std::move(chain));
}

void add_ports(const std::string& list, facts::FirewallRule& rule) {
  std::istringstream stream(list);
  for (std::string part; std::getline(stream, part, ',') && rule.ports.size() < kPartsMax;) {
    std::ranges::replace(part, ':', '-');
    rule.ports.push_back(part);
  }
}

// The packets of "[3:252]".
std::optional<std::uint64_t> counted(const std::string& word) {
  std::uint64_t packets = 0;
  const auto [end, error] = std::from_chars(word.data() + 1, word.data() + word.size(), packets);
  return error == std::errc{} && *end == ':' ? std::optional(packets) : std::nullopt;
}

// False: this rule decides nothing by itself.
bool read_rule(const std::vector<std::string>& words, facts::FirewallRule& rule) {
  bool negated = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    const auto next = i + 1 < words.size() ? words[i + 1] : std::string();
    if (word.starts_with("[")) {
      rule.packets = counted(word);
    } else if (word == "!") {
      negated = true;
      continue;
    } else if (word == "-A") {
      rule.chain = next, ++i;
    } else if (word == "-p" && !negated) {
      rule.protocol = next == "ipv6-icmp" ? "icmpv6" : next, ++i;
    } else if ((word == "--dport" || word == "--dports") && !negated) {
      add_ports(next, rule), ++i;
    } else if (word == "-m") {
      ++i;  // says which options may follow
    } else if (word == "-j" || word == "-g") {
      rule.verdict = word == "-j" ? lower(next) : "", ++i;
    } else if (word == "--to-destination" || word == "--to-source" || word == "--to-ports") {
      rule.to = next, ++i;
    } else if (word == "--reject-with" || word == "--comment") {
      ++i;
    } else if (rule.other.size() < kPartsMax && rule.verdict.empty()) {
      const bool has_value = !next.empty() && !next.starts_with("-") && next != "!";
      rule.other.push_back((negated ? "! " : "") + word + (has_value ? " " + next : ""));
      i += has_value ? 1 : 0;
    }
    negated = false;
  }
  constexpr std::array<std::string_view, 7> kVerdicts{"drop", "reject",     "accept",  "dnat",
                                                      "snat", "masquerade", "redirect"};
  return std::ranges::find(kVerdicts, rule.verdict) != kVerdicts.end();
}

}  // namespace

Status read_iptables(std::string_view text, std::string_view source, facts::Firewall& firewall) {
  std::istringstream stream{std::string(text)};
  std::string table;
  const std::string family = source == "ip6tables" ? "ip6" : "ip";
  for (std::string line; std::getline(stream, line);) {
    if (line.empty() || line[0] == '#' || line == "COMMIT") continue;
    if (line[0] == '*') {
      table = line.substr(1, kWordMax);
      continue;
    }
    if (table.empty()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("{}'s answer does not begin with a table", source));
    }
    const auto words = words_of(line);
    if (words.empty()) continue;
    if (line[0] == ':') {
      read_chain(words, {.source = std::string(source), .family = family, .table = table},
                 firewall);
      continue;
    }
    facts::FirewallRule rule{.source = std::string(source), .family = family, .table = table};
    const bool decides = read_rule(words, rule);
    for (auto& chain : firewall.chains) {
      if (chain.source == source && chain.table == table && chain.chain == rule.chain)
        ++chain.rules;
    }
    const bool keeps_address =
        rule.verdict == "drop" || rule.verdict == "reject" || rule.verdict == "accept";
    if (!decides || keeps_address == (table == "nat")) continue;
    auto& list = keeps_address ? firewall.rules : firewall.translations;
    ++list.total;
    if (list.items.size() < facts::kFirewallRulesMax) list.items.push_back(std::move(rule));
  }
  return {};
}

void forget_iptables(std::string_view family, facts::Firewall& firewall) {
  constexpr std::array<std::string_view, 5> kTables{"filter", "mangle", "nat", "raw", "security"};
  const auto of_iptables = [&](const auto& item) {
    return item.source == "nftables" && item.family == family &&
           std::ranges::find(kTables, item.table) != kTables.end();
  };
  std::erase_if(firewall.chains, of_iptables);
  firewall.rules.total -= std::erase_if(firewall.rules.items, of_iptables);
  firewall.translations.total -= std::erase_if(firewall.translations.items, of_iptables);
}

}  // namespace faultline::probe_facts
