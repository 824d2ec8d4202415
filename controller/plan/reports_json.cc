// The documents of reports.h. Members are described in controller/api/openapi.yaml.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/plan/reports.h"

namespace faultline::plan {
namespace {

using Json = nlohmann::ordered_json;

// Fewer than this and one sick host could blame a link.
constexpr std::uint32_t kHostPairsWanted = 3;

// Text from outside may hold anything; a reader must still get valid UTF-8.
std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json names_of(const CoverageReport& report, const std::vector<LinkNumber>& links) {
  Json array = Json::array();
  for (const auto link : links) array.push_back(report.links[link].id);
  return array;
}

std::string explain(WhyTogether why, std::uint32_t tried) {
  if (tried > 0) {
    return fmt::format(
        "no measured flow crosses one without the others, though {} other source ports and pairs "
        "of "
        "hosts were tried",
        tried);
  }
  if (why == WhyTogether::kSeries) {
    return "among the known links nothing branches between them: every packet that crosses one "
           "crosses all";
  }
  return "no measured flow crosses one without the others: another source port or pair of hosts "
         "could split them";
}

Json groups_json(const CoverageReport& report) {
  Json array = Json::array();
  for (const auto& group : report.coverage.groups) {
    std::uint32_t tried = 0;
    for (const auto link : group.links) {
      if (group.why == WhyTogether::kSeries) break;
      const auto at = report.tries.find(report.links[link].id);
      if (at != report.tries.end()) tried = std::max(tried, at->second);
    }
    array.push_back({{"links", names_of(report, group.links)},
                     {"why", to_string(group.why)},
                     {"text", explain(group.why, tried)}});
  }
  return array;
}

Json exploration_json(const std::optional<Exploration>& found) {
  if (!found) return nullptr;
  return {{"flows_useful", found->useful},
          {"flows_tried", found->tried},
          {"links", found->links},
          {"covered", found->covered},
          {"gaps",
           {{"uncovered", found->gaps.uncovered},
            {"few_host_pairs", found->gaps.few_pairs},
            {"not_told_apart", found->gaps.alike},
            {"masked", found->gaps.masked},
            {"given_up", found->gaps.given_up}}},
          {"flows_held", found->held},
          {"budget_met", found->budget_met},
          {"waits_for_paths", found->waits}};
}

Json tries_json(const CoverageReport& report) {
  Json array = Json::array();
  for (const auto& [link, tried] : report.tries) {
    array.push_back({{"link", link}, {"flows_tried", tried}});
  }
  return array;
}

// Of the covered links: half of them can do as well as the median or better.
Json horizon_json(const Coverage& coverage, std::size_t horizon) {
  std::vector<double> found;
  std::uint64_t blind = 0;
  for (const auto& link : coverage.links) {
    if (!link.covered()) continue;
    if (link.loss_min[horizon]) {
      found.push_back(*link.loss_min[horizon]);
    } else {
      ++blind;
    }
  }
  std::ranges::sort(found);
  return {{"seconds", kHorizons[horizon].count()},
          {"loss_min_best", found.empty() ? Json(nullptr) : Json(found.front())},
          {"loss_min_median", found.empty() ? Json(nullptr) : Json(found[found.size() / 2])},
          {"loss_min_worst", found.empty() ? Json(nullptr) : Json(found.back())},
          {"links_without", blind}};
}

Json link_json(const CoverageReport& report, LinkNumber number) {
  const auto& name = report.links[number];
  const auto& link = report.coverage.links[number];
  return {{"id", name.id},
          {"from", name.from},
          {"to", name.to},
          {"flows", link.flows},
          {"host_pairs", link.host_pairs},
          {"packets_per_second", link.packets_per_second},
          {"loss_min_1m", or_null(link.loss_min[0])},
          {"loss_min_5m", or_null(link.loss_min[1])},
          {"loss_min_30m", or_null(link.loss_min[2])},
          {"alone", link.alone},
          {"masked", link.masked}};
}

std::vector<LinkNumber> by_id(const CoverageReport& report) {
  std::vector<LinkNumber> order(report.links.size());
  for (LinkNumber link = 0; link < order.size(); ++link) order[link] = link;
  std::ranges::sort(order, {}, [&](LinkNumber link) { return report.links[link].id; });
  return order;
}

Json side_json(const PlanDifference::Side& side) {
  return {{"flows", side.flows},
          {"flows_per_pair", side.flows_per_pair},
          {"all_pairs", side.all_pairs},
          {"flow_interval_s", seconds(side.flow_interval)},
          {"packets_per_second_max", side.packets_per_second_max},
          {"bytes_per_second_max", side.bytes_per_second_max},
          {"reduced", side.reduced}};
}

Json budget_json(const NodeBudget& budget) {
  return {{"peers", budget.peers},
          {"flows", budget.flows},
          {"packets_per_second_sent", budget.packets_per_second_sent},
          {"packets_per_second_reflected", budget.packets_per_second_reflected},
          {"bytes_per_second", budget.bytes_per_second},
          {"trace_cycle_s", seconds(budget.trace_cycle)}};
}

Json node_json(const PlanReport::Node& node) {
  return {{"node", node.name},
          {"revision", node.revision.value()},
          {"acknowledged", or_null(node.acknowledged)},
          {"peers", node.peers},
          {"flows", node.flows}};
}

Json limits_json(const PlannerConfig& config) {
  return {{"tracked_flows_per_node_max", config.tracked_flows_per_node_max},
          {"packets_per_second_per_node_max", config.packets_per_second_per_node_max},
          {"packets_per_second_per_link_max", config.packets_per_second_per_link_max},
          {"flows_per_pair", config.flows_per_pair},
          {"flow_interval_s", seconds(config.flow_interval)},
          {"traces_per_second", config.traces_per_second},
          {"packets_per_second_per_rack_max", config.packets_per_second_per_rack_max},
          {"neighbors_per_node_max", config.neighbors_per_node_max},
          {"router_packets_per_second_max", config.router_packets_per_second_max}};
}

}  // namespace

std::string coverage_json(const CoverageReport& report) {
  const auto& coverage = report.coverage;
  std::uint64_t few_pairs = 0;
  for (const auto& link : coverage.links) {
    few_pairs += link.covered() && link.host_pairs < kHostPairsWanted ? 1 : 0;
  }
  Json result{{"schema", "faultline.plan_coverage/1"},
              {"source", report.source},
              {"flows", report.flows},
              {"paths_unknown", report.paths_unknown},
              {"paths_incomplete", report.paths_incomplete},
              {"links", report.links.size()},
              {"covered", coverage.covered},
              {"identifiable", coverage.identifiable},
              {"unmasked", coverage.unmasked},
              {"host_pairs_wanted", kHostPairsWanted},
              {"links_with_few_host_pairs", few_pairs},
              {"losses_needed", kLossesNeeded}};
  result["horizons"] = Json::array();
  for (std::size_t i = 0; i < kHorizons.size(); ++i) {
    result["horizons"].push_back(horizon_json(coverage, i));
  }
  result["uncovered"] = names_of(report, coverage.uncovered);
  result["groups"] = groups_json(report);
  result["exploration"] = exploration_json(report.exploration);
  result["explored_for"] = tries_json(report);
  result["per_link"] = Json::array();
  for (const auto link : by_id(report)) result["per_link"].push_back(link_json(report, link));
  return text(result);
}

std::string budget_json(const BudgetReport& report) {
  Json result{{"schema", "faultline.plan_budget/1"},
              {"revision", report.revision.value()},
              {"flow_interval_s", seconds(report.flow_interval)},
              {"limits", limits_json(report.config)},
              {"reduced", report.reduced},
              {"paths_unknown", report.links.paths_unknown}};
  result["nodes"] = Json::array();
  for (const auto& node : report.nodes) {
    Json entry{{"node", node.name}};
    entry.update(budget_json(node.budget));
    result["nodes"].push_back(std::move(entry));
  }
  result["links"] = Json::array();
  for (const auto number : by_id(report.links)) {
    const auto& link = report.links.coverage.links[number];
    result["links"].push_back({{"id", report.links.links[number].id},
                               {"flows", link.flows},
                               {"packets_per_second", link.packets_per_second},
                               {"packets_per_second_max", link.packets_per_second_max},
                               {"bytes_per_second_max", link.bytes_per_second_max}});
  }
  result["routers"] = Json::array();
  for (const auto& router : report.routers) {
    result["routers"].push_back({{"id", router.name},
                                 {"nodes", router.nodes},
                                 {"icmp_per_second_max", router.packets_per_second_max}});
  }
  return text(result);
}

std::string difference_json(const DifferenceReport& report) {
  const auto& plans = report.plans;
  Json result{
      {"schema", "faultline.plan_diff/1"},
      {"config", report.config_file},
      {"inventory", report.inventory_file.empty() ? Json(nullptr) : Json(report.inventory_file)},
      {"before", side_json(plans.before)},
      {"after", side_json(plans.after)},
      {"nodes_with_new_plan", plans.nodes_with_new_plan}};
  result["nodes"] = Json::array();
  for (const auto& node : plans.nodes) {
    result["nodes"].push_back({{"node", node.name},
                               {"flows_kept", node.flows_kept},
                               {"flows_added", node.flows_added},
                               {"flows_removed", node.flows_removed}});
  }
  result["uncovered_before"] = report.uncovered_before;
  result["uncovered_after"] = report.uncovered_after;
  return text(result);
}

std::string plan_json(const PlanReport& report) {
  Json result{{"schema", "faultline.plan/1"}, {"revision", report.revision.value()}};
  result.update(side_json(report.summary));
  result["window_s"] = seconds(report.config.window);
  result["lease_s"] = seconds(report.config.lease);
  result["limits"] = limits_json(report.config);
  result["pairs_mixed"] = report.pairs_mixed;
  result["flows_beyond_mesh"] = report.flows_beyond_mesh;
  result["exploration"] = exploration_json(report.exploration);
  result["nodes"] = Json::array();
  for (const auto& node : report.nodes) result["nodes"].push_back(node_json(node));
  return text(result);
}

std::string node_plan_json(const NodePlanReport& report) {
  Json result{{"schema", "faultline.node_plan/1"}};
  result.update(node_json(report.node));
  result["flow_interval_s"] = seconds(report.flow_interval);
  result["budget"] = budget_json(report.budget);
  result["targets"] = Json::array();
  for (const auto& [target, ports] : report.targets) {
    result["targets"].push_back({{"target", target}, {"source_ports", ports}});
  }
  return text(result);
}

}  // namespace faultline::plan
