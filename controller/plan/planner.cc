#include "controller/plan/planner.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/model/path.h"
#include "controller/plan/harm.h"
#include "controller/plan/hierarchy.h"
#include "controller/plan/mix.h"

namespace faultline::plan {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kWindowMin = seconds{1};
constexpr Duration kWindowMax = seconds{60};
constexpr Duration kFlowIntervalMin = milliseconds{10};
constexpr Duration kLeaseMin = seconds{10};
constexpr double kStampBytes = 44;  // RFC 8762, unauthenticated
constexpr double kIpv4UdpBytes = 28;
constexpr double kIpv6UdpBytes = 48;
// Of the flows that a node may track, so many are kept for what the mesh does not see.
constexpr std::size_t kExtraOneIn = 4;
// Of these, so many for flows of unknown way, rounded up.
constexpr std::size_t kTriedOneIn = 4;
// Neighbors that a tracked flow may cost: those measured, and those who measure, who may be half as
// many again as one measures (a rack's own come on top of the others).
constexpr std::size_t kNeighborsPerFlow = 3;

// Ascending by id.
using Roster = std::vector<const FleetMember*>;

Roster make_roster(const FleetView& fleet) {
  Roster roster;
  for (const auto& member : fleet) roster.push_back(&member);
  std::ranges::sort(roster, {}, &FleetMember::id);
  const auto repeated = std::ranges::adjacent_find(roster, {}, &FleetMember::id);
  FAULTLINE_CHECK(repeated == roster.end(), "node ids are unique");
  return roster;
}

// Packets that traces may cost a node in a second: its own, and as many that its peers ask for.
double trace_packets_per_second(double visits_per_second) {
  return 2.0 * visits_per_second * static_cast<double>(kPathHopsMax);
}

// As if no router had a limit, so that what is learned of routes changes no interval.
double trace_packets_per_second(const PlannerConfig& config) {
  return trace_packets_per_second(config.traces_per_second);
}

double flow_packets_per_second_max(const PlannerConfig& config) {
  return config.packets_per_second_per_node_max - trace_packets_per_second(config);
}

// Every flow sends at least one packet in a window, which bounds their number once more.
std::size_t flows_per_node_max(const PlannerConfig& config) {
  const auto window_seconds = std::chrono::duration<double>(config.window).count();
  const auto affordable =
      static_cast<std::size_t>(flow_packets_per_second_max(config) * window_seconds);
  return std::min<std::size_t>(config.tracked_flows_per_node_max, affordable);
}

// What a node may track of this fleet, and whether that is for the sake of neighbor tables.
struct Tracked {
  std::size_t flows_max = 0;
  std::size_t segment = 0;  // nodes that may share one; 0: no more than may be neighbors
};

Tracked tracked_max(const FleetView& fleet, const PlannerConfig& config) {
  const auto flows_max = flows_per_node_max(config);
  const auto segment = largest_segment(fleet);
  if (segment <= config.neighbors_per_node_max + std::size_t{1}) return {.flows_max = flows_max};
  return {.flows_max =
              std::min<std::size_t>(flows_max, config.neighbors_per_node_max / kNeighborsPerFlow),
          .segment = segment};
}

// Flows per pair when every node measures every other; 0: that cannot be afforded.
std::uint32_t all_pairs_density(std::size_t nodes, const Tracked& tracked,
                                const PlannerConfig& config) {
  if (nodes < 2 || tracked.segment > 0) return 0;
  const auto affordable = tracked.flows_max / (nodes - 1);
  return static_cast<std::uint32_t>(std::min<std::size_t>(config.flows_per_pair, affordable));
}

Mesh everyone(const Roster& roster) {
  Mesh mesh;
  for (const auto* member : roster) {
    auto& targets = mesh.targets[member->id];
    for (const auto* other : roster) {
      if (other == member) continue;
      if (can_talk(*member, *other)) {
        targets.push_back(other);
      } else {
        ++mesh.pairs_mixed;
      }
    }
  }
  return mesh;
}

// A plan's peers are the targets and those who send here: the reflector answers nobody else.
Targets choose_peers(const Roster& roster, const Targets& targets) {
  Targets peers = targets;
  for (const auto* source : roster) {
    for (const auto* target : targets.at(source->id)) peers[target->id].push_back(source);
  }
  for (auto& [id, chosen] : peers) {
    std::ranges::sort(chosen, {}, &FleetMember::id);
    const auto repeated = std::ranges::unique(chosen);
    chosen.erase(repeated.begin(), repeated.end());
  }
  return peers;
}

PlanPeer to_peer(const FleetMember& member) {
  return {.node = member.id,
          .name = member.name,
          .address = member.profile.address,
          .reflector_port = member.profile.reflector_port,
          .mesh_port = member.profile.mesh_port,
          .key = member.key,
          .second_key = member.second_key,
          .authenticates = member.authenticates,
          .group = rack_number(member)};
}

// As many as the source has ports for, at most `wanted`: flow `i` of them.
std::uint16_t port_of(const FleetMember& source, NodeId target, std::uint32_t flows,
                      std::uint32_t i) {
  const std::uint32_t ports = source.profile.source_port_count;
  const std::uint64_t pair = std::uint64_t{source.id.value()} + target.value();
  const auto offset = static_cast<std::uint32_t>((pair * flows + i) % ports);
  return static_cast<std::uint16_t>(source.profile.source_port_first + offset);
}

PlanFlow make_flow(std::uint32_t peer, const PairPort& flow, const PlannerConfig& config) {
  const auto kind = mix(mix(flow.source.value()) ^ mix(std::uint64_t{flow.target.value()} << 20) ^
                        mix(std::uint64_t{flow.port} << 40));
  PlanFlow planned{.peer = peer, .source_port = flow.port};
  if (kind % config.large_flows_one_in == 0) planned.size = config.large_packet_bytes;
  const auto dscp = (kind >> 32) % kClassFlowsOneIn;
  if (dscp < config.dscp_classes.size()) planned.dscp = config.dscp_classes[dscp];
  return planned;
}

// One node's part of the mesh and of the extra flows, the latter ascending.
struct Share {
  const std::vector<const FleetMember*>& targets;
  const std::vector<const FleetMember*>& peers;
  std::span<const PairPort> extra;
};

// All of a plan but its revision and the flow interval, which needs the whole fleet's flows.
Plan make_plan(const FleetMember& member, const Share& share, std::uint32_t flows_per_pair,
               const PlannerConfig& config) {
  Plan plan{.node = member.id,
            .window = config.window,
            .reply_timeout = config.reply_timeout,
            .lease = config.lease,
            .packets_per_second_max = config.packets_per_second_per_node_max,
            .traces_per_second = config.traces_per_second};
  if (config.packets_per_second_per_rack_max != kPacketsPerSecondPerGroupMax) {
    plan.packets_per_second_per_group_max = config.packets_per_second_per_rack_max;
  }
  const auto flows = std::min<std::uint32_t>(flows_per_pair, member.profile.source_port_count);
  auto target = share.targets.begin();  // all three ascend by id, and peers hold all targets
  auto extra = share.extra.begin();
  for (const auto* peer : share.peers) {
    const auto index = static_cast<std::uint32_t>(plan.peers.size());
    plan.peers.push_back(to_peer(*peer));
    if (target != share.targets.end() && *target == peer) {
      for (std::uint32_t i = 0; i < flows; ++i) {
        plan.flows.push_back(
            make_flow(index, {member.id, peer->id, port_of(member, peer->id, flows, i)}, config));
      }
      ++target;
    }
    for (; extra != share.extra.end() && extra->target == peer->id; ++extra) {
      plan.flows.push_back(make_flow(index, *extra, config));
    }
  }
  return plan;
}

// Which of the wanted flows fit beside the mesh.
class ExtraFilter {
 public:
  ExtraFilter(const Roster& roster, const Mesh& mesh, std::uint32_t flows_max)
      : mesh_(mesh), flows_max_(flows_max) {
    for (const auto* member : roster) members_.emplace(member->id, member);
    for (const auto& [source, targets] : mesh.targets) {
      sent_[source] = static_cast<std::uint32_t>(targets.size());
      for (const auto* target : targets) ++answered_[target->id];
    }
  }

