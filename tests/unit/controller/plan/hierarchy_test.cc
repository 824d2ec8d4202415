#include "controller/plan/hierarchy.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

FleetMember member(std::uint32_t id, const std::string& rack, const std::string& zone = "") {
  FleetMember member{.id = NodeId{id}, .name = fmt::format("h{}", id), .profile = {}};
  member.profile.address = IpAddress::v4(0x0a000000 + id);
  if (!rack.empty()) member.profile.labels["rack"] = rack;
  if (!zone.empty()) member.profile.labels["zone"] = zone;
  return member;
}

FleetView racks_of(std::uint32_t racks, std::uint32_t hosts, std::uint32_t zones = 1) {
  FleetView fleet;
  for (std::uint32_t i = 0; i < racks * hosts; ++i) {
    const auto rack = i / hosts;
    fleet.push_back(member(i + 1, fmt::format("r{}", rack),
                           zones > 1 ? fmt::format("z{}", rack % zones) : std::string()));
  }
  return fleet;
}

std::string rack_of(const FleetMember& member) { return member.profile.labels.at("rack"); }

std::set<std::string> racks_measured(const Mesh& mesh, const FleetMember& member) {
  std::set<std::string> racks;
  for (const auto* target : mesh.targets.at(member.id)) racks.insert(rack_of(*target));
  return racks;
}

TEST_CASE("every node measures its rack and one node of every other, as Pingmesh does", "[plan]") {
  const auto fleet = racks_of(10, 4);
  const auto mesh = make_mesh(fleet, 20);
  for (const auto& node : fleet) {
    CHECK(mesh.targets.at(node.id).size() == 3 + 9);
    CHECK(racks_measured(mesh, node).size() == 10);
  }
  CHECK(mesh.pattern == "its rack and one node of each of 9 other racks");
}

TEST_CASE("where that is too much, each two racks measure each other once, in turns", "[plan]") {
  const auto fleet = racks_of(21, 4);
  const auto mesh = make_mesh(fleet, 12);
  std::set<std::pair<std::string, std::string>> pairs;
  for (const auto& node : fleet) {
    const auto& targets = mesh.targets.at(node.id);
    CHECK(targets.size() <= 12);
    CHECK(targets.size() > 3);  // the duty goes round
    for (const auto* target : targets) pairs.emplace(rack_of(node), rack_of(*target));
  }
  CHECK(pairs.size() == 21 * 21);
  CHECK(mesh.pattern.find("of each two racks one node measures one") != std::string::npos);
}

TEST_CASE("where that is too much, a rack measures its zone and one rack of each other zone",
          "[plan]") {
  const auto fleet = racks_of(64, 2, 8);  // 63 other racks, a rack may measure 2 * 11
  const auto mesh = make_mesh(fleet, 12);
  std::map<std::string, std::set<std::string>> by_rack;
  std::map<std::string, std::map<std::string, std::set<std::string>>> by_zone;
  for (const auto& node : fleet) {
    for (const auto* target : mesh.targets.at(node.id)) {
      const auto zone = target->profile.labels.at("zone");
      if (zone == node.profile.labels.at("zone")) {
        by_rack[rack_of(node)].insert(rack_of(*target));
      } else {
        by_zone[rack_of(node)][zone].insert(rack_of(*target));
      }
    }
  }
  REQUIRE(by_rack.size() == 64);
  for (const auto& [rack, others] : by_rack) CHECK(others.size() == 8);
  for (const auto& [rack, zones] : by_zone) {
    CHECK(zones.size() == 7);
    for (const auto& [zone, others] : zones) CHECK(others.size() == 1);
  }
}

TEST_CASE("nobody measures or answers more than is allowed, in racks of any size", "[plan]") {
  auto fleet = racks_of(12, 20);
  fleet.push_back(member(1000, "alone"));
  const auto mesh = make_mesh(fleet, 40);
  std::map<NodeId, std::size_t> answered;
  for (const auto& [node, targets] : mesh.targets) {
    CHECK(targets.size() <= 40);
    for (const auto* target : targets) ++answered[target->id];
  }
  for (const auto& [node, count] : answered) CHECK(count <= 40);
  CHECK(answered.at(NodeId{1000}) == 40);
  CHECK(mesh.unanswered == 200);
  CHECK(mesh.busiest == 40);
}

TEST_CASE("without labels each node measures the next ones by hash of the name", "[plan]") {
  FleetView fleet;
  for (std::uint32_t id = 1; id <= 12; ++id) fleet.push_back(member(id, ""));
  const auto mesh = make_mesh(fleet, 4);
  auto ring = fleet;
  std::ranges::sort(ring, {}, [](const FleetMember& node) { return hash_name(node.name); });
  for (std::size_t i = 0; i < ring.size(); ++i) {
    std::set<NodeId> expected;
    for (std::size_t step = 1; step <= 4; ++step) expected.insert(ring[(i + step) % 12].id);
    std::set<NodeId> chosen;
    for (const auto* target : mesh.targets.at(ring[i].id)) chosen.insert(target->id);
    CHECK(chosen == expected);
  }
  CHECK(mesh.pattern == "4 of 11 others, the next ones by hash of the name");
}

TEST_CASE("a node more or less changes fewer than one in fifty of the others' targets", "[plan]") {
  auto fleet = racks_of(24, 10);
  const auto pairs_of = [](const Mesh& mesh, NodeId without) {
    std::set<std::pair<NodeId, NodeId>> pairs;
    for (const auto& [node, targets] : mesh.targets) {
      for (const auto* target : targets) {
        if (node != without && target->id != without) pairs.emplace(node, target->id);
      }
    }
    return pairs;
  };
  const auto before = pairs_of(make_mesh(fleet, 60), NodeId{77});
  std::erase_if(fleet, [](const FleetMember& node) { return node.id == NodeId{77}; });
  const auto after = pairs_of(make_mesh(fleet, 60), NodeId{77});
  std::size_t changed = 0;
  for (const auto& pair : before) changed += after.contains(pair) ? 0 : 1;
  for (const auto& pair : after) changed += before.contains(pair) ? 0 : 1;
  CHECK(changed > 0);
  CHECK(changed * 50 < before.size());
}

}  // namespace
}  // namespace faultline::plan
