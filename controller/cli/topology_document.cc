#include "controller/cli/topology_document.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include <fmt/format.h>

#include "controller/cli/cloud_topology.h"
#include "controller/cli/vpc_offline.h"
#include "controller/topology/ansible.h"

namespace faultline::cli {
namespace {

constexpr std::size_t kFileBytesMax = 256U << 20U;

Outcome<std::string> read(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return usage(fmt::format("{} cannot be read", path));
  const auto size = static_cast<std::size_t>(std::max<std::streamoff>(0, file.tellg()));
  if (size > kFileBytesMax)
    return usage(fmt::format("{} is larger than {} MiB", path, kFileBytesMax >> 20U));
  std::string text(size, '\0');
  file.seekg(0);
  if (!file.read(text.data(), static_cast<std::streamsize>(size)))
    return usage(fmt::format("{} cannot be read", path));
  return text;
}

using Keyed = std::map<std::string, const Json*>;

Keyed by(const Json& document, const char* list,
         const std::function<std::string(const Json&)>& key) {
  Keyed result;
  for (const auto& item : member(document, list)) result.emplace(key(item), &item);
  return result;
}

std::string id_of(const Json& item) { return text(item, "id"); }

Json names_beyond(const Keyed& some, const Keyed& others) {
  auto names = Json::array();
  for (const auto& [name, item] : some) {
    if (!others.contains(name)) names.push_back(name);
  }
  return names;
}

// A sentence per member of both that is told otherwise.
Json changes(const Keyed& before, const Keyed& after,
             const std::function<std::string(const Json&)>& tell) {
  auto sentences = Json::array();
  for (const auto& [name, item] : after) {
    const auto found = before.find(name);
    if (found == before.end()) continue;
    const auto was = tell(*found->second);
    const auto is = tell(*item);
    if (was != is) sentences.push_back(fmt::format("{}: {}, was {}", name, is, was));
  }
  return sentences;
}

std::string tell_device(const Json& device) {
  return fmt::format("{} {}", text(device, "kind"), joined(device, "addresses", " "));
}
std::string tell_machine(const Json& machine) {
  return fmt::format("{} on {}", text(machine, "mode"), text(machine, "host"));
}
std::string tell_port(const Json& port) {
  return fmt::format("{} {}", text(port, "device"), text(port, "port"));
}

}  // namespace

Json topology_check(const Json& topology) {
  Json result{{"schema", "faultline.topology_check/1"},
              {"conflicts", member(topology, "conflicts")},
              {"devices_unseen", Json::array()},
              {"devices_undeclared", Json::array()},
              {"links_unseen", Json::array()},
              {"switches_unknown", Json::array()},
              {"nodes_without_facts", count(topology, "nodes_without_facts")}};
  if (!result["conflicts"].is_array()) result["conflicts"] = Json::array();
  const auto& devices = member(topology, "devices");
  const bool inventory = std::any_of(devices.begin(), devices.end(),
                                     [](const Json& device) { return flag(device, "declared"); });
  for (const auto& device : devices) {
    const auto kind = text(device, "kind");
    const bool machine = kind == "host" || kind == "vm";  // nodes need no entry in an inventory
    if (flag(device, "declared") && !flag(device, "seen"))
      result["devices_unseen"].push_back(text(device, "id"));
    if (inventory && !machine && !flag(device, "declared"))
      result["devices_undeclared"].push_back(text(device, "id"));
  }
  for (const auto& link : member(topology, "links")) {
    if (flag(link, "declared") && count(link, "flows") == 0)
      result["links_unseen"].push_back(text(link, "id"));
  }
  std::set<std::string> unknown;
  for (const auto& port : member(topology, "ports")) {
    if (!flag(port, "known")) unknown.insert(text(port, "device"));
  }
  for (const auto& name : unknown) result["switches_unknown"].push_back(name);
  return result;
}

Json topology_diff(const Json& before, const Json& after) {
  Json result{{"schema", "faultline.topology_diff/1"}};
  const auto lists = [&](const char* list, const auto& key, const auto& tell) {
    const auto was = by(before, list, key);
    const auto is = by(after, list, key);
    result[list] = {{"added", names_beyond(is, was)},
                    {"removed", names_beyond(was, is)},
                    {"changed", changes(was, is, tell)}};
  };
  lists("devices", id_of, tell_device);
  lists("links", id_of, [](const Json&) { return std::string(); });
  lists(
      "machines",
      [](const Json& machine) {
        return fmt::format("{} {}", text(machine, "vm"), text(machine, "nic"));
      },
      tell_machine);
  lists(
      "ports",
      [](const Json& port) { return fmt::format("{} {}", text(port, "node"), text(port, "nic")); },
      tell_port);
  return result;
}

Outcome<Json> load_topology(const std::string& file) {
  FAULTLINE_CLI_TRY(const auto content, read(file));
  auto document = Json::parse(content, nullptr, false);
  if (!document.is_object() || text(document, "schema") != "faultline.topology/1") {
    return usage(
        fmt::format("{} is no topology: save one with `faultline topology export "
                    "--format json`",
                    file));
  }
  return document;
}

Outcome<std::string> import_snapshot(const std::string& folder) {
  FAULTLINE_CLI_TRY(const auto import, import_cloud(folder));
  const auto made = cloud_topology(import.model);
  fmt::print(stderr,
             "{} gateways and tunnels, {} ways between {} addresses and networks; between {} pairs "
             "the rules allow no measurement (UDP {})\n",
             made.inventory.devices.size(), made.inventory.ways.size(), made.ends, made.denied,
             kStampPort);
  if (made.left_out > 0) {
    fmt::print(stderr, "{} ways are beyond the {} of a topology and were left out\n", made.left_out,
               topology::kWaysMax);
  }
  return topology::to_yaml(made.inventory);
}

Outcome<std::string> import_ansible(const std::string& file) {
  FAULTLINE_CLI_TRY(const auto content, read(file));
  const auto imported = topology::read_ansible(content, file);
  if (!imported) return usage(imported.error().context);
  if (!imported->without.empty()) {
    fmt::print(stderr, "Left out, as they have no address (ansible_host): {}\n",
               fmt::join(imported->without, ", "));
  }
  return topology::to_yaml(imported->inventory);
}

}  // namespace faultline::cli