  bool take(const PairPort& flow) {
    const auto source = members_.find(flow.source);
    const auto target = members_.find(flow.target);
    if (source == members_.end() || target == members_.end() || source == target) return false;
    if (!can_talk(*source->second, *target->second) || !has_port(*source->second, flow.port) ||
        is_meshed(*source->second, flow)) {
      return false;
    }
    auto& sent = sent_[flow.source];
    auto& answered = answered_[flow.target];
    if (sent >= flows_max_ || answered >= flows_max_ || !taken_.insert(flow).second) return false;
    ++sent;
    ++answered;
    return true;
  }

  [[nodiscard]] std::vector<PairPort> taken() const { return {taken_.begin(), taken_.end()}; }

 private:
  static bool has_port(const FleetMember& member, std::uint16_t port) {
    const auto& profile = member.profile;
    return port >= profile.source_port_first &&
           port < profile.source_port_first + profile.source_port_count;
  }
  [[nodiscard]] bool is_meshed(const FleetMember& source, const PairPort& flow) const {
    return port_of(source, flow.target, 1, 0) == flow.port &&
           std::ranges::binary_search(mesh_.targets.at(source.id), flow.target, {},
                                      &FleetMember::id);
  }

  const Mesh& mesh_;
  const std::uint32_t flows_max_;
  std::map<NodeId, const FleetMember*> members_;
  std::map<NodeId, std::uint32_t> sent_;
  std::map<NodeId, std::uint32_t> answered_;
  std::set<PairPort> taken_;
};

// Also in the mesh's terms: whom a node has to know.
Targets with_extra(const Roster& roster, const Mesh& mesh, std::span<const PairPort> extra) {
  Targets targets = mesh.targets;
  for (const auto& flow : extra) {
    targets[flow.source].push_back(
        *std::ranges::lower_bound(roster, flow.target, {}, &FleetMember::id));
  }
  return targets;
}

std::span<const PairPort> extra_of(std::span<const PairPort> extra, NodeId source) {
  const auto own = std::ranges::equal_range(extra, source, {}, &PairPort::source);
  return {own.begin(), own.end()};
}

// In coarse steps, so that a few flows more or less on the link change no plan.
Duration spare_link(Duration interval, std::uint32_t flows, const PlannerConfig& config) {
  constexpr double kStep = 1.25;
  const double needed_s =
      static_cast<double>(flows) / static_cast<double>(config.packets_per_second_per_link_max);
  const double times = needed_s / std::chrono::duration<double>(interval).count();
  if (times <= 1) return interval;
  const double steps = std::ceil(std::log(times) / std::log(kStep));
  return std::chrono::ceil<milliseconds>(interval * std::pow(kStep, steps));
}

Duration stretch(Duration wanted, std::size_t flows_most, const PlannerConfig& config) {
  const double needed_ms =
      std::ceil(1000.0 * static_cast<double>(flows_most) / flow_packets_per_second_max(config));
  return std::max<Duration>(wanted, milliseconds{static_cast<std::int64_t>(needed_ms)});
}

double packet_bytes(const PlanFlow& flow, bool v4) {
  return flow.size != 0 ? flow.size : kStampBytes + (v4 ? kIpv4UdpBytes : kIpv6UdpBytes);
}

std::vector<NodeBudget> make_budgets(const std::vector<Plan>& plans) {
  struct Answers {
    std::size_t flows = 0;
    double bytes = 0;  // of one packet of each
  };
  std::map<NodeId, Answers> reflected;
  for (const auto& plan : plans) {
    for (const auto& flow : plan.flows) {
      const auto& peer = plan.peers[flow.peer];
      auto& answers = reflected[peer.node];
      ++answers.flows;
      answers.bytes += packet_bytes(flow, peer.address.is_v4());
    }
  }
  std::vector<NodeBudget> budgets;
  for (const auto& plan : plans) {
    const double interval = std::chrono::duration<double>(plan.flow_interval).count();
    const bool v4 = plan.peers.empty() || plan.peers.front().address.is_v4();
    NodeBudget budget{.node = plan.node,
                      .peers = static_cast<std::uint32_t>(plan.peers.size()),
                      .flows = static_cast<std::uint32_t>(plan.flows.size())};
    const auto answers = reflected.find(plan.node);
    if (!plan.flows.empty() || answers != reflected.end()) {
      const double traces = trace_packets_per_second(trace_visits_per_second(plan));
      double bytes = 0;
      for (const auto& flow : plan.flows) bytes += packet_bytes(flow, v4);
      budget.packets_per_second_sent = static_cast<double>(plan.flows.size()) / interval + traces;
      if (answers != reflected.end()) {
        budget.packets_per_second_reflected = static_cast<double>(answers->second.flows) / interval;
        bytes += answers->second.bytes;
      }
      budget.bytes_per_second = bytes / interval + traces * packet_bytes({}, v4);
    }
    // Where traces are not spaced, own ones share their pace with those for peers.
    budget.trace_cycle = plan.trace_interval > Duration::zero()
                             ? plan.flows.size() * plan.trace_interval
                             : plan.flows.size() * Duration{seconds{2}} / plan.traces_per_second;
    budgets.push_back(budget);
  }
  return budgets;
}

// Keeps the revision of every plan that says the same as before.
void number_plans(PlanSet& set, PlanRevision revision, const std::vector<Plan>& previous) {
  std::map<NodeId, const Plan*> old;
  for (const auto& plan : previous) old[plan.node] = &plan;
  for (auto& plan : set.plans) {
    const auto found = old.find(plan.node);
    plan.revision = found == old.end() ? revision : found->second->revision;
    if (found != old.end() && plan == *found->second) continue;
    plan.revision = revision;
    set.changed.push_back(plan.node);
  }
}

void say_reductions(PlanSet& set, const Mesh& mesh, std::size_t nodes, const Tracked& tracked,
                    const PlannerConfig& config) {
  if (tracked.segment > 0) {
    set.reduced.push_back(
        fmt::format("each node measures {}: {} nodes may share one segment, and no node has more "
                    "than {} peers, which are entries of neighbor tables",
                    mesh.pattern, tracked.segment, config.neighbors_per_node_max));
  } else if (!set.all_pairs) {
    set.reduced.push_back(fmt::format("each node measures {}: it may track at most {} flows",
                                      mesh.pattern, tracked.flows_max));
  } else if (nodes > 1 && set.flows_per_pair < config.flows_per_pair) {
    set.reduced.push_back(
        fmt::format("{} instead of {} flows per pair: a node may track at most {} flows",
                    set.flows_per_pair, config.flows_per_pair, tracked.flows_max));
  }
  if (set.flow_interval > config.flow_interval) {
    set.reduced.push_back(fmt::format(
        "one packet per flow every {} instead of {}: a node may send at most {} packets per second",
        format_duration(set.flow_interval), format_duration(config.flow_interval),
        config.packets_per_second_per_node_max));
  }
}

// Of the whole fleet's plans, which are complete but for this.
void spare_others(PlanSet& set, const PlannerConfig& config, const Learned& learned) {
  const auto spared = spare_destinations(set.flow_interval, set.plans, config);
  if (spared > set.flow_interval) {
    set.reduced.push_back(fmt::format(
        "one packet per flow every {} instead of {}: a node may send at most {} packets per second "
        "to one host, {} to one rack, and {} bytes per second",
        format_duration(spared), format_duration(set.flow_interval), kPacketsPerSecondPerPairMax,
        config.packets_per_second_per_rack_max, kBytesPerSecondMax));
    set.flow_interval = spared;
  }
  for (auto& plan : set.plans) plan.flow_interval = set.flow_interval;
  auto sentence = space_traces(set.plans, config, learned.tracers);
  if (!sentence.empty()) set.reduced.push_back(std::move(sentence));
}

}  // namespace

