#include "controller/core/planning.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "controller/plan/trace_loads.h"

namespace faultline::core {
namespace {

using plan::LinkNumber;
using plan::PairPort;

// Below it nothing is explored: what looks like a gap is most likely a path not traced yet.
constexpr double kKnownShareMin = 0.95;
// Of all flows one in so many may be tried at a time, within these bounds.
constexpr std::uint64_t kTriedOneIn = 32;
constexpr std::uint64_t kTriedMin = 64;
constexpr std::uint64_t kTriedMax = 4096;
// How many cycles of traces a tried flow is given to be traced both ways.
constexpr int kTraceCyclesWaited = 2;

class Planning {
 public:
  explicit Planning(const PlanningJob& job) : job_(job), extra_(job.plans->extra) {}

  PlanningResult run() {
    number_links();
    note_moves();
    take_mesh();
    if (job_.plans->all_pairs) {
      result_.memory = job_.memory;
      numbers_.explored = true;
    } else {
      take_spares();
      give_up_tried();
      numbers_.explored = job_.explore_anyway || known_share() >= kKnownShareMin;
      refine();
    }
    weigh_links();
    result_.memory.tracers = trace_loads_.most_tracers();
    result_.numbers = numbers_;
    return std::move(result_);
  }

 private:
  struct Ways {
    std::vector<LinkNumber> forward;
    std::vector<LinkNumber> back;
    WallTime traced_at = WallTime::max();  // the older of the two
    bool known = false;                    // both are
  };

  std::uint32_t device(const std::string& id) {
    const auto [at, is_new] =
        devices_.emplace(id, static_cast<std::uint32_t>(device_nodes_.size()));
    if (is_new) {
      const auto node = node_of_.find(id);
      device_nodes_.push_back(node == node_of_.end() ? std::nullopt : std::optional(node->second));
    }
    return at->second;
  }

  LinkNumber link(const std::string& id, const std::string& from, const std::string& to) {
    const auto [at, is_new] = links_.emplace(id, static_cast<LinkNumber>(ends_.size()));
    if (is_new) {
      ends_.push_back({.from = device(from), .to = device(to)});
      link_ids_.push_back(id);
    }
    return at->second;
  }

  // Declared links first: nobody may cross them yet.
  void number_links() {
    for (const auto& member : *job_.members) {
      node_of_.emplace(job_.topology->node_name(member.id), member.id);
      probers_[member.id] = {.port_first = member.profile.source_port_first,
                             .ports = member.profile.source_port_count,
                             .v4 = member.profile.address.is_v4()};
    }
    for (const auto& [id, info] : job_.topology->links()) {
      if (info.from != topology::kSilentDevice && info.to != topology::kSilentDevice) {
        link(id, info.from, info.to);
      }
    }
  }

  // A direction of a flow as links; those beside a silent hop are left out.
  std::vector<LinkNumber> way(const topology::PathKey& key, Ways& ways) {
    const auto* known = job_.paths->find(key);
    const auto tracer = key.direction == Direction::kForward ? key.reporter : key.target;
    if (known == nullptr) {
      ways.known = false;
      trace_loads_.add_unknown(tracer);
      return {};
    }
    ways.traced_at = std::min(ways.traced_at, known->path.traced_at);
    const auto path = job_.topology->resolve(key.reporter, known->path);
    trace_loads_.add_path(tracer, path.devices);
    std::vector<LinkNumber> links;
    for (std::size_t i = 0; i < path.links.size(); ++i) {
      const auto& from = path.devices[i];
      const auto& to = path.devices[i + 1];
      if (from == topology::kSilentDevice || to == topology::kSilentDevice) continue;
      links.push_back(link(path.links[i], from, to));
    }
    return links;
  }

  Ways ways_of(const PairPort& flow) {
    Ways ways{.forward = {}, .back = {}, .known = true};
    ways.forward = way({flow.source, flow.target, flow.port, Direction::kForward}, ways);
    ways.back = way({flow.source, flow.target, flow.port, Direction::kReturn}, ways);
    return ways;
  }

  // Where flows in force changed their routes, and when last.
  void note_moves() {
    for (const auto& [key, known] : job_.paths->paths()) {
      if (known.changes == 0) continue;
      const auto path = job_.topology->resolve(key.reporter, known.path);
      for (const auto& id : path.devices) {
        if (id == topology::kSilentDevice) continue;
        const auto number = device(id);
        if (device_nodes_[number]) continue;  // whatever a node does, it forwards nothing
        auto& moved = moved_at_[number];
        moved = std::max(moved, known.changed_at);
      }
    }
  }

