#include "controller/diagnose/grouping.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <tuple>

#include <fmt/format.h>

namespace faultline::diagnose {
namespace {

constexpr std::string_view kNode = "\x01";
constexpr std::string_view kNumber = "\x02";

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
}

// `name` as a whole word, wherever it stands.
std::string without_name(const std::string& text, const std::string& name, std::string_view by) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const bool begins = i == 0 || !is_name(text[i - 1]);
    const auto end = i + name.size();
    const bool ends = end >= text.size() || !is_name(text[end]) ||
                      (text[end] == '.' && (end + 1 == text.size() || text[end + 1] == ' '));
    if (!name.empty() && begins && ends && text.compare(i, name.size(), name) == 0) {
      out += by;
      i = end;
    } else {
      out += text[i++];
    }
  }
  return out;
}

bool is_number(const std::string& word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.';
  });
}

std::string without_numbers(const std::string& text) {
  std::string out;
  std::string word;
  for (const char c : text + ' ') {
    if (c != ' ') {
      word += c;
      continue;
    }
    out += is_number(word) ? std::string(kNumber) : word;
    out += c;
    word.clear();
  }
  return out;
}

using Key = std::tuple<std::string, Severity, std::string, std::string, std::string>;

Key key_of(const Finding& finding) {
  const auto& node = finding.nodes.front();
  const auto plain = [&](const std::string& text) {
    return without_numbers(without_name(text, node, kNode));
  };
  return {finding.code, finding.severity, plain(finding.summary), plain(finding.remedy),
          plain(finding.command)};
}

// The sentences of the first, told of all of them.
void speak_of_all(FindingGroup& group) {
  auto& finding = group.finding;
  const auto node = finding.nodes.front();
  const auto own = node + ": ";
  std::ranges::sort(finding.nodes);
  const auto example = fmt::format("{} nodes", finding.nodes.size());
  finding.summary = finding.summary.starts_with(own)
                        ? fmt::format("{}: {}", example, finding.summary.substr(own.size()))
                        : without_name(finding.summary, node, "each of " + example);
  finding.remedy = without_name(finding.remedy, node, "each of them");
  finding.command = without_name(finding.command, node, "NODE");
}

}  // namespace

bool is_alike(const Finding& left, const Finding& right) {
  return left.nodes.size() == 1 && right.nodes.size() == 1 && key_of(left) == key_of(right);
}

std::vector<FindingGroup> group(const std::vector<Finding>& findings) {
  std::vector<FindingGroup> groups;
  std::map<Key, std::size_t> known;
  for (const auto& finding : findings) {
    if (finding.nodes.size() == 1) {
      const auto [place, fresh] = known.try_emplace(key_of(finding), groups.size());
      if (!fresh) {
        auto& into = groups[place->second];
        ++into.count;
        // Two findings of one node (two interfaces, say) name it once.
        const auto& node = finding.nodes.front();
        if (std::ranges::find(into.finding.nodes, node) == into.finding.nodes.end()) {
          into.finding.nodes.push_back(node);
        }
        for (const auto& line : finding.evidence) {
          if (into.finding.evidence.size() < kGroupEvidenceMax) {
            into.finding.evidence.push_back(line);
          }
        }
        continue;
      }
    }
    groups.push_back({.finding = finding});
  }
  for (auto& made : groups) {
    if (made.finding.nodes.size() > 1 && made.count > 1) speak_of_all(made);
  }
  return groups;
}

}  // namespace faultline::diagnose
