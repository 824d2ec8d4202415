#include "controller/plan/reports.h"

#include <algorithm>
#include <set>
#include <utility>

namespace faultline::plan {
namespace {

// In a form that does not depend on the peers' indexes.
using FlowSet = std::set<std::pair<NodeId, std::uint16_t>>;

FlowSet flows_of(const Plan& plan) {
  FlowSet flows;
  for (const auto& flow : plan.flows) flows.emplace(plan.peers[flow.peer].node, flow.source_port);
  return flows;
}

std::uint32_t missing_in(const FlowSet& flows, const FlowSet& others) {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(flows, [&](const auto& flow) { return !others.contains(flow); }));
}

std::string name_of(const NodeNames& names, NodeId node) {
  const auto at = names.find(node);
  return at == names.end() ? "node-" + std::to_string(node.value()) : at->second;
}

}  // namespace

std::uint32_t FabricFlows::device(std::string_view id) {
  const auto known = devices_.find(id);
  if (known != devices_.end()) return known->second;
  is_end_.push_back(false);
  return devices_.emplace(id, static_cast<std::uint32_t>(devices_.size())).first->second;
}

LinkNumber FabricFlows::link(std::string_view id, std::string_view from, std::string_view to) {
  const auto known = link_by_id_.find(id);
  if (known != link_by_id_.end()) return known->second;
  const auto number = routes_.add_link();
  link_by_id_.emplace(id, number);
  names_.push_back({std::string(id), std::string(from), std::string(to)});
  ends_.push_back({.from = device(from), .to = device(to)});
  return number;
}

void FabricFlows::add(std::string_view source, std::string_view target, const Way& forward,
                      const Way& back, double packets_per_second, std::uint16_t size) {
  const FlowEnds ends{.source = device(source), .target = device(target)};
  is_end_[ends.source] = true;
  is_end_[ends.target] = true;
  routes_.add(ends, forward.links, back.links);
  rates_.push_back(packets_per_second);
  sizes_.push_back(size);
  for (const auto* way : {&forward, &back}) {
    if (way->knowledge == Knowledge::kUnknown) ++paths_unknown_;
    if (way->knowledge == Knowledge::kPart) ++paths_incomplete_;
  }
}

CoverageReport FabricFlows::report(std::string source, const Costs& costs) const {
  return {.source = std::move(source),
          .links = names_,
          .coverage = coverage_of({.routes = routes_,
                                   .links = ends_,
                                   .is_end = is_end_,
                                   .packets_per_second = rates_,
                                   .bytes_per_packet = costs.bytes_per_packet,
                                   .sizes = sizes_,
                                   .traces_per_second = costs.traces_per_second}),
          .flows = routes_.size(),
          .paths_unknown = paths_unknown_,
          .paths_incomplete = paths_incomplete_};
}

PlanDifference::Side summarize(const PlanSet& plans) {
  PlanDifference::Side side{.flows_per_pair = plans.flows_per_pair,
                            .all_pairs = plans.all_pairs,
                            .flow_interval = plans.flow_interval,
                            .reduced = plans.reduced};
  for (const auto& budget : plans.budgets) {
    side.flows += budget.flows;
    side.packets_per_second_max =
        std::max(side.packets_per_second_max,
                 budget.packets_per_second_sent + budget.packets_per_second_reflected);
    side.bytes_per_second_max = std::max(side.bytes_per_second_max, budget.bytes_per_second);
  }
  return side;
}

PlanDifference difference(const PlanSet& before, const PlanSet& after, const NodeNames& names) {
  PlanDifference result{.before = summarize(before), .after = summarize(after)};
  result.nodes_with_new_plan = after.changed.size();
  std::map<NodeId, std::pair<FlowSet, FlowSet>> both;
  for (const auto& plan : before.plans) both[plan.node].first = flows_of(plan);
  for (const auto& plan : after.plans) both[plan.node].second = flows_of(plan);
  for (const auto& [node, flows] : both) {
    PlanDifference::Node entry{.name = name_of(names, node),
                               .flows_added = missing_in(flows.second, flows.first),
                               .flows_removed = missing_in(flows.first, flows.second)};
    entry.flows_kept = static_cast<std::uint32_t>(flows.second.size()) - entry.flows_added;
    if (entry.flows_added + entry.flows_removed > 0) result.nodes.push_back(std::move(entry));
  }
  std::ranges::sort(result.nodes, {}, &PlanDifference::Node::name);
  return result;
}

}  // namespace faultline::plan
