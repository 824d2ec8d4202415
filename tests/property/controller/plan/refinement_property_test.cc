// Refinement in a closed loop: a sparse mesh on a fat tree whose hashing nobody knows, and a tracer
// that tells where planned flows go.
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "controller/plan/hierarchy.h"
#include "controller/plan/mix.h"
#include "controller/plan/refinement.h"
#include "tests/bench/plan/fat_tree.h"
#include "tests/support/catch.h"

namespace faultline::plan {
namespace {

using bench::FatTree;

constexpr std::uint64_t kSeedFirst = 7001;
constexpr std::uint64_t kRefinements = 24;
constexpr int kRoundsMax = 100;
constexpr std::uint16_t kPortFirst = 40'000;
constexpr std::uint16_t kPorts = 16;
constexpr std::uint32_t kExtraMax = 4;

// Node ids are host numbers and one.
std::uint32_t host(NodeId node) { return node.value() - 1; }

class Fleet {
 public:
  Fleet(std::uint32_t k, std::size_t targets_max) : k_(k), targets_max_(targets_max) {}

  void route_by(std::uint64_t seed) {
    tree_.emplace(k_, seed);
    memory_.clear();  // what was traced before says nothing of now
    tries_.clear();
  }
  void without(std::optional<std::uint32_t> gone) { gone_ = gone; }

  [[nodiscard]] TracedFlow trace(const PairPort& flow) const {
    const auto source = host(flow.source);
    const auto target = host(flow.target);
    return {.flow = flow,
            .forward = tree_->route(source, target, flow.port, false),
            .back = tree_->route(target, source, flow.port, true)};
  }

  Refinement step() {
    const auto members = this->members();
    const auto mesh = make_mesh(members, targets_max_);
    std::vector<TracedFlow> meshed;
    std::map<NodeId, Prober> probers;
    for (const auto& member : members) probers[member.id] = {kPortFirst, kPorts, true};
    for (const auto& [source, targets] : mesh.targets) {
      for (const auto* target : targets) meshed.push_back(trace({source, target->id, kPortFirst}));
    }
    mesh_.clear();
    for (const auto& flow : meshed) mesh_.insert(flow.flow);
    std::vector<DirectedLink> links;
    for (LinkNumber link = 0; link < tree_->links(); ++link) links.push_back(tree_->ends(link));
    std::vector<std::optional<NodeId>> nodes(5 * tree_->hosts());  // more than there are devices
    for (std::uint32_t i = 0; i < tree_->hosts(); ++i) nodes[i] = NodeId{i + 1};
    const auto here = [&](const PairPort& flow) {
      return probers.contains(flow.source) && probers.contains(flow.target);
    };
    memory_.insert(last_.useful.begin(), last_.useful.end());
    memory_.insert(last_.tried.begin(), last_.tried.end());
    std::vector<TracedFlow> spare;
    for (const auto& flow : memory_) {
      if (here(flow)) spare.push_back(trace(flow));
    }
    std::erase_if(last_.useful, [&](const PairPort& flow) { return !here(flow); });
    config_.flows_per_node_max = static_cast<std::uint32_t>(mesh.busiest) + kExtraMax;
    config_.goals.flows_per_node_max = config_.flows_per_node_max - 1;
    last_ = refine({.links = links,
                    .nodes = nodes,
                    .mesh = meshed,
                    .spare = spare,
                    .useful = last_.useful,
                    .held = held_,
                    .tried = last_.tried,
                    .tries = tries_,
                    .probers = &probers},
                   config_);
    tries_ = last_.tries;
    return last_;
  }

  // Until nothing is tried any more.
  Refinement settle() {
    for (rounds_ = 0; rounds_ < kRoundsMax; ++rounds_) {
      if (step().tried.empty()) break;
    }
    return last_;
  }

  [[nodiscard]] const FatTree& tree() const { return *tree_; }
  [[nodiscard]] const std::set<PairPort>& mesh() const { return mesh_; }
  [[nodiscard]] int rounds() const { return rounds_; }
  void hold(std::vector<PairPort> flows) { held_ = std::move(flows); }
  RefinementConfig& config() { return config_; }

 private:
  [[nodiscard]] FleetView members() const {
    FleetView fleet;
    for (std::uint32_t i = 0; i < tree_->hosts(); ++i) {
      if (gone_ == i) continue;
      FleetMember member{.id = NodeId{i + 1}, .name = fmt::format("h{}", i), .profile = {}};
      member.profile.address = IpAddress::v4(0x0a000000 + i);
      member.profile.labels["rack"] = fmt::format("r{}", tree_->rack(i));
      fleet.push_back(member);
    }
    return fleet;
  }

