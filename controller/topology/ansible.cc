#include "controller/topology/ansible.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "common/model/node.h"

namespace faultline::topology {
namespace {

using Variables = std::map<std::string, std::string>;

constexpr std::size_t kDepthMax = 32;         // of groups in groups
constexpr std::size_t kRangeMax = 10'000;     // hosts of one range
constexpr std::string_view kBlank = " \t\r";  // between words of a line

struct Group {
  std::set<std::string> hosts{};
  std::set<std::string> children{};
  Variables variables{};
};

// What both forms say.
struct Hosts {
  std::map<std::string, Variables> hosts{};
  std::map<std::string, Group> groups{};
  std::vector<std::string> order{};  // of groups, as they are written
};

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

Group& group_of(Hosts& all, const std::string& name) {
  const auto [found, is_new] = all.groups.try_emplace(name);
  if (is_new) all.order.push_back(name);
  return found->second;
}

std::optional<unsigned> number_of(std::string_view digits) {
  if (digits.empty() || digits.size() > 6) return std::nullopt;
  unsigned value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(digit - '0');
  }
  return value;
}

// web[01:03] -> web01 web02 web03, also with a step and with letters; others are themselves.
Result<std::vector<std::string>> expand(std::string_view pattern) {
  const auto open = pattern.find('[');
  const auto close = pattern.find(']', open == std::string_view::npos ? 0 : open);
  if (open == std::string_view::npos || close == std::string_view::npos)
    return std::vector{std::string(pattern)};
  const auto inside = pattern.substr(open + 1, close - open - 1);
  const auto colon = inside.find(':');
  const auto second = inside.find(':', colon == std::string_view::npos ? 0 : colon + 1);
  const auto from = inside.substr(0, colon);
  const auto to =
      colon == std::string_view::npos
          ? std::string_view{}
          : inside.substr(colon + 1,
                          second == std::string_view::npos ? second : second - colon - 1);
  const auto step =
      second == std::string_view::npos ? 1U : number_of(inside.substr(second + 1)).value_or(0);
  const bool letters = from.size() == 1 && to.size() == 1 && from[0] >= 'A' && to[0] >= 'A';
  const auto low = letters ? static_cast<unsigned char>(from[0]) : number_of(from);
  const auto high = letters ? static_cast<unsigned char>(to[0]) : number_of(to);
  if (!low || !high || step == 0 || *high < *low || (*high - *low) / step > kRangeMax)
    return fail(ErrorCode::kInvalid, fmt::format("\"{}\" is no range such as web[01:20]", pattern));
  std::vector<std::string> names;
  for (unsigned value = *low; value <= *high; value += step) {
    const auto middle = letters ? std::string(1, static_cast<char>(value))
                                : fmt::format("{:0{}}", value, from.size());
    FAULTLINE_TRY(const auto rest, expand(pattern.substr(close + 1)));
    for (const auto& tail : rest)
      names.push_back(fmt::format("{}{}{}", pattern.substr(0, open), middle, tail));
    if (names.size() > kRangeMax)
      return fail(ErrorCode::kInvalid,
                  fmt::format("\"{}\" is more than {} hosts", pattern, kRangeMax));
  }
  return names;
}

// ---- INI

// A line's words; quotes hold blanks together, '#' begins a comment.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  char quote = 0;
  bool open = false;
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      open = true;
    } else if (c == '#' && !open) {
      break;
    } else if (kBlank.find(c) != std::string_view::npos) {
      if (open) words.push_back(std::exchange(word, {}));
      open = false;
    } else {
      word += c;
      open = true;
    }
  }
  if (open) words.push_back(std::move(word));
  return words;
}

class IniReader {
 public:
  Result<Hosts> read(std::string_view text, std::string_view source) {
    std::size_t number = 0;
    while (!text.empty()) {
      const auto end = text.find('\n');
      const auto line = trim(text.substr(0, end));
      text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
      ++number;
      if (line.empty() || line.front() == '#' || line.front() == ';') continue;
      const auto status = read_line(line);
      if (!status) {
        return fail(ErrorCode::kInvalid,
                    fmt::format("{}:{}: {}", source, number, status.error().context));
      }
    }
    return std::move(all_);
  }

