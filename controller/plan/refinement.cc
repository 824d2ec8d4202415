#include "controller/plan/refinement.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "common/base/check.h"
#include "controller/plan/chains.h"
#include "controller/plan/footprints.h"
#include "controller/plan/mix.h"

namespace faultline::plan {
namespace {

// Of those who could be tried for one gap, so many senders are paired with so many receivers.
constexpr std::size_t kEndsLookedAt = 32;
// So many superfluous flows for each of the mesh are left alone.
constexpr double kSuperfluousOfMesh = 0.01;

enum class Gap : std::uint8_t { kUncovered, kFewPairs, kAlike, kMasked, kNone };

std::uint64_t hash_of(NodeId source, NodeId target) {
  return mix(mix(source.value()) + target.value());
}

std::vector<bool> ends_of(const RefinementInput& input) {
  std::vector<bool> ends;
  for (const auto& node : input.nodes) ends.push_back(node.has_value());
  return ends;
}

// Where the network itself branches in two at most: whatever crosses the link crosses one of two
// others, before it or after it.
class Forks {
 public:
  explicit Forks(const RefinementInput& input) : input_(input), ways_(input.nodes.size()) {
    for (const auto& link : input.links) {
      ++ways_[link.from].out;
      ++ways_[link.to].in;
      ++parallel_[key(link.from, link.to)];
    }
  }

  [[nodiscard]] bool always_masked(LinkNumber number) const {
    const auto& link = input_.links[number];
    const bool after =
        !input_.nodes[link.to] && ways_[link.to].out - between(link.to, link.from) <= 2;
    const bool before =
        !input_.nodes[link.from] && ways_[link.from].in - between(link.to, link.from) <= 2;
    return after || before;
  }

 private:
  struct Ways {
    std::uint32_t in = 0;
    std::uint32_t out = 0;
  };
  static std::uint64_t key(std::uint32_t from, std::uint32_t to) {
    return std::uint64_t{from} << 32 | to;
  }
  [[nodiscard]] std::uint32_t between(std::uint32_t from, std::uint32_t to) const {
    const auto at = parallel_.find(key(from, to));
    return at == parallel_.end() ? 0 : at->second;
  }

  const RefinementInput& input_;
  std::vector<Ways> ways_;  // by device
  std::unordered_map<std::uint64_t, std::uint32_t> parallel_;
};

class Refiner {
 public:
  Refiner(const RefinementInput& input, const RefinementConfig& config)
      : input_(input), config_(config), routes_(static_cast<std::uint32_t>(input.links.size())) {}