  [[nodiscard]] bool moved_since(std::uint32_t device, WallTime time) const {
    const auto at = moved_at_.find(device);
    return at != moved_at_.end() && at->second > time;
  }

  [[nodiscard]] bool is_outdated(const Ways& ways) const {
    const auto moved = [&](LinkNumber link) {
      return moved_since(ends_[link].from, ways.traced_at) ||
             moved_since(ends_[link].to, ways.traced_at);
    };
    return std::ranges::any_of(ways.forward, moved) || std::ranges::any_of(ways.back, moved);
  }

  [[nodiscard]] bool is_extra(const PairPort& flow) const {
    return std::ranges::binary_search(extra_, flow);
  }

  void take_mesh() {
    for (const auto& plan : job_.plans->plans) {
      for (const auto& planned : plan.flows) {
        const PairPort flow{plan.node, plan.peers[planned.peer].node, planned.source_port};
        in_plans_.insert(flow);
        if (is_extra(flow)) continue;
        auto ways = ways_of(flow);
        numbers_.paths_unknown += (ways.forward.empty() ? 1 : 0) + (ways.back.empty() ? 1 : 0);
        mesh_.push_back({flow, std::move(ways.forward), std::move(ways.back)});
      }
    }
    numbers_.mesh_flows = mesh_.size();
  }

  // Flows beyond the mesh whose ways are known, planned now or tried before.
  void take_spares() {
    std::optional<PairPort> last;
    for (const auto& [key, known] : job_.paths->paths()) {
      const PairPort flow{key.reporter, key.target, key.source_port};
      if (last == flow) continue;  // the other direction
      last = flow;
      const bool planned = in_plans_.contains(flow);
      if (planned && !is_extra(flow)) continue;
      // Late reports tell of nodes that are gone.
      if (!probers_.contains(flow.source) || !probers_.contains(flow.target)) continue;
      auto ways = ways_of(flow);
      if (!planned && ways.traced_at + kSpareKeptFor < job_.now) {
        result_.outdated.push_back(
            {key.reporter, key.target, key.source_port, Direction::kForward});
        result_.outdated.push_back({key.reporter, key.target, key.source_port, Direction::kReturn});
        continue;
      }
      if (!ways.known || (!planned && is_outdated(ways))) continue;
      if (job_.memory.tried.contains(flow) && is_outdated(ways)) continue;  // of an earlier time
      spare_.push_back({flow, std::move(ways.forward), std::move(ways.back)});
      spare_flows_.insert(flow);
    }
  }

  // How many flows of the plans cross the fullest link, there or back.
  void weigh_links() {
    std::vector<std::uint32_t> flows(ends_.size());
    const auto weigh = [&](const plan::TracedFlow& flow) {
      for (const auto number : flow.forward) ++flows[number];
      for (const auto number : flow.back) ++flows[number];
    };
    for (const auto& flow : mesh_) weigh(flow);
    for (const auto& flow : spare_) {
      if (in_plans_.contains(flow.flow)) weigh(flow);
    }
    numbers_.links = static_cast<std::uint32_t>(flows.size());
    if (job_.plans->all_pairs) {
      numbers_.covered = static_cast<std::uint32_t>(flows.size() - std::ranges::count(flows, 0U));
    }
    const auto fullest = std::ranges::max_element(flows);
    if (fullest == flows.end()) return;
    numbers_.fullest_link = link_ids_[static_cast<std::size_t>(fullest - flows.begin())];
    numbers_.fullest_link_flows = *fullest;
    result_.memory.fullest_link_flows = *fullest;
  }

  [[nodiscard]] std::uint32_t link_flows_max() const {
    const double most = job_.link_packets_per_second_max *
                        std::chrono::duration<double>(job_.plans->flow_interval).count();
    return static_cast<std::uint32_t>(std::clamp(most, 1.0, 1e9));
  }

  [[nodiscard]] Duration tried_for() const {
    Duration cycle{};
    for (const auto& budget : job_.plans->budgets) cycle = std::max(cycle, budget.trace_cycle);
    return std::max<Duration>(kTriedForMin, kTraceCyclesWaited * cycle);
  }

