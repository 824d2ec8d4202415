// Refinement in a closed loop: a sparse mesh on a fat tree whose hashing nobody knows, and a tracer
// that tells where planned flows go.
#include <algorithm>
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
constexpr std::uint64_t kSeeds = 24;
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
    mesh_size_ = meshed.size();
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
  [[nodiscard]] std::size_t mesh_size() const { return mesh_size_; }
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
  std::size_t mesh_size_ = 0;
  int rounds_ = 0;
};

TEST_CASE("tried flows close the gaps that a sparse mesh leaves, and then it rests", "[plan]") {
  for (std::uint64_t seed = kSeedFirst; seed < kSeedFirst + kSeeds; ++seed) {
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

}  // namespace
}  // namespace faultline::plan