  Refinement run() {
    for (const auto& flow : input_.mesh) add(flow);
    const auto mesh_size = routes_.size();
    std::set<PairPort> traced;
    for (const auto& flow : input_.spare) {
      add(flow);
      traced.insert(flow.flow);
    }
    auto goals = config_.goals;
    goals.superfluous_share_max = superfluous_share(mesh_size);
    select(mesh_size, goals);
    auto gaps = find_gaps();
    if (!gaps.empty() && result_.budget_met) {  // then superfluous ones are in the way
      goals.superfluous_share_max = 0;
      select(mesh_size, goals);
      gaps = find_gaps();
    }
    count_chosen();
    for (const auto& flow : input_.tried) {
      if (!traced.contains(flow)) keep_trying(flow);
    }
    if (input_.explore && !gaps.empty()) {
      index_passers();
      per_gap_ = std::clamp(config_.tried_max / static_cast<std::uint32_t>(gaps.size()),
                            config_.tried_per_gap_min, config_.tried_per_gap_max);
      for (const auto& [kind, order, link] : gaps) explore(link);
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
  struct Wanted {
    Gap kind = Gap::kNone;
    std::uint64_t order = 0;
    LinkNumber link = 0;

    auto operator<=>(const Wanted&) const = default;
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

  // Few extra flows beside a large mesh are not worth a change either.
  [[nodiscard]] double superfluous_share(FlowNumber mesh_size) const {
    const auto useful = static_cast<double>(std::max<std::size_t>(1, input_.useful.size()));
    return std::max(config_.goals.superfluous_share_max,
                    kSuperfluousOfMesh * static_cast<double>(mesh_size) / useful);
  }

  void select(FlowNumber mesh_size, const SelectionConfig& goals) {
    result_.useful.clear();
    std::vector<FlowNumber> pinned;
    std::vector<FlowNumber> in_force;
    const std::set<PairPort> before(input_.useful.begin(), input_.useful.end());
    const std::set<PairPort> held(input_.held.begin(), input_.held.end());
    for (FlowNumber flow = 0; flow < routes_.size(); ++flow) {
      if (flow < mesh_size || held.contains(flows_[flow])) {
        pinned.push_back(flow);
      } else if (before.contains(flows_[flow])) {
        in_force.push_back(flow);
      }
    }
    const auto selection = select_flows(routes_, {.pinned = pinned, .in_force = in_force}, goals);
    result_.budget_met = selection.budget_met;
    chosen_ = selection.flows;
    for (const auto flow : chosen_) {
      if (flow >= mesh_size) result_.useful.push_back(flows_[flow]);
    }
    std::ranges::sort(result_.useful);
  }

  void count_chosen() {
    for (const auto flow : chosen_) {
      ++sent_[flows_[flow].source];
      ++answered_[flows_[flow].target];
    }
  }

  bool keep_trying(const PairPort& flow) {
    if (result_.tried.size() >= config_.tried_max || !has_room(flow.source, flow.target)) {
      return false;
    }
    ++sent_[flow.source];
    ++answered_[flow.target];
    note_tried(flow);
    result_.tried.push_back(flow);
    return true;
  }

  [[nodiscard]] bool has_room(NodeId source, NodeId target) const {
    const auto count = [](const auto& counts, NodeId node) {
      const auto at = counts.find(node);
      return at == counts.end() ? 0U : at->second;
    };
    return count(sent_, source) < config_.flows_per_node_max &&
           count(answered_, target) < config_.flows_per_node_max;
  }

  // Those that are not given up, the worst first.
  std::vector<Wanted> find_gaps() {
    footprints_.emplace(routes_);
    for (const auto flow : chosen_) footprints_->add(flow);
    result_.covered = footprints_->covered();
    result_.gaps = {};
    find_lookalikes();
    const Forks forks(input_);
    result_.tries.assign(input_.links.size(), 0);
    std::vector<Wanted> gaps;
    for (LinkNumber link = 0; link < routes_.links(); ++link) {
      const auto kind = gap_of(link, forks);
      if (kind == Gap::kNone) continue;
      ++count_of(kind);
      if (link < input_.tries.size()) result_.tries[link] = input_.tries[link];
      if (result_.tries[link] >= config_.tries_per_gap_max) {
        ++result_.gaps.given_up;
      } else {
        gaps.push_back({kind, mix(link), link});
      }
    }
    std::ranges::sort(gaps);
    return gaps;
  }

  // Which links have the footprint of another that some flow could tell them from.
  void find_lookalikes() {
    const Chains chains(input_.links, ends_of(input_));
    std::unordered_map<std::uint64_t, std::pair<LinkNumber, bool>> first;  // its root; others' too?
    for (LinkNumber link = 0; link < routes_.links(); ++link) {
      const auto root = chains.root(link);
      const auto [at, is_new] = first.emplace(footprints_->hash(link), std::pair(root, false));
      if (!is_new && at->second.first != root) at->second.second = true;
    }
    alike_.assign(routes_.links(), false);
    for (LinkNumber link = 0; link < routes_.links(); ++link) {
      alike_[link] = first.at(footprints_->hash(link)).second;
    }
  }

  [[nodiscard]] Gap gap_of(LinkNumber link, const Forks& forks) const {
    const auto wanted = config_.goals.host_pairs_min;
    if (footprints_->crossing_rows(link) == 0) return Gap::kUncovered;
    if (footprints_->host_pairs(link, wanted) < wanted) return Gap::kFewPairs;
    if (alike_[link]) return Gap::kAlike;
    const bool masked = config_.goals.unmask && footprints_->maskers(link);
    return masked && !forks.always_masked(link) ? Gap::kMasked : Gap::kNone;
  }

  std::uint32_t& count_of(Gap kind) {
    switch (kind) {
      case Gap::kUncovered:
        return result_.gaps.uncovered;
      case Gap::kFewPairs:
        return result_.gaps.few_pairs;
      case Gap::kAlike:
        return result_.gaps.alike;
      default:
        return result_.gaps.masked;
    }
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
    for (auto at = pairs.begin(); at != pairs.end() && tried < per_gap_; ++at) {
      if (try_pair(at->sender, at->receiver)) ++tried;
    }
    result_.tries[gap] += tried;
  }

  // Others each time: what these cannot do those may.
  std::vector<NodeId> some_of(const std::set<NodeId>& nodes, LinkNumber gap) const {
    std::vector<NodeId> some(nodes.begin(), nodes.end());
    if (some.size() <= kEndsLookedAt) return some;
    const auto turn = mix(gap) + result_.tries[gap];
    std::ranges::partial_sort(some, some.begin() + kEndsLookedAt, {},
                              [turn](NodeId node) { return mix(mix(turn) + node.value()); });
    some.resize(kEndsLookedAt);
    return some;
  }

  // On the first port that was never tried, counted from one that depends on the pair.
  bool try_pair(NodeId source, NodeId target) {
    const auto from = input_.probers->find(source);
    const auto to = input_.probers->find(target);
    if (from == input_.probers->end() || to == input_.probers->end()) return false;
    const auto& [first, count, v4] = from->second;
    if (v4 != to->second.v4) return false;
    for (std::uint16_t i = 0; i < count; ++i) {
      const auto offset = static_cast<std::uint16_t>((hash_of(source, target) + i) % count);
      const PairPort flow{source, target, static_cast<std::uint16_t>(first + offset)};
      if (tried_before_.contains(flow)) continue;
      if (input_.fruitless != nullptr && input_.fruitless->contains(flow)) continue;
      return keep_trying(flow);
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
  std::optional<Footprints> footprints_;  // of the chosen ones
  std::vector<bool> alike_;               // by link
  std::map<NodeId, std::uint32_t> sent_;
  std::map<NodeId, std::uint32_t> answered_;
  std::set<PairPort> tried_before_;
  std::map<std::pair<NodeId, NodeId>, std::uint32_t> tries_;
  std::unordered_map<std::uint64_t, Nodes> senders_;    // by side()
  std::unordered_map<std::uint64_t, Nodes> receivers_;  // by side()
  std::uint32_t per_gap_ = 0;
  Refinement result_;
};

}  // namespace

Refinement refine(const RefinementInput& input, const RefinementConfig& config) {
  FAULTLINE_CHECK(input.probers != nullptr, "the nodes that may be planned are given");
  return Refiner(input, config).run();
}

}  // namespace faultline::plan