  // Useful flows of which nothing is known any more are as good as tried.
  void give_up_tried() {
    auto& memory = result_.memory;
    memory.fruitless = job_.memory.fruitless;
    std::erase_if(memory.fruitless,
                  [&](const auto& entry) { return entry.second + kFruitlessFor < job_.now; });
    const auto patience = tried_for();
    auto tried = job_.memory.tried;
    for (const auto& flow : job_.memory.useful) {
      if (!spare_flows_.contains(flow)) tried.emplace(flow, job_.now);
    }
    for (const auto& [flow, since] : tried) {
      if (spare_flows_.contains(flow) || !probers_.contains(flow.source) ||
          !probers_.contains(flow.target)) {
        continue;
      }
      if (since + patience < job_.now) {
        memory.fruitless.emplace(flow, job_.now);
      } else {
        tried_.emplace(flow, since);
      }
    }
    while (memory.fruitless.size() > kFruitlessMax) {
      memory.fruitless.erase(
          std::ranges::min_element(memory.fruitless, {}, [](const auto& it) { return it.second; }));
    }
  }

  [[nodiscard]] double known_share() const {
    const auto wanted = 2 * numbers_.mesh_flows;
    if (wanted == 0) return 1;
    return 1 - static_cast<double>(numbers_.paths_unknown) / static_cast<double>(wanted);
  }

  // Whether a fault that is watched may be on the link.
  [[nodiscard]] bool is_held(LinkNumber number) const {
    const auto& id = link_ids_[number];
    return std::ranges::any_of(job_.held, [&](const incident::Component& component) {
      if (component.id == id) return true;
      for (const auto end : {ends_[number].from, ends_[number].to}) {
        const auto device = devices_.find(component.id);
        if (device != devices_.end() && device->second == end) return true;
      }
      if (component.from.empty() || component.to.empty()) return false;
      const auto from = devices_.find(component.from);
      const auto to = devices_.find(component.to);
      if (from == devices_.end() || to == devices_.end()) return false;
      const std::pair ends(ends_[number].from, ends_[number].to);
      return ends == std::pair(from->second, to->second) ||
             ends == std::pair(to->second, from->second);
    });
  }

  std::vector<PairPort> held_flows() {
    std::vector<PairPort> held;
    if (job_.held.empty()) return held;
    std::vector<bool> on(ends_.size());
    for (LinkNumber number = 0; number < on.size(); ++number) on[number] = is_held(number);
    const std::set<PairPort> useful(job_.memory.useful.begin(), job_.memory.useful.end());
    const auto crosses = [&](const std::vector<LinkNumber>& way) {
      return std::ranges::any_of(way, [&](LinkNumber number) { return on[number]; });
    };
    for (const auto& flow : spare_) {
      if (!useful.contains(flow.flow)) continue;
      if (crosses(flow.forward) || crosses(flow.back)) held.push_back(flow.flow);
    }
    return held;
  }

  // Tries count as long as nothing moved beside the link.
  [[nodiscard]] std::vector<std::uint32_t> earlier_tries() const {
    std::vector<std::uint32_t> tries(ends_.size(), 0);
    for (const auto& [id, count] : job_.memory.tries) {
      const auto at = links_.find(id);
      if (at == links_.end()) continue;
      const auto& ends = ends_[at->second];
      if (moved_since(ends.from, job_.memory.thought_at) ||
          moved_since(ends.to, job_.memory.thought_at)) {
        continue;
      }
      tries[at->second] = count;
    }
    return tries;
  }

  void refine() {
    std::vector<PairPort> tried;
    for (const auto& [flow, since] : tried_) tried.push_back(flow);
    std::set<PairPort> fruitless;
    for (const auto& [flow, since] : result_.memory.fruitless) fruitless.insert(flow);
    const auto held = held_flows();
    const auto tries = earlier_tries();
    plan::RefinementConfig config;
    config.flows_per_node_max = job_.plans->flows_per_node_max;
    config.goals.flows_per_node_max = job_.plans->flows_per_node_max - job_.plans->tried_per_node;
    config.goals.flows_per_link_max = link_flows_max();
    config.tried_max = static_cast<std::uint32_t>(
        std::clamp(numbers_.mesh_flows / kTriedOneIn, kTriedMin, kTriedMax));
    auto refined = plan::refine({.links = ends_,
                                 .nodes = device_nodes_,
                                 .mesh = mesh_,
                                 .spare = spare_,
                                 .useful = job_.memory.useful,
                                 .held = held,
                                 .tried = tried,
                                 .fruitless = &fruitless,
                                 .tries = tries,
                                 .probers = &probers_,
                                 .explore = numbers_.explored},
                                config);
    numbers_.held = static_cast<std::uint32_t>(held.size());
    remember(std::move(refined));
  }