 private:
  Status read_line(std::string_view line) {
    if (line.front() == '[') return read_head(line);
    if (part_ == "vars") {
      const auto equals = line.find('=');
      if (equals == std::string_view::npos)
        return fail(ErrorCode::kInvalid, "a variable is written NAME=VALUE");
      const auto value = words_of(line.substr(equals + 1));
      group_of(all_, group_).variables[std::string(trim(line.substr(0, equals)))] =
          fmt::format("{}", fmt::join(value, " "));
      return {};
    }
    const auto words = words_of(line);
    if (words.empty()) return {};
    if (part_ == "children") {
      group_of(all_, group_).children.insert(words[0]);
      return {};
    }
    FAULTLINE_TRY(const auto names, expand(words[0]));
    for (const auto& name : names) {
      auto& variables = all_.hosts[name];
      for (std::size_t i = 1; i < words.size(); ++i) {
        const auto equals = words[i].find('=');
        if (equals == std::string::npos)
          return fail(ErrorCode::kInvalid, fmt::format("\"{}\" is no NAME=VALUE", words[i]));
        variables[words[i].substr(0, equals)] = words[i].substr(equals + 1);
      }
      group_of(all_, group_).hosts.insert(name);
    }
    return {};
  }

  Status read_head(std::string_view line) {
    const auto close = line.find(']');
    if (close == std::string_view::npos)
      return fail(ErrorCode::kInvalid, "a group's head is written [NAME]");
    const auto head = line.substr(1, close - 1);
    const auto colon = head.find(':');
    group_ = head.substr(0, colon);
    part_ = colon == std::string_view::npos ? "" : head.substr(colon + 1);
    if (!part_.empty() && part_ != "vars" && part_ != "children")
      return fail(ErrorCode::kInvalid,
                  fmt::format("[{}]: after the colon comes vars or children", head));
    group_of(all_, group_);
    return {};
  }

  Hosts all_;
  std::string group_ = "ungrouped";
  std::string part_{};
};

// ---- YAML

void read_variables(const YAML::Node& node, Variables& variables) {
  if (!node.IsMap()) return;
  for (const auto& entry : node) {
    if (entry.second.IsScalar()) variables[entry.first.as<std::string>()] = entry.second.Scalar();
  }
}

Status read_group(const std::string& name, const YAML::Node& node, std::size_t depth, Hosts& all) {
  if (depth > kDepthMax)
    return fail(ErrorCode::kInvalid, fmt::format("groups are nested more than {} deep", kDepthMax));
  group_of(all, name);
  if (!node.IsMap()) return {};
  if (const auto vars = node["vars"]) read_variables(vars, all.groups[name].variables);
  if (const auto hosts = node["hosts"]; hosts && hosts.IsMap()) {
    for (const auto& entry : hosts) {
      FAULTLINE_TRY(const auto names, expand(entry.first.as<std::string>()));
      for (const auto& host : names) {
        read_variables(entry.second, all.hosts[host]);
        all.groups[name].hosts.insert(host);
      }
    }
  }
  if (const auto children = node["children"]; children && children.IsMap()) {
    for (const auto& entry : children) {
      const auto child = entry.first.as<std::string>();
      all.groups[name].children.insert(child);
      FAULTLINE_TRY_STATUS(read_group(child, entry.second, depth + 1, all));
    }
  }
  return {};
}

Result<Hosts> read_yaml(std::string_view text, std::string_view source) {
  try {
    const auto root = YAML::Load(std::string(text));
    if (!root.IsMap())
      return fail(ErrorCode::kInvalid, fmt::format("{}: is no map of groups", source));
    Hosts all;
    for (const auto& entry : root) {
      FAULTLINE_TRY_STATUS(read_group(entry.first.as<std::string>(), entry.second, 0, all));
    }
    return all;
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}:{}: {}", source, error.mark.line + 1, error.msg));
  }
}

// INI has a line that begins with '[' or a bare host; a YAML inventory is a map.
bool looks_like_yaml(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = trim(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    return line == "---" || (line.front() != '[' && line.back() == ':');
  }
  return false;
}

// ---- both

// A group's variables and those of the groups that contain it; the inner ones win.
class Inheritance {
 public:
  explicit Inheritance(const Hosts& all) : all_(all) {
    for (const auto& [name, group] : all.groups) {
      for (const auto& child : group.children) parents_[child].insert(name);
    }
  }

  [[nodiscard]] Variables variables_of(const std::string& group, std::size_t depth = 0) const {
    Variables result;
    if (const auto found = all_.groups.find(group); found != all_.groups.end())
      result = found->second.variables;
    const auto parents = parents_.find(group);
    if (parents != parents_.end() && depth < kDepthMax) {
      for (const auto& parent : parents->second) result.merge(variables_of(parent, depth + 1));
    }
    if (group != "all") {
      if (const auto top = all_.groups.find("all"); top != all_.groups.end()) {
        for (const auto& entry : top->second.variables) result.insert(entry);
      }
    }
    return result;
  }

