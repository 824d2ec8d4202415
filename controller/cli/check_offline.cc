#include "controller/cli/check_offline.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "common/facts/facts_json.h"
#include "controller/diagnose/check.h"
#include "controller/diagnose/findings_json.h"

namespace faultline::cli {
namespace {

constexpr std::size_t kSnapshotsMax = 20'000;  // of a folder

Outcome<std::string> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file && !file.eof()) return usage(fmt::format("{} cannot be read", path.string()));
  return text;
}

struct Snapshot {
  std::string node;
  facts::Facts facts;
};

Outcome<Snapshot> load(const std::filesystem::path& path) {
  FAULTLINE_CLI_TRY(const auto text, read(path));
  auto facts = facts::from_text(text);
  if (!facts) return usage(fmt::format("{}: {}", path.string(), facts.error().context));
  const auto document = nlohmann::json::parse(text, nullptr, false);
  const auto stem = path.stem().string();
  auto node = stem.substr(0, stem.find('@'));
  if (document.contains("node") && document["node"].is_string()) node = document["node"];
  return Snapshot{std::move(node), *std::move(facts)};
}

}  // namespace

Outcome<std::vector<diagnose::NodeFacts>> read_snapshots(const std::string& folder) {
  std::error_code error;
  std::map<std::string, std::vector<facts::Facts>> nodes;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
    if (paths.size() > kSnapshotsMax) {
      return usage(fmt::format("{} has more than {} snapshots", folder, kSnapshotsMax));
    }
  }
  if (error)
    return usage(fmt::format("{} is not a folder that can be read: {}", folder, error.message()));
  if (paths.empty()) {
    return usage(
        fmt::format("{} has no *.json: save snapshots there with `faultline-probe facts` on each "
                    "machine, or `faultline facts show NODE -o json`",
                    folder));
  }
  for (const auto& path : paths) {
    FAULTLINE_CLI_TRY(auto snapshot, load(path));
    nodes[snapshot.node].push_back(std::move(snapshot.facts));
  }
  std::vector<diagnose::NodeFacts> fleet;
  for (auto& [node, snapshots] : nodes) {
    std::ranges::sort(snapshots, std::greater{}, &facts::Facts::collected_at);
    fleet.push_back({.node = node, .facts = std::move(snapshots[0])});
    if (snapshots.size() > 1) fleet.back().earlier = std::move(snapshots[1]);
  }
  return fleet;
}

Outcome<std::string> check_offline(const std::string& folder) {
  FAULTLINE_CLI_TRY(const auto fleet, read_snapshots(folder));
  diagnose::CheckScope scope;
  for (const auto& node : fleet) scope.nodes.push_back(node.node);
  return diagnose::to_json(diagnose::check(fleet), scope);
}

}  // namespace faultline::cli