  void remember(plan::Refinement refined) {
    auto& memory = result_.memory;
    memory.thought_at = job_.now;
    for (const auto& flow : refined.tried) {
      const auto before = tried_.find(flow);
      memory.tried.emplace(flow, before == tried_.end() ? job_.now : before->second);
    }
    for (LinkNumber number = 0; number < refined.tries.size(); ++number) {
      if (refined.tries[number] > 0) memory.tries.emplace(link_ids_[number], refined.tries[number]);
    }
    memory.useful = std::move(refined.useful);
    numbers_.useful = memory.useful.size();
    numbers_.tried = memory.tried.size();
    const bool moved = std::ranges::any_of(
        moved_at_, [&](const auto& move) { return move.second > job_.memory.thought_at; });
    const auto gaps = refined.gaps.total();
    const bool better = moved || gaps < job_.memory.gaps_least || job_.memory.gaps_least == 0;
    memory.gaps_least = better ? gaps : job_.memory.gaps_least;
    memory.vain_rounds = better || memory.tried.empty() ? 0 : job_.memory.vain_rounds + 1;
    numbers_.gaps = refined.gaps;
    numbers_.links = static_cast<std::uint32_t>(ends_.size());
    numbers_.covered = refined.covered;
    numbers_.dropped = refined.dropped;
    numbers_.budget_met = refined.budget_met;
  }

  const PlanningJob& job_;
  const std::vector<PairPort>& extra_;
  std::unordered_map<std::string, NodeId> node_of_;  // by device
  std::map<NodeId, plan::Prober> probers_;
  std::unordered_map<std::string, std::uint32_t> devices_;
  std::vector<std::optional<NodeId>> device_nodes_;
  std::unordered_map<std::string, LinkNumber> links_;
  std::vector<plan::DirectedLink> ends_;
  std::vector<std::string> link_ids_;
  std::unordered_map<std::uint32_t, WallTime> moved_at_;  // by device
  std::set<PairPort> in_plans_;
  std::vector<plan::TracedFlow> mesh_;
  std::vector<plan::TracedFlow> spare_;
  std::set<PairPort> spare_flows_;
  std::map<PairPort, WallTime> tried_;
  plan::TraceLoads trace_loads_;  // a spare path more does no harm: it may be planned again
  PlanningNumbers numbers_;
  PlanningResult result_;
};

}  // namespace

std::string sentence(const PlanningNumbers& numbers) {
  const auto& gaps = numbers.gaps;
  auto text = fmt::format(
      "{} flows of the mesh, {} useful beyond it, {} tried: {} of {} links covered",
      numbers.mesh_flows, numbers.useful, numbers.tried, numbers.covered, numbers.links);
  if (gaps.total() > 0) {
    text += fmt::format(
        "; gaps: {} uncovered, {} crossed by few pairs of hosts, {} not told from another, {} "
        "masked by two others",
        gaps.uncovered, gaps.few_pairs, gaps.alike, gaps.masked);
    if (gaps.given_up > 0) text += fmt::format(" ({} given up)", gaps.given_up);
  }
  if (numbers.fullest_link_flows > 0) {
    text += fmt::format("; {} flows on {}, the fullest link", numbers.fullest_link_flows,
                        numbers.fullest_link);
  }
  if (numbers.dropped > 0) text += fmt::format("; {} dropped", numbers.dropped);
  if (numbers.held > 0) text += fmt::format("; {} held by incidents", numbers.held);
  if (numbers.budget_met) text += "; a flow that would help finds no room";
  if (!numbers.explored) {
    text += fmt::format("; {} paths are not traced yet, nothing is tried", numbers.paths_unknown);
  }
  return text;
}

std::vector<plan::PairPort> PlanningMemory::flows() const {
  auto flows = useful;
  for (const auto& [flow, since] : tried) flows.push_back(flow);
  return flows;
}

PlanningResult plan_flows(const PlanningJob& job) { return Planning(job).run(); }

}  // namespace faultline::core
