#include "common/facts/changes.h"

#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "common/facts/exchange.h"
#include "common/facts/facts_json.h"

namespace faultline::facts {
namespace {

using Json = nlohmann::json;
using Lines = std::map<std::string, std::string>;

// What an element of a list is known by; the first of these that it has, and all that follow it in
// the same row.
constexpr std::array<std::array<const char*, 4>, 7> kNames{{
    {"name", nullptr, nullptr, nullptr},
    {"destination", "table", "metric", nullptr},
    {"priority", "action", "table", nullptr},
    {"protocol", "address", "port", nullptr},
    {"address", "interface", nullptr, nullptr},
    {"family", "table", "chain", nullptr},
    {"what", nullptr, nullptr, nullptr},
}};

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// "eth0", "10.0.0.0/8 table 254"; the place in the list where it has no name.
std::string name_of(const Json& item, std::size_t place) {
  if (!item.is_object()) return plain(item);
  if (item.contains("verdict")) return fmt::format("rule {}", place + 1);
  for (const auto& row : kNames) {
    if (!item.contains(row[0])) continue;
    bool all = true;
    std::string name = plain(item[row[0]]);
    for (std::size_t i = 1; i < row.size() && row[i] != nullptr; ++i) {
      if (!item.contains(row[i])) {
        all = all && row[i] == std::string_view("metric");
        continue;
      }
      name += fmt::format(" {} {}", row[i], plain(item[row[i]]));
    }
    if (all) return name;
  }
  return fmt::format("{}", place + 1);
}

void flatten(const std::string& prefix, const Json& value, Lines& lines) {
  const auto below = [&](const std::string& name) {
    return prefix.empty() ? name : prefix + " " + name;
  };
  if (value.is_object()) {
    if (value.contains("items") && value["items"].is_array()) {
      return flatten(prefix, value["items"], lines);
    }
    for (const auto& [name, member] : value.items()) flatten(below(name), member, lines);
  } else if (value.is_array() && !value.empty() && value.front().is_object()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      const auto name = below(name_of(value[i], i));
      lines.try_emplace(name, "there");
      flatten(name, value[i], lines);
    }
  } else {
    lines[prefix] = plain(value);
  }
}

Lines lines_of(const Facts& facts) {
  auto document = to_json(lasting(facts));
  document.erase("collected_at");
  document.erase("schema");
  Lines lines;
  flatten({}, document, lines);
  return lines;
}

// Of something that came or went whole, its members are no news of their own.
bool is_part(const std::map<std::string, bool>& whole, const std::string& what) {
  for (auto space = what.rfind(' '); space != std::string::npos && space > 0;
       space = what.rfind(' ', space - 1)) {
    if (whole.contains(what.substr(0, space))) return true;
  }
  return false;
}

}  // namespace

std::vector<Change> changes(const Facts& before, const Facts& after) {
  const auto old_lines = lines_of(before);
  const auto new_lines = lines_of(after);
  std::map<std::string, bool> whole;
  for (const auto& [lines, others] :
       {std::pair(&old_lines, &new_lines), {&new_lines, &old_lines}}) {
    for (const auto& [what, value] : *lines) {
      if (value == "there" && !others->contains(what)) whole[what] = true;
    }
  }
  std::map<std::string, Change> found;
  for (const auto& [what, value] : old_lines) {
    const auto now = new_lines.find(what);
    if (now != new_lines.end() && now->second == value) continue;
    if (is_part(whole, what)) continue;
    found[what] = {what, value, now == new_lines.end() ? "" : now->second};
  }
  for (const auto& [what, value] : new_lines) {
    if (old_lines.contains(what) || is_part(whole, what)) continue;
    found[what] = {what, "", value};
  }
  std::vector<Change> result;
  for (auto& [what, change] : found) result.push_back(std::move(change));
  return result;
}

}  // namespace faultline::facts