Status validate(const PlannerConfig& config) {
  const auto bad = [](std::string text) { return fail(ErrorCode::kInvalid, std::move(text)); };
  if (config.window < kWindowMin || config.window > kWindowMax ||
      config.window % seconds{1} != Duration::zero()) {
    return bad("window must be 1s to 60s, in whole seconds");
  }
  if (config.flow_interval < kFlowIntervalMin || config.flow_interval > config.window) {
    return bad("flow_interval must be at least 10ms and at most the window");
  }
  if (config.reply_timeout <= Duration::zero() || config.reply_timeout > config.window) {
    return bad("reply_timeout must be positive and at most the window");
  }
  if (config.lease < kLeaseMin) return bad("lease must be at least 10s");
  if (config.flows_per_pair == 0) return bad("flows_per_pair must be at least 1");
  // Half of kPlanPeersMax: in a fan-out a node's peers are those before and those after it.
  if (config.tracked_flows_per_node_max == 0 ||
      config.tracked_flows_per_node_max > kPlanPeersMax / 2) {
    return bad(fmt::format("tracked_flows_per_node_max must be 1 to {}", kPlanPeersMax / 2));
  }
  if (config.traces_per_second == 0 || config.traces_per_second > kTracesPerSecondMax) {
    return bad(fmt::format("traces_per_second must be 1 to {}", kTracesPerSecondMax));
  }
  if (config.packets_per_second_per_node_max > kPacketsPerSecondMax) {
    return bad(
        fmt::format("packets_per_second_per_node_max must be at most {}", kPacketsPerSecondMax));
  }
  if (config.packets_per_second_per_link_max == 0) {
    return bad("packets_per_second_per_link_max must be at least 1");
  }
  if (config.packets_per_second_per_rack_max == 0 ||
      config.packets_per_second_per_rack_max > kPacketsPerSecondPerGroupMax) {
    return bad(fmt::format("packets_per_second_per_rack_max must be 1 to {}",
                           kPacketsPerSecondPerGroupMax));
  }
  if (config.neighbors_per_node_max < kNeighborsPerNodeMin) {
    return bad(fmt::format("neighbors_per_node_max must be at least {}", kNeighborsPerNodeMin));
  }
  if (config.router_packets_per_second_max == 0) {
    return bad("router_packets_per_second_max must be at least 1");
  }
  if (config.large_packet_bytes != 0 &&
      (config.large_packet_bytes < kFlowSizeMin || config.large_packet_bytes > kFlowSizeMax)) {
    return bad(
        fmt::format("large_packet_bytes must be 0 (none) or {} to {}", kFlowSizeMin, kFlowSizeMax));
  }
  if (config.large_flows_one_in == 0) return bad("large_flows_one_in must be at least 1");
  const std::set<std::uint8_t> classes(config.dscp_classes.begin(), config.dscp_classes.end());
  if (classes.size() != config.dscp_classes.size() || classes.size() > kDscpClassesMax ||
      classes.contains(0) || (!classes.empty() && *classes.rbegin() > kDscpMax)) {
    return bad(fmt::format("dscp_classes must be at most {} different values from 1 to {}",
                           kDscpClassesMax, kDscpMax));
  }
  if (flow_packets_per_second_max(config) < 1) {
    return bad(fmt::format(
        "packets_per_second_per_node_max must exceed {}, which traces alone may need at {} per "
        "second",
        trace_packets_per_second(config), config.traces_per_second));
  }
  return {};
}