 private:
  const Hosts& all_;
  std::map<std::string, std::set<std::string>> parents_;
};

std::string value_of(const Variables& variables, const char* name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

Result<AnsibleInventory> convert(const Hosts& all, std::string_view source) {
  const Inheritance inheritance(all);
  std::map<std::string, std::pair<std::string, Variables>> hosts;  // its first group, and variables
  for (const auto& [name, variables] : all.hosts) hosts[name].second = variables;
  for (const auto& group : all.order) {
    const auto inherited = inheritance.variables_of(group);
    for (const auto& name : all.groups.at(group).hosts) {
      auto& [first, variables] = hosts[name];
      if (first.empty() && group != "all" && group != "ungrouped") first = group;
      for (const auto& entry : inherited) variables.insert(entry);
    }
  }
  AnsibleInventory result;
  std::map<IpAddress, std::string> owners;
  for (const auto& [name, entry] : hosts) {
    const auto& [group, variables] = entry;
    const auto told = value_of(variables, "ansible_host");
    const auto address = IpAddress::parse(told.empty() ? name : told);
    if (!address || !validate_name(name)) {
      result.without.push_back(name);
      continue;
    }
    if (const auto [owner, is_new] = owners.emplace(*address, name); !is_new) {
      return fail(ErrorCode::kInvalid, fmt::format("{}: {} and {} both have the address {}", source,
                                                   owner->second, name, address->to_string()));
    }
    Device device{.name = name,
                  .kind = DeviceKind::kHost,
                  .tier = group,
                  .interfaces = {{.address = *address}}};
    if (const auto kind = value_of(variables, "faultline_kind"); !kind.empty()) {
      const auto parsed = parse_device_kind(kind);
      if (!parsed)
        return fail(
            ErrorCode::kInvalid,
            fmt::format("{}: {}: faultline_kind \"{}\" is no kind of device", source, name, kind));
      device.kind = *parsed;
    }
    if (const auto tier = value_of(variables, "faultline_tier"); !tier.empty()) device.tier = tier;
    device.tier.resize(std::min(device.tier.size(), kTierLengthMax));
    result.inventory.devices.push_back(std::move(device));
    if (result.inventory.devices.size() > kInventoryDevicesMax)
      return fail(ErrorCode::kInvalid,
                  fmt::format("{}: more than {} hosts", source, kInventoryDevicesMax));
  }
  return result;
}

// A scalar that YAML cannot take for something else.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

}  // namespace

Result<AnsibleInventory> read_ansible(std::string_view text, std::string_view source) {
  if (text.size() > kAnsibleBytesMax)
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: is larger than {} MiB", source, kAnsibleBytesMax >> 20U));
  FAULTLINE_TRY(const auto all,
                looks_like_yaml(text) ? read_yaml(text, source) : IniReader().read(text, source));
  if (all.hosts.empty())
    return fail(ErrorCode::kInvalid, fmt::format("{}: lists no hosts", source));
  return convert(all, source);
}

std::string to_yaml(const Inventory& inventory) {
  std::string text = "devices:\n";
  for (const auto& device : inventory.devices) {
    text +=
        fmt::format("  - name: {}\n    kind: {}\n", quoted(device.name), to_string(device.kind));
    if (!device.tier.empty()) text += fmt::format("    tier: {}\n", quoted(device.tier));
    if (device.interfaces.empty()) continue;
    text += "    interfaces:\n";
    for (const auto& interface : device.interfaces) {
      text += "      - {";
      if (!interface.name.empty()) text += fmt::format("name: {}, ", quoted(interface.name));
      text += fmt::format("address: {}", quoted(interface.address.to_string()));
      if (!interface.peer_device.empty()) {
        const auto peer = interface.peer_interface.empty()
                              ? interface.peer_device
                              : interface.peer_device + "/" + interface.peer_interface;
        text += fmt::format(", peer: {}", quoted(peer));
      }
      text += "}\n";
    }
  }
  if (!inventory.ways.empty()) text += "ways:\n";
  for (const auto& way : inventory.ways) {
    text += fmt::format("  - {{from: {}, to: {}, via: [", quoted(way.from.to_string()),
                        quoted(way.to.to_string()));
    for (const auto& device : way.via) {
      text += fmt::format("{}{}", &device == &way.via.front() ? "" : ", ", quoted(device));
    }
    text += "]}\n";
  }
  return text;
}

}  // namespace faultline::topology