  std::uint32_t k_;
  std::size_t targets_max_;
  RefinementConfig config_;
  std::optional<FatTree> tree_;
  std::optional<std::uint32_t> gone_;
  Refinement last_;
  std::set<PairPort> memory_;
  std::vector<std::uint32_t> tries_;
  std::vector<PairPort> held_;
  std::set<PairPort> mesh_;
  int rounds_ = 0;
};

TEST_CASE("tried flows close the gaps that a sparse mesh leaves, and then it rests", "[plan]") {
  for (std::uint64_t seed = kSeedFirst; seed < kSeedFirst + kRefinements; ++seed) {
    CAPTURE(seed);
    Fleet fleet(6, 4);
    fleet.route_by(seed);
    const auto first = fleet.step();
    REQUIRE(first.gaps.total() > 0);
    REQUIRE(!first.tried.empty());
    const auto last = fleet.settle();
    CAPTURE(fleet.rounds(), last.gaps.uncovered, last.gaps.few_pairs, last.gaps.alike,
            last.gaps.masked, last.gaps.given_up, last.budget_met);
    CHECK(last.gaps.total() == 0);
    CHECK(last.tried.empty());
    REQUIRE(!last.useful.empty());
    REQUIRE(last.useful.size() < fleet.tree().links());
    const auto again = fleet.step();
    REQUIRE(again.useful == last.useful);
    REQUIRE(again.dropped == 0);
  }
}

TEST_CASE("when routes change, what no longer helps goes and new gaps are explored", "[plan]") {
  for (std::uint64_t seed = kSeedFirst; seed < kSeedFirst + 6; ++seed) {
    CAPTURE(seed);
    Fleet fleet(6, 4);
    fleet.route_by(seed);
    const auto before = fleet.settle();
    fleet.route_by(seed + 100);
    const auto changed = fleet.step();
    REQUIRE(changed.gaps.total() > 0);
    REQUIRE(!changed.tried.empty());
    const auto after = fleet.settle();
    REQUIRE(after.gaps.total() == 0);
    REQUIRE(after.useful != before.useful);
  }
}

TEST_CASE("flows that are held stay, though they help no more", "[plan]") {
  Fleet fleet(6, 4);
  fleet.route_by(kSeedFirst);
  const auto before = fleet.settle();
  const auto lost = [&](const Refinement& after) {
    return std::ranges::count_if(before.useful, [&](const PairPort& flow) {
      return !std::ranges::binary_search(after.useful, flow);
    });
  };
  fleet.hold(before.useful);
  fleet.route_by(kSeedFirst + 100);
  CHECK(lost(fleet.settle()) == 0);
  fleet.hold({});
  CHECK(lost(fleet.settle()) > 0);
}

TEST_CASE("no more flows are tried at a time than is allowed, and none beyond a node's budget",
          "[plan]") {
  Fleet fleet(6, 2);
  fleet.config().tried_max = 10;
  fleet.route_by(kSeedFirst);
  for (int round = 0; round < 20; ++round) {
    const auto now = fleet.step();
    REQUIRE(now.tried.size() <= 10);
    std::map<NodeId, std::size_t> sent;
    for (const auto& flow : fleet.mesh()) ++sent[flow.source];
    for (const auto* flows : {&now.useful, &now.tried}) {
      for (const auto& flow : *flows) ++sent[flow.source];
    }
    for (const auto& [node, count] : sent) REQUIRE(count <= fleet.config().flows_per_node_max);
  }
}

TEST_CASE("a host less or more changes at most one in a hundred of all flows", "[plan]") {
  Fleet fleet(12, 40);  // 432 hosts
  fleet.route_by(kSeedFirst);
  std::set<PairPort> last;
  for (const std::optional<std::uint32_t> gone :
       {std::optional<std::uint32_t>{}, std::optional<std::uint32_t>{144},
        std::optional<std::uint32_t>{}}) {
    fleet.without(gone);
    const auto settled = fleet.settle();
    auto flows = fleet.mesh();
    flows.insert(settled.useful.begin(), settled.useful.end());
    if (!last.empty()) {
      std::vector<PairPort> changed;
      std::ranges::set_symmetric_difference(last, flows, std::back_inserter(changed));
      CAPTURE(changed.size(), flows.size());
      CHECK(changed.size() * 100 <= flows.size());
    }
    last = std::move(flows);
  }
}

}  // namespace
}  // namespace faultline::plan