PlanSet make_plans(const FleetView& fleet, const PlannerConfig& config, PlanRevision revision,
                   const std::vector<Plan>& previous, const Learned& learned) {
  FAULTLINE_CHECK(validate(config).has_value(), "the planner's config is valid");
  const auto roster = make_roster(fleet);
  PlanSet set;
  const auto tracked = tracked_max(fleet, config);
  set.flows_per_pair = all_pairs_density(fleet.size(), tracked, config);
  set.all_pairs = fleet.size() < 2 || set.flows_per_pair > 0;
  const auto flows_max = tracked.flows_max;
  const auto extra_max = set.all_pairs ? 0 : flows_max / kExtraOneIn;
  const auto mesh = set.all_pairs ? everyone(roster) : make_mesh(fleet, flows_max - extra_max);
  if (!set.all_pairs) {
    set.flows_per_pair = 1;
    set.flows_per_node_max = static_cast<std::uint32_t>(mesh.busiest + extra_max);
    set.tried_per_node = static_cast<std::uint32_t>((extra_max + kTriedOneIn - 1) / kTriedOneIn);
    ExtraFilter filter(roster, mesh, set.flows_per_node_max);
    for (const auto& flow : learned.extra) filter.take(flow);
    set.extra = filter.taken();
  }
  set.pairs_mixed = mesh.pairs_mixed;
  const auto peers = choose_peers(roster, with_extra(roster, mesh, set.extra));
  std::size_t flows_most = set.flows_per_node_max;
  for (const auto* member : roster) {
    set.plans.push_back(make_plan(*member,
                                  {.targets = mesh.targets.at(member->id),
                                   .peers = peers.at(member->id),
                                   .extra = extra_of(set.extra, member->id)},
                                  set.flows_per_pair, config));
    flows_most = std::max(flows_most, set.plans.back().flows.size());
  }
  if (set.all_pairs) set.flows_per_node_max = static_cast<std::uint32_t>(flows_most);
  set.flow_interval = stretch(config.flow_interval, flows_most, config);
  say_reductions(set, mesh, fleet.size(), tracked, config);
  const auto spared = spare_link(set.flow_interval, learned.fullest_link_flows, config);
  if (spared > set.flow_interval) {
    set.reduced.push_back(fmt::format(
        "one packet per flow every {} instead of {}: {} flows cross one link, which may carry at "
        "most {} packets per second",
        format_duration(spared), format_duration(set.flow_interval), learned.fullest_link_flows,
        config.packets_per_second_per_link_max));
    set.flow_interval = spared;
  }
  spare_others(set, config, learned);
  set.budgets = make_budgets(set.plans);
  number_plans(set, revision, previous);
  return set;
}

}  // namespace faultline::plan
