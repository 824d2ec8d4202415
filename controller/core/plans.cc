// The part of ControllerCore that plans: membership and what planning found become plans, and plans
// and paths become the next planning job (planning.h).
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "controller/core/alerts.h"
#include "controller/core/core.h"

namespace faultline::core {
namespace {

constexpr std::string_view kPlanRevisionKey = "revision";

// Between the end of a planning job and the next: at least so long, and so many times as long as
// the job took. Doubled by each round that closed no gap, so often at most.
constexpr Duration kPlanningInterval = std::chrono::seconds{60};
constexpr std::int64_t kPlanningRest = 20;
// A fleet that changes all the time is planned for all the same: its plans after so long, what they
// teach after so long.
constexpr Duration kPlanDelay = std::chrono::seconds{1};
constexpr Duration kPlanDelayMax = std::chrono::seconds{10};
constexpr Duration kRestlessMax = std::chrono::minutes{5};
constexpr std::uint32_t kPlanningDoubledMax = 3;
// After that time and so many cycles of traces, paths that are not known will not be.
constexpr Duration kTracesWait = std::chrono::minutes{5};
constexpr int kTraceCyclesWait = 2;

std::vector<plan::PairPort> sorted(std::vector<plan::PairPort> flows) {
  std::ranges::sort(flows);
  return flows;
}

Duration longest_trace_cycle(const plan::PlanSet& plans) {
  Duration longest{};
  for (const auto& budget : plans.budgets) longest = std::max(longest, budget.trace_cycle);
  return longest;
}

}  // namespace

plan::FleetView ControllerCore::planned_members() const {
  plan::FleetView view;
  for (const auto& [id, node] : fleet_.nodes()) {
    const auto& profile = node.record.profile;
    if (node.state == fleet::NodeState::kRemoved || profile.source_port_count == 0) continue;
    view.push_back({id, node.record.name, node.record.key, node.record.next_key, profile,
                    node.record.authenticates});
    view.back().profile.labels = fleet::effective_labels(node.record);  // racks group the mesh
  }
  return view;
}

void ControllerCore::fleet_changed(Instant now) {
  if (!plans_due_) plans_due_by_ = now + kPlanDelayMax;
  plans_due_ = std::min(now + kPlanDelay, plans_due_by_);
  if (now >= fleet_changed_at_ + kPlanningInterval) restless_since_ = now;
  fleet_changed_at_ = now;
  auto memory = *memory_;  // other gaps are no failure of the tries before
  memory.gaps_least = memory.vain_rounds = 0;
  memory_ = std::make_shared<const PlanningMemory>(std::move(memory));
}

void ControllerCore::make_plans(Now now, EffectSink& effects) {
  plans_due_.reset();
  auto view = planned_members();
  const PlanRevision next{plan_revision_.value() + 1};
  const auto extra = memory_->flows();
  const bool is_first = plans_->plans.empty();  // since the controller's own start
  plans_ = std::make_shared<const plan::PlanSet>(
      plan::make_plans(view, options_.planner, next, plans_->plans,
                       {.extra = extra,
                        .fullest_link_flows = memory_->fullest_link_flows,
                        .tracers = &memory_->tracers}));
  AfterCommit after;
  for (const auto id : plans_->changed) {
    after.messages.emplace_back(fleet_.find(id)->record.key, *plan_of(id));
  }
  auto writes = confirm_rekeys(after);
  if (plans_->changed.empty())
    return documents_.commit(std::move(writes), std::move(after), effects);
  if (!is_first) {
    what_changed_.note({.time = now.wall,
                        .kind = changes::Kind::kPlan,
                        .subject = "the plan",
                        .before = fmt::format("revision {}", plan_revision_.value()),
                        .after = fmt::format("revision {}, another one for {} of {} nodes",
                                             next.value(), plans_->changed.size(), view.size())});
  }
  plan_revision_ = next;
  planning_wanted_ = true;
  counters_.plans_sent += plans_->changed.size();
  effects.log(
      Severity::kInfo, "plan",
      fmt::format("revision {}: {} nodes, {} flows per pair, {} beyond the mesh, one packet "
                  "per flow every {}; {} nodes get another plan",
                  next.value(), view.size(), plans_->flows_per_pair, plans_->extra.size(),
                  format_duration(plans_->flow_interval), plans_->changed.size()));
  for (const auto& sentence : plans_->reduced) effects.log(Severity::kWarning, "plan", sentence);
  std::set<NodeId> members;
  for (const auto& member : view) members.insert(member.id);
  members_ = std::make_shared<const plan::FleetView>(std::move(view));
  paths_to_change().forget_if([&](const topology::PathKey& key) {
    return !members.contains(key.reporter) || !members.contains(key.target);
  });
  writes.push_back({Document::kPlan, std::string(kPlanRevisionKey), plan_document()});
  documents_.commit(std::move(writes), std::move(after), effects);
}

// With what planning learned that plans follow from, so that a restart changes no plan.
std::string ControllerCore::plan_document() const {
  std::string flows;
  for (const auto& [source, target, port] : plans_->extra) {
    flows +=
        fmt::format("{}[{},{},{}]", flows.empty() ? "" : ",", source.value(), target.value(), port);
  }
  std::string tracers;
  for (const auto& [node, count] : memory_->tracers) {
    tracers += fmt::format("{}[{},{}]", tracers.empty() ? "" : ",", node.value(), count);
  }
  return fmt::format(
      "{{\"revision\":{},\"extra_flows\":[{}],\"fullest_link_flows\":{},\"tracers\":[{}]}}",
      plan_revision_.value(), flows, memory_->fullest_link_flows, tracers);
}

const Plan* ControllerCore::plan_of(NodeId node) const {
  const auto at = std::ranges::lower_bound(plans_->plans, node, {}, &Plan::node);
  return at != plans_->plans.end() && at->node == node ? &*at : nullptr;
}

void ControllerCore::think_of_plans(Now now, EffectSink& effects) {
  const bool quiet = now.instant >= fleet_changed_at_ + kPlanningInterval ||
                     now.instant >= restless_since_ + kRestlessMax;
  if (planning_ || !planning_wanted_ || plans_due_ || members_ == nullptr ||
      now.instant < planning_not_before_ || !quiet) {
    return;
  }
  planning_ = true;
  planning_wanted_ = false;
  planning_began_ = now.instant;
  settle_topology();
  const auto patience =
      std::max<Duration>(kTracesWait, kTraceCyclesWait * longest_trace_cycle(*plans_));
  effects.plan({.now = now.wall,
                .plans = plans_,
                .members = members_,
                .topology = topology_,
                .paths = paths_,
                .memory = *memory_,
                .link_packets_per_second_max = options_.planner.packets_per_second_per_link_max,
                .held = watched_components(incidents_.incidents()),
                .explore_anyway = now.instant >= fleet_changed_at_ + patience});
}

void ControllerCore::on(Now now, PlanningDone event, EffectSink& effects) {
  auto& [memory, numbers, outdated] = event.result;
  planning_ = false;
  ++counters_.plannings;
  const auto rest =
      std::max<Duration>(kPlanningInterval, kPlanningRest * (now.instant - planning_began_));
  planning_not_before_ =
      now.instant + rest * (1 << std::min(memory.vain_rounds, kPlanningDoubledMax));
  // Tried flows wait to be traced, or to be given up; paths not traced yet come or time runs out.
  planning_wanted_ |= !memory.tried.empty() || !numbers.explored;
  if (!outdated.empty()) {
    const std::set<topology::PathKey> keys(outdated.begin(), outdated.end());
    paths_to_change().forget_if([&](const topology::PathKey& key) { return keys.contains(key); });
  }
  if (planning_numbers_ != numbers) effects.log(Severity::kInfo, "plan", sentence(numbers));
  planning_numbers_ = numbers;
  const bool learned = sorted(memory.flows()) != sorted(memory_->flows()) ||
                       memory.fullest_link_flows != memory_->fullest_link_flows ||
                       memory.tracers != memory_->tracers;
  memory_ = std::make_shared<const PlanningMemory>(std::move(memory));
  if (learned && !plans_due_) plans_due_ = now.instant;
}

}  // namespace faultline::core
