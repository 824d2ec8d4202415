#include "controller/plan/refinement.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "controller/plan/footprints.h"
#include "controller/plan/mix.h"

namespace faultline::plan {
namespace {

// Of those who could be tried for one gap, so many pairs are looked at.
constexpr std::size_t kPairsLookedAt = 64;

std::uint64_t hash_of(NodeId source, NodeId target) {
  return mix(mix(source.value()) + target.value());
}

class Refiner {
 public:
  Refiner(const RefinementInput& input, const RefinementConfig& config)
      : input_(input), config_(config), routes_(static_cast<std::uint32_t>(input.links.size())) {}

  Refinement run() {
    for (const auto& flow : input_.mesh) add(flow);
    const auto mesh_size = routes_.size();
    std::set<PairPort> traced;
    for (const auto& flow : input_.spare) {
      if (!flow.known) continue;
      add(flow);
      traced.insert(flow.flow);
    }
    select(mesh_size);
    for (const auto& flow : input_.in_force) {
      const bool known = traced.contains(flow) || is_mesh(flow);
      if (!known && result_.tried < config_.tried_max) try_out(flow);
    }
    if (const auto gaps = find_gaps(); !gaps.empty()) {
      index_passers();
      for (const auto gap : gaps) explore(gap);
    }
    return finish();
  }

 private:
  void add(const TracedFlow& traced) {
    const auto& flow = traced.flow;
    routes_.add({flow.source.value(), flow.target.value()}, traced.forward, traced.back);
    flows_.push_back(flow);
    tried_before_.insert(flow);
  }

  [[nodiscard]] bool is_mesh(const PairPort& flow) const {
    return std::ranges::any_of(input_.mesh,
                               [&](const TracedFlow& traced) { return traced.flow == flow; });
  }

  void select(FlowNumber mesh_size) {
    std::vector<FlowNumber> pinned;
    std::vector<FlowNumber> in_force;
    const std::set<PairPort> before(input_.in_force.begin(), input_.in_force.end());
    for (FlowNumber flow = 0; flow < routes_.size(); ++flow) {
      if (flow < mesh_size) {
        pinned.push_back(flow);
      } else if (before.contains(flows_[flow])) {
        in_force.push_back(flow);
      }
    }
    chosen_ = select_flows(routes_, {.pinned = pinned, .in_force = in_force}, config_.goals).flows;
    for (const auto flow : chosen_) {
      if (flow < mesh_size) continue;
      extra_.insert(flows_[flow]);
      ++result_.useful;
    }
  }

  void try_out(const PairPort& flow) {
    if (!extra_.insert(flow).second) return;
    tried_before_.insert(flow);
    ++result_.tried;
  }

  std::vector<LinkNumber> find_gaps() {
    Footprints footprints(routes_);
    for (const auto flow : chosen_) footprints.add(flow);
    std::unordered_map<std::uint64_t, std::uint32_t> alike;
    for (LinkNumber link = 0; link < routes_.links(); ++link) ++alike[footprints.hash(link)];
    std::vector<LinkNumber> gaps;
    const auto wanted = config_.goals.host_pairs_min;
    for (LinkNumber link = 0; link < routes_.links(); ++link) {
      const bool enough = footprints.host_pairs(link, wanted) >= wanted &&
                          alike[footprints.hash(link)] == 1 &&
                          !(config_.goals.unmask && footprints.maskers(link));
      if (!enough) gaps.push_back(link);
    }
    result_.gaps = static_cast<std::uint32_t>(gaps.size());
    return gaps;
  }

  // Who sends packets into each device, and whom the packets reach that leave it.
  void index_passers() {
    for (FlowNumber flow = 0; flow < routes_.size(); ++flow) {
      const auto& [source, target, port] = flows_[flow];
      for (const auto& crossing : routes_.crossings(flow)) {
        const auto& ends = input_.links[crossing.link];
        const auto pass = [&](NodeId sender, NodeId receiver) {
          senders_[ends.to].insert(sender);
          receivers_[ends.from].insert(receiver);
          crossers_[crossing.link].first.insert(sender);
          crossers_[crossing.link].second.insert(receiver);
        };
        if ((crossing.rows & kForwardRow) != 0) pass(source, target);
        if ((crossing.rows & kReturnRow) != 0) pass(target, source);
      }
    }
  }

  // A link whose near or far end is a host has none that pass through there.
  void explore(LinkNumber gap) {
    const auto& ends = input_.links[gap];
    const auto& senders = senders_[ends.from].empty() ? crossers_[gap].first : senders_[ends.from];
    const auto& receivers =
        receivers_[ends.to].empty() ? crossers_[gap].second : receivers_[ends.to];
    std::vector<std::pair<std::uint64_t, std::pair<NodeId, NodeId>>> pairs;
    for (const auto sender : senders) {
      for (const auto receiver : receivers) {
        if (sender == receiver) continue;
        pairs.push_back({mix(hash_of(sender, receiver) + gap), {sender, receiver}});
      }
    }
    const auto kept = std::min(pairs.size(), kPairsLookedAt);
    std::ranges::partial_sort(pairs, pairs.begin() + static_cast<std::ptrdiff_t>(kept));
    std::uint32_t tried = 0;
    for (std::size_t i = 0; i < kept && tried < config_.tried_per_gap; ++i) {
      if (try_pair(pairs[i].second.first, pairs[i].second.second)) ++tried;
    }
  }

  // On the first port that was never tried, counted from one that depends on the pair.
  bool try_pair(NodeId source, NodeId target) {
    if (result_.tried >= config_.tried_max) return false;
    const auto range = input_.ports.find(source);
    if (range == input_.ports.end()) return false;
    const auto [first, count] = range->second;
    for (std::uint16_t i = 0; i < count; ++i) {
      const auto offset = static_cast<std::uint16_t>((hash_of(source, target) + i) % count);
      const PairPort flow{source, target, static_cast<std::uint16_t>(first + offset)};
      if (tried_before_.contains(flow)) continue;
      try_out(flow);
      return true;
    }
    return false;
  }

  Refinement finish() {
    for (const auto& flow : input_.in_force) result_.dropped += extra_.contains(flow) ? 0 : 1;
    result_.extra.assign(extra_.begin(), extra_.end());
    return std::move(result_);
  }

  using Nodes = std::set<NodeId>;

  const RefinementInput& input_;
  const RefinementConfig& config_;
  FlowRoutes routes_;
  std::vector<PairPort> flows_;  // by FlowNumber
  std::vector<FlowNumber> chosen_;
  std::set<PairPort> extra_;
  std::set<PairPort> tried_before_;
  std::unordered_map<std::uint32_t, Nodes> senders_;    // by device
  std::unordered_map<std::uint32_t, Nodes> receivers_;  // by device
  std::unordered_map<LinkNumber, std::pair<Nodes, Nodes>> crossers_;
  Refinement result_;
};

}  // namespace

Refinement refine(const RefinementInput& input, const RefinementConfig& config) {
  return Refiner(input, config).run();
}

}  // namespace faultline::plan
