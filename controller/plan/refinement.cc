#include "controller/plan/refinement.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "controller/plan/footprints.h"
#include "controller/plan/mix.h"

namespace faultline::plan {
namespace {

// Of those who could be tried for one gap, so many senders are paired with so many receivers.
constexpr std::size_t kEndsLookedAt = 32;

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
    for (const auto& flow : input_.tried) {
      if (!traced.contains(flow)) try_out(flow);
    }
    if (const auto gaps = find_gaps(); !gaps.empty()) {
      index_passers();
      for (const auto gap : gaps) explore(gap);
    }
    return finish();
  }

 private:
  struct Pair {
    std::uint32_t tries = 0;
    std::uint64_t order = 0;
    NodeId sender{};
    NodeId receiver{};

    auto operator<=>(const Pair&) const = default;
  };

  void add(const TracedFlow& traced) {
    const auto& flow = traced.flow;
    routes_.add({flow.source.value(), flow.target.value()}, traced.forward, traced.back);
    flows_.push_back(flow);
    note_tried(flow);
  }

  void note_tried(const PairPort& flow) {
    if (tried_before_.insert(flow).second) ++tries_[{flow.source, flow.target}];
  }

  void select(FlowNumber mesh_size) {
    std::vector<FlowNumber> pinned;
    std::vector<FlowNumber> in_force;
    const std::set<PairPort> before(input_.useful.begin(), input_.useful.end());
    for (FlowNumber flow = 0; flow < routes_.size(); ++flow) {
      if (flow < mesh_size) {
        pinned.push_back(flow);
      } else if (before.contains(flows_[flow])) {
        in_force.push_back(flow);
      }
    }
    chosen_ = select_flows(routes_, {.pinned = pinned, .in_force = in_force}, config_.goals).flows;
    for (const auto flow : chosen_) {
      if (flow >= mesh_size) result_.useful.push_back(flows_[flow]);
    }
    std::ranges::sort(result_.useful);
  }

  bool try_out(const PairPort& flow) {
    if (result_.tried.size() >= config_.tried_max) return false;
    note_tried(flow);
    result_.tried.push_back(flow);
    return true;
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

  // A device and whether the other end of a link is a node: what a rack's switch passes down to its
  // nodes never goes up again.
  [[nodiscard]] std::uint64_t side(std::uint32_t device, std::uint32_t other) const {
    return std::uint64_t{device} << 1 | (input_.nodes[other] ? 1 : 0);
  }

  // Whose packets leave each device on that side, and whom those reach that enter it there.
  void index_passers() {
    for (FlowNumber flow = 0; flow < routes_.size(); ++flow) {
      const auto& [source, target, port] = flows_[flow];
      for (const auto& crossing : routes_.crossings(flow)) {
        const auto& ends = input_.links[crossing.link];
        const auto pass = [&](NodeId sender, NodeId receiver) {
          senders_[side(ends.from, ends.to)].insert(sender);
          receivers_[side(ends.to, ends.from)].insert(receiver);
        };
        if ((crossing.rows & kForwardRow) != 0) pass(source, target);
        if ((crossing.rows & kReturnRow) != 0) pass(target, source);
      }
    }
  }

  // A link that begins or ends at a node has that node for all of its senders or receivers.
  void explore(LinkNumber gap) {
    const auto& ends = input_.links[gap];
    const auto passing = [&](std::uint32_t device, std::uint32_t other, const auto& passers) {
      if (input_.nodes[device]) return std::vector{*input_.nodes[device]};
      const auto at = passers.find(side(device, other));
      return at == passers.end() ? std::vector<NodeId>{} : some_of(at->second, gap);
    };
    const auto senders = passing(ends.from, ends.to, senders_);
    const auto receivers = passing(ends.to, ends.from, receivers_);
    std::vector<Pair> pairs;  // those tried least first: what one pair cannot do another may
    for (const auto sender : senders) {
      for (const auto receiver : receivers) {
        if (sender == receiver) continue;
        pairs.push_back(
            {tries_[{sender, receiver}], mix(hash_of(sender, receiver) + gap), sender, receiver});
      }
    }
    std::ranges::sort(pairs);
    std::uint32_t tried = 0;
    for (auto at = pairs.begin(); at != pairs.end() && tried < config_.tried_per_gap; ++at) {
      if (try_pair(at->sender, at->receiver)) ++tried;
    }
  }

  static std::vector<NodeId> some_of(const std::set<NodeId>& nodes, LinkNumber gap) {
    std::vector<NodeId> some(nodes.begin(), nodes.end());
    if (some.size() <= kEndsLookedAt) return some;
    std::ranges::partial_sort(some, some.begin() + kEndsLookedAt, {},
                              [gap](NodeId node) { return mix(mix(gap) + node.value()); });
    some.resize(kEndsLookedAt);
    return some;
  }

  // On the first port that was never tried, counted from one that depends on the pair.
  bool try_pair(NodeId source, NodeId target) {
    const auto range = input_.ports.find(source);
    if (range == input_.ports.end()) return false;
    const auto [first, count] = range->second;
    for (std::uint16_t i = 0; i < count; ++i) {
      const auto offset = static_cast<std::uint16_t>((hash_of(source, target) + i) % count);
      const PairPort flow{source, target, static_cast<std::uint16_t>(first + offset)};
      if (!tried_before_.contains(flow)) return try_out(flow);
    }
    return false;
  }

  Refinement finish() {
    for (const auto& flow : input_.useful) {
      result_.dropped += std::ranges::binary_search(result_.useful, flow) ? 0 : 1;
    }
    std::ranges::sort(result_.tried);
    return std::move(result_);
  }

  using Nodes = std::set<NodeId>;

  const RefinementInput& input_;
  const RefinementConfig& config_;
  FlowRoutes routes_;
  std::vector<PairPort> flows_;  // by FlowNumber
  std::vector<FlowNumber> chosen_;
  std::set<PairPort> tried_before_;
  std::map<std::pair<NodeId, NodeId>, std::uint32_t> tries_;
  std::unordered_map<std::uint64_t, Nodes> senders_;    // by side()
  std::unordered_map<std::uint64_t, Nodes> receivers_;  // by side()
  Refinement result_;
};

}  // namespace

Refinement refine(const RefinementInput& input, const RefinementConfig& config) {
  return Refiner(input, config).run();
}

}  // namespace faultline::plan
