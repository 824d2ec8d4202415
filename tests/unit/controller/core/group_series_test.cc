// Four hosts in two racks of two zones, beside one another.
#include "controller/core/group_series.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/unit/controller/core/fabric.h"

namespace faultline::core {
namespace {

constexpr std::uint32_t kGroupHosts = 4;

struct Groups {
  Fabric fabric;
  GroupSeries series;
  int window = 0;
  std::set<NodeId> excused;

  explicit Groups(GroupSeries::Options options) : series(std::move(options)) {
    for (std::uint32_t id = 1; id <= kGroupHosts; ++id) {
      fabric.topology->set_node(
          NodeId{id}, "h" + std::to_string(id), id == 4 ? NodeKind::kVm : NodeKind::kHost,
          address(0x100 + id),
          {.hypervisor = {}, .zone = id <= 2 ? "east" : "west", .rack = id <= 2 ? "r1" : "r2"});
    }
    fabric.topology->settle();
  }

  // A window in which each flow from h1 to h3 loses one packet there, two back and three somewhere.
  std::shared_ptr<const GroupTable> run() {
    auto reports = Fabric::window(window++, kHealthy);
    for (auto& [node, report] : reports) {
      auto changed = std::make_shared<Report>(*report);
      for (auto& flow : changed->flows) {
        if (node == NodeId{1} && flow.target == NodeId{3}) {
          flow.lost_forward = 1;
          flow.lost_return = 2;
          flow.lost_undetermined = 3;
        }
        flow.rtt_min_ns = flow.rtt_mean_ns = flow.rtt_max_ns = 300'000;
        if (changed->delays.empty() || changed->delays.back().target != flow.target) {
          changed->delays.push_back({.target = flow.target, .rtt = {}});
        }
        changed->delays.back().rtt.add(300'000, flow.answered());
      }
      report = std::move(changed);
    }
    auto job = fabric.job({std::move(reports)});
    if (!excused.empty()) job.excused[job.ripe.window_start] = excused;
    Solution solution;
    series.judge(job, solution);
    return solution.groups;
  }
};

const GroupSums& zone(const GroupTable& table, const char* from, const char* to) {
  return table.groups.at({Grouping::kZone, from, to});
}

TEST_CASE("groups sum what their nodes measured of each other, and only grow", "[core][groups]") {
  Groups groups({.groupings = {Grouping::kZone, Grouping::kRack, Grouping::kClass}});
  const auto first = groups.run();
  // Two hosts to two hosts, and within a zone to the other one.
  CHECK(zone(*first, "east", "west").sent == 4ULL * kPorts * kPackets);
  CHECK(zone(*first, "east", "east").sent == 2ULL * kPorts * kPackets);
  CHECK(zone(*first, "east", "west").lost_forward == kPorts);
  CHECK(zone(*first, "east", "west").lost_return == 2ULL * kPorts);
  CHECK(zone(*first, "east", "west").lost_undetermined == 3ULL * kPorts);
  CHECK(zone(*first, "west", "east").lost_forward == 0);
  CHECK(first->groups.at({Grouping::kRack, "r1", "r2"}) == zone(*first, "east", "west"));
  CHECK(first->groups.at({Grouping::kClass, "wan", ""}).sent == 8ULL * kPorts * kPackets);
  CHECK(first->groups.at({Grouping::kClass, "host-host", ""}).sent == 2ULL * kPorts * kPackets);
  CHECK(first->groups.at({Grouping::kClass, "host-vm", ""}).sent == 2ULL * kPorts * kPackets);
  CHECK(first->groups.at({Grouping::kClass, "vm-vm", ""}) == GroupSums());

  const auto second = groups.run();
  for (const auto& [group, sums] : first->groups) {
    CAPTURE(group.from, group.to);
    CHECK(second->groups.at(group).sent == 2 * sums.sent);
    CHECK(second->groups.at(group).rtt_sum_ns == 2 * sums.rtt_sum_ns);
  }
  CHECK(second->rows_folded == 0);
}

TEST_CASE("a round trip counts in the bucket of its bound", "[core][groups]") {
  Groups groups({.groupings = {Grouping::kZone}});
  const auto table = groups.run();
  const auto& sums = zone(*table, "west", "west");
  const auto answered = 2ULL * kPorts * kPackets;
  CHECK(sums.rtt == decltype(sums.rtt){0, 0, answered});  // 300 us: above 250, at most 500
  CHECK(sums.rtt_sum_ns == 300'000.0 * static_cast<double>(answered));
}

TEST_CASE("groups beyond the limit are counted together", "[core][groups]") {
  Groups groups({.groupings = {Grouping::kZone, Grouping::kClass}, .groups_max = 2});
  const auto table = groups.run();
  const auto zones = std::ranges::count_if(
      table->groups, [](const auto& entry) { return entry.first.grouping == Grouping::kZone; });
  CHECK(zones == 3);  // two, and "other"
  std::uint64_t sent = 0;
  for (const auto& [group, sums] : table->groups) {
    if (group.grouping == Grouping::kZone) sent += sums.sent;
  }
  CHECK(sent == 12ULL * kPorts * kPackets);
  CHECK(zone(*table, "other", "other").sent > 0);
  CHECK(table->rows_folded > 0);
  CHECK(groups.run()->groups.size() == table->groups.size());
}

TEST_CASE("what was observed to or from a node that was away is in no group", "[core][groups]") {
  Groups groups({.groupings = {Grouping::kZone}});
  groups.excused = {NodeId{3}};
  const auto table = groups.run();
  CHECK(zone(*table, "east", "west").sent == 2ULL * kPorts * kPackets);  // to h4 alone
  CHECK(zone(*table, "east", "west").lost_forward == 0);
  CHECK_FALSE(table->groups.contains({Grouping::kZone, "west", "west"}));
}

TEST_CASE("nothing is kept when no grouping is wanted", "[core][groups]") {
  Groups groups({.groupings = {}});
  CHECK(groups.run() == nullptr);
}

}  // namespace
}  // namespace faultline::core
