#include "controller/app/plan_queries.h"

#include <algorithm>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "controller/app/config.h"
#include "controller/app/inventory_file.h"
#include "controller/plan/trace_loads.h"

namespace faultline::app {
namespace {

using plan::FabricFlows;
using plan::Knowledge;

// STAMP with the headers of UDP and IP; the larger family, for a worst case.
constexpr double kPacketBytesV4 = 72;
constexpr double kPacketBytesV6 = 92;

Status check_there(const Snapshot& snapshot) {
  if (snapshot.topology && snapshot.paths && snapshot.plans && snapshot.members) return {};
  return fail(ErrorCode::kUnavailable,
              "there is no plan yet: it is made a second after the first node has said hello");
}

// Links to and from silent hops have no name, and nobody could be sent to them.
FabricFlows::Way way_of(const topology::Topology& topology, const topology::KnownPath* known,
                        const topology::PathKey& key, FabricFlows& flows, plan::TraceLoads& loads) {
  const auto tracer = key.direction == Direction::kForward ? key.reporter : key.target;
  if (known == nullptr) {
    loads.add_unknown(tracer);
    return {};
  }
  const auto path = topology.resolve(key.reporter, known->path);
  loads.add_path(tracer, path.devices);
  FabricFlows::Way way{.knowledge = Knowledge::kAll, .links = {}};
  for (std::size_t i = 0; i < path.links.size(); ++i) {
    if (path.devices[i] == topology::kSilentDevice ||
        path.devices[i + 1] == topology::kSilentDevice) {
      way.knowledge = Knowledge::kPart;
      continue;
    }
    way.links.push_back(flows.link(path.links[i], path.devices[i], path.devices[i + 1]));
  }
  return way;
}

double rate(const Plan& plan) {
  return 1 / std::chrono::duration<double>(plan.flow_interval).count();
}

double bytes_per_packet(const Snapshot& snapshot) {
  const bool v4 = std::ranges::all_of(*snapshot.members, [](const plan::FleetMember& member) {
    return member.profile.address.is_v4();
  });
  return v4 ? kPacketBytesV4 : kPacketBytesV6;
}

struct OnFabric {
  plan::CoverageReport coverage;
  plan::TraceLoads loads;
};

OnFabric plans_on(const Snapshot& snapshot, const topology::Topology& topology) {
  FabricFlows flows;
  plan::TraceLoads loads;
  for (const auto& [id, link] : topology.links()) {
    if (link.from == topology::kSilentDevice || link.to == topology::kSilentDevice) continue;
    flows.link(id, link.from, link.to);
  }
  for (const auto& plan : snapshot.plans->plans) {
    const auto source = name_of(snapshot, plan.node);
    for (const auto& flow : plan.flows) {
      const auto target = plan.peers[flow.peer].node;
      const auto way = [&](Direction direction) {
        const topology::PathKey key{plan.node, target, flow.source_port, direction};
        return way_of(topology, snapshot.paths->find(key), key, flows, loads);
      };
      const auto forward = way(Direction::kForward);
      flows.add(source, name_of(snapshot, target), forward, way(Direction::kReturn), rate(plan),
                flow.size);
    }
  }
  auto coverage = flows.report(
      "plan", {.traces_per_second = static_cast<double>(snapshot.planner.traces_per_second),
               .bytes_per_packet = bytes_per_packet(snapshot)});
  return {.coverage = std::move(coverage), .loads = std::move(loads)};
}

plan::CoverageReport coverage_on(const Snapshot& snapshot, const topology::Topology& topology) {
  return plans_on(snapshot, topology).coverage;
}

// What its plan makes each node send towards any one hop distance.
std::function<double(NodeId)> probe_rates(const Snapshot& snapshot) {
  std::map<NodeId, double> rates;
  for (const auto& plan : snapshot.plans->plans) {
    rates.emplace(plan.node, trace_probes_per_second(plan));
  }
  return [rates = std::move(rates)](NodeId node) {
    const auto at = rates.find(node);
    return at == rates.end() ? 0.0 : at->second;
  };
}

std::optional<plan::Exploration> exploration_of(const Snapshot& snapshot) {
  if (!snapshot.planning || snapshot.plans->all_pairs) return std::nullopt;
  const auto& found = *snapshot.planning;
  return plan::Exploration{.useful = found.useful,
                           .tried = found.tried,
                           .links = found.links,
                           .covered = found.covered,
                           .gaps = found.gaps,
                           .held = found.held,
                           .budget_met = found.budget_met,
                           .waits = !found.explored};
}

std::vector<std::string> uncovered_names(const plan::CoverageReport& report) {
  std::vector<std::string> names;
  for (const auto link : report.coverage.uncovered) names.push_back(report.links[link].id);
  std::ranges::sort(names);
  return names;
}

// The topology as a start with this inventory would build it.
topology::Topology rebuilt(const Snapshot& snapshot, topology::Inventory inventory) {
  topology::Topology topology(std::move(inventory));
  for (const auto& member : *snapshot.members) {
    topology.set_node(member.id, member.name, member.profile.kind, member.profile.address);
  }
  for (const auto& [key, known] : snapshot.paths->paths()) {
    topology.learn(key.reporter, known.path);
  }
  topology.settle();
  return topology;
}

plan::PlanReport::Node node_entry(const Snapshot& snapshot, const Plan& plan) {
  plan::PlanReport::Node node{.name = name_of(snapshot, plan.node),
                              .revision = plan.revision,
                              .peers = static_cast<std::uint32_t>(plan.peers.size()),
                              .flows = static_cast<std::uint32_t>(plan.flows.size())};
  const auto view = std::ranges::find(snapshot.nodes, node.name, &api::NodeView::name);
  if (view != snapshot.nodes.end()) node.acknowledged = view->plan_revision;
  return node;
}

PlanRevision revision_of(const Snapshot& snapshot) {
  return PlanRevision{snapshot.status.plan_revision.value_or(0)};
}

}  // namespace

Result<plan::PlanReport> plan_report(const Snapshot& snapshot) {
  FAULTLINE_TRY_STATUS(check_there(snapshot));
  plan::PlanReport report{.revision = revision_of(snapshot),
                          .config = snapshot.planner,
                          .summary = plan::summarize(*snapshot.plans),
                          .pairs_mixed = snapshot.plans->pairs_mixed,
                          .flows_beyond_mesh = snapshot.plans->extra.size(),
                          .exploration = exploration_of(snapshot)};
  for (const auto& plan : snapshot.plans->plans) {
    report.nodes.push_back(node_entry(snapshot, plan));
  }
  std::ranges::sort(report.nodes, {}, &plan::PlanReport::Node::name);
  return report;
}

Result<plan::NodePlanReport> node_plan_report(const Snapshot& snapshot, NodeId node) {
  FAULTLINE_TRY_STATUS(check_there(snapshot));
  const auto plan = std::ranges::find(snapshot.plans->plans, node, &Plan::node);
  if (plan == snapshot.plans->plans.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("node {} has no plan yet: it never said hello",
                                                  name_of(snapshot, node)));
  }
  plan::NodePlanReport report{.node = node_entry(snapshot, *plan),
                              .flow_interval = plan->flow_interval};
  const auto budget = std::ranges::find(snapshot.plans->budgets, node, &plan::NodeBudget::node);
  if (budget != snapshot.plans->budgets.end()) report.budget = *budget;
  for (const auto& flow : plan->flows) {
    report.targets[plan->peers[flow.peer].name].push_back(flow.source_port);
  }
  for (auto& [target, ports] : report.targets) std::ranges::sort(ports);
  return report;
}

