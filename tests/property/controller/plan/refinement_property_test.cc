// Refinement in a closed loop: a sparse mesh on a fat tree whose hashing nobody knows, and a tracer
// that tells where planned flows go.
#include <set>

#include <fmt/format.h>

#include "controller/plan/hierarchy.h"
#include "controller/plan/refinement.h"
#include "tests/bench/plan/fat_tree.h"
#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

using bench::FatTree;

constexpr std::uint64_t kSeeds = 4;
constexpr int kRoundsMax = 100;
constexpr std::uint16_t kPortFirst = 40'000;
constexpr std::uint16_t kPorts = 16;

// Node ids are host numbers and one.
std::uint32_t host(NodeId node) { return node.value() - 1; }

class Fleet {
 public:
  Fleet(std::uint32_t k, std::size_t targets_max) : k_(k), targets_max_(targets_max) {}

  void route_by(std::uint64_t seed) {
    tree_.emplace(k_, seed);
    memory_.clear();  // what was traced before says nothing of now
  }

  [[nodiscard]] TracedFlow trace(const PairPort& flow) const {
    const auto source = host(flow.source);
    const auto target = host(flow.target);
    return {.flow = flow,
            .known = true,
            .forward = tree_->route(source, target, flow.port, false),
            .back = tree_->route(target, source, flow.port, true)};
  }

  Refinement step() {
    const auto members = this->members();
    std::vector<TracedFlow> mesh;
    for (const auto& [source, targets] : make_mesh(members, targets_max_).targets) {
      for (const auto* target : targets) mesh.push_back(trace({source, target->id, kPortFirst}));
    }
    RefinementInput input{.mesh = mesh, .useful = last_.useful, .tried = last_.tried};
    for (LinkNumber link = 0; link < tree_->links(); ++link) {
      input.links.push_back(tree_->ends(link));
    }
    input.nodes.resize(5 * tree_->hosts());  // more than there are devices
    for (const auto& member : members) input.nodes[host(member.id)] = member.id;
    for (const auto& member : members) input.ports[member.id] = {kPortFirst, kPorts};
    memory_.insert(last_.useful.begin(), last_.useful.end());
    memory_.insert(last_.tried.begin(), last_.tried.end());
    std::vector<TracedFlow> spare;
    for (const auto& flow : memory_) spare.push_back(trace(flow));
    input.spare = spare;
    last_ = refine(input, {});
    return last_;
  }

  // Until nothing is tried any more.
  Refinement settle() {
    for (int round = 0; round < kRoundsMax; ++round) {
      if (step().tried.empty()) break;
    }
    return last_;
  }

  [[nodiscard]] const FatTree& tree() const { return *tree_; }

 private:
  [[nodiscard]] FleetView members() const {
    FleetView fleet;
    for (std::uint32_t i = 0; i < tree_->hosts(); ++i) {
      FleetMember member{.id = NodeId{i + 1}, .name = fmt::format("h{}", i), .profile = {}};
      member.profile.address = IpAddress::v4(0x0a000000 + i);
      member.profile.labels["rack"] = fmt::format("r{}", tree_->rack(i));
      fleet.push_back(member);
    }
    return fleet;
  }

  std::uint32_t k_;
  std::size_t targets_max_;
  std::optional<FatTree> tree_;
  Refinement last_;
  std::set<PairPort> memory_;
};

TEST_CASE("tried flows close the gaps that a sparse mesh leaves, and then it rests", "[plan]") {
  for (std::uint64_t seed = 7001; seed < 7001 + kSeeds; ++seed) {
    CAPTURE(seed);
    Fleet fleet(6, 4);
    fleet.route_by(seed);
    const auto first = fleet.step();
    REQUIRE(first.gaps > 0);
    REQUIRE(!first.tried.empty());
    const auto last = fleet.settle();
    REQUIRE(last.gaps == 0);
    REQUIRE(last.tried.empty());
    REQUIRE(!last.useful.empty());
    REQUIRE(last.useful.size() < fleet.tree().links());
    const auto again = fleet.step();
    REQUIRE(again.useful == last.useful);
    REQUIRE(again.dropped == 0);
  }
}

TEST_CASE("when routes change, what no longer helps goes and new gaps are explored", "[plan]") {
  for (std::uint64_t seed = 7001; seed < 7001 + kSeeds; ++seed) {
    CAPTURE(seed);
    Fleet fleet(6, 4);
    fleet.route_by(seed);
    const auto before = fleet.settle();
    fleet.route_by(seed + 100);
    const auto changed = fleet.step();
    REQUIRE(changed.gaps > 0);
    REQUIRE(!changed.tried.empty());
    const auto after = fleet.settle();
    REQUIRE(after.gaps == 0);
    REQUIRE(after.useful != before.useful);
  }
}

TEST_CASE("no more flows are tried at a time than is allowed", "[plan]") {
  Fleet fleet(6, 2);
  fleet.route_by(7001);
  REQUIRE(fleet.step().tried.size() <= RefinementConfig{}.tried_max);
}

}  // namespace
}  // namespace faultline::plan