Result<plan::CoverageReport> plan_coverage(const Snapshot& snapshot) {
  FAULTLINE_TRY_STATUS(check_there(snapshot));
  auto report = coverage_on(snapshot, *snapshot.topology);
  report.exploration = exploration_of(snapshot);
  if (report.exploration && snapshot.planning_memory) {
    report.tries = snapshot.planning_memory->tries;
  }
  return report;
}

Result<plan::BudgetReport> plan_budget(const Snapshot& snapshot) {
  FAULTLINE_TRY_STATUS(check_there(snapshot));
  auto [coverage, loads] = plans_on(snapshot, *snapshot.topology);
  plan::BudgetReport report{.revision = revision_of(snapshot),
                            .config = snapshot.planner,
                            .flow_interval = snapshot.plans->flow_interval,
                            .links = std::move(coverage),
                            .routers = loads.routers(probe_rates(snapshot)),
                            .reduced = snapshot.plans->reduced};
  for (const auto& budget : snapshot.plans->budgets) {
    report.nodes.push_back({.name = name_of(snapshot, budget.node), .budget = budget});
  }
  std::ranges::sort(report.nodes, {}, &plan::BudgetReport::Node::name);
  return report;
}

Result<plan::DifferenceReport> plan_difference(const Snapshot& snapshot,
                                               const std::filesystem::path& config_file) {
  FAULTLINE_TRY_STATUS(check_there(snapshot));
  if (config_file.empty()) {
    return fail(ErrorCode::kConflict, "this controller was started without a configuration file");
  }
  FAULTLINE_TRY(const auto config, load_config(config_file, config::environment_of_process()));
  FAULTLINE_TRY(auto inventory, load_inventory(config.topology));
  const PlanRevision next{revision_of(snapshot).value() + 1};
  const auto after = plan::make_plans(
      *snapshot.members, config.planner, next, snapshot.plans->plans,
      {.extra = snapshot.plans->extra,
       .fullest_link_flows =
           snapshot.planning_memory ? snapshot.planning_memory->fullest_link_flows : 0,
       .tracers = snapshot.planning_memory ? &snapshot.planning_memory->tracers : nullptr});
  return plan::DifferenceReport{
      .config_file = config_file.string(),
      .inventory_file = config.topology.string(),
      .plans = plan::difference(*snapshot.plans, after, snapshot.names),
      .uncovered_before = uncovered_names(coverage_on(snapshot, *snapshot.topology)),
      .uncovered_after =
          uncovered_names(coverage_on(snapshot, rebuilt(snapshot, std::move(inventory))))};
}

}  // namespace faultline::app
