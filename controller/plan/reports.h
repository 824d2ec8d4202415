// Reports: coverage, budget and difference of plans as values with names, and as the documents that
// the API and the command line show.
//
// Why it exists: the live controller (paths that it traced) and a bundle (paths that the text
// names) answer the same question with the same words. FabricFlows takes either, by name.
//
// Thread safety: none; const calls may be shared. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/plan/coverage.h"
#include "controller/plan/planner.h"
#include "controller/plan/refinement.h"
#include "controller/plan/trace_loads.h"

namespace faultline::plan {

// What planning found beyond the mesh: refinement.h.
struct Exploration {
  std::uint64_t useful = 0;
  std::uint64_t tried = 0;
  std::uint32_t links = 0;
  std::uint32_t covered = 0;
  Gaps gaps{};
  std::uint32_t held = 0;   // useful ones that stay because of incidents
  bool budget_met = false;  // a flow that would have helped found no room
  bool waits = false;       // for paths to be traced: nothing is tried until then

  bool operator==(const Exploration&) const = default;
};

struct CoverageReport {
  struct Link {
    std::string id{};
    std::string from{};
    std::string to{};

    bool operator==(const Link&) const = default;
  };
  std::string source{};       // "plan" or "bundle"
  std::vector<Link> links{};  // by LinkNumber; coverage.links goes with them
  Coverage coverage{};
  std::uint64_t flows = 0;
  std::uint64_t paths_unknown = 0;               // directions of flows of which no trace came yet
  std::uint64_t paths_incomplete = 0;            // of which some hops are silent
  std::optional<Exploration> exploration{};      // empty: all pairs, or nothing was looked for yet
  std::map<std::string, std::uint32_t> tries{};  // by link with a gap: flows tried for it so far

  bool operator==(const CoverageReport&) const = default;
};

// How much of a way is known.
enum class Knowledge : std::uint8_t { kUnknown, kPart, kAll };

class FabricFlows {
 public:
  // Interns. A link counts whether a flow crosses it or not.
  LinkNumber link(std::string_view id, std::string_view from, std::string_view to);

  struct Way {
    Knowledge knowledge = Knowledge::kUnknown;
    std::vector<LinkNumber> links{};  // those that are known
  };
  // `packets_per_second` is sent, and answered; `size` as PlanFlow::size.
  void add(std::string_view source, std::string_view target, const Way& forward, const Way& back,
           double packets_per_second, std::uint16_t size = 0);

  struct Costs {
    double traces_per_second = 0;
    double bytes_per_packet = 72;
  };
  [[nodiscard]] CoverageReport report(std::string source, const Costs& costs) const;

 private:
  std::uint32_t device(std::string_view id);

  std::map<std::string, std::uint32_t, std::less<>> devices_;
  std::map<std::string, LinkNumber, std::less<>> link_by_id_;
  std::vector<CoverageReport::Link> names_;
  std::vector<DirectedLink> ends_;  // by LinkNumber
  std::vector<bool> is_end_;        // by device
  FlowRoutes routes_;
  std::vector<double> rates_;
  std::vector<std::uint16_t> sizes_;
  std::uint64_t paths_unknown_ = 0;
  std::uint64_t paths_incomplete_ = 0;
};

// "faultline.plan_coverage/1".
[[nodiscard]] std::string coverage_json(const CoverageReport& report);

struct BudgetReport {
  PlanRevision revision{};
  PlannerConfig config{};
  Duration flow_interval{};
  struct Node {
    std::string name{};
    NodeBudget budget{};

    bool operator==(const Node&) const = default;
  };
  std::vector<Node> nodes{};  // by name
  CoverageReport links{};
  std::vector<TraceLoads::Router> routers{};  // the worst first
  std::vector<std::string> reduced{};

  bool operator==(const BudgetReport&) const = default;
};

// "faultline.plan_budget/1".
[[nodiscard]] std::string budget_json(const BudgetReport& report);

// What `after` would change in a fleet that obeys `before`.
struct PlanDifference {
  struct Node {
    std::string name{};
    std::uint32_t flows_kept = 0;
    std::uint32_t flows_added = 0;
    std::uint32_t flows_removed = 0;

    bool operator==(const Node&) const = default;
  };
  struct Side {
    std::uint64_t flows = 0;
    std::uint32_t flows_per_pair = 0;
    bool all_pairs = true;
    Duration flow_interval{};
    double packets_per_second_max = 0;  // of the busiest node: sent and reflected
    double bytes_per_second_max = 0;
    std::vector<std::string> reduced{};

    bool operator==(const Side&) const = default;
  };
  Side before{};
  Side after{};
  std::uint64_t nodes_with_new_plan = 0;  // whose sessions or rates change
  std::vector<Node> nodes{};              // whose flows change, by name

  bool operator==(const PlanDifference&) const = default;
};

using NodeNames = std::map<NodeId, std::string>;
[[nodiscard]] PlanDifference difference(const PlanSet& before, const PlanSet& after,
                                        const NodeNames& names);

struct DifferenceReport {
  std::string config_file{};
  std::string inventory_file{};  // empty: none
  PlanDifference plans{};
  // Declared and traced links that no measured flow crosses, by the inventory in force and by the
  // one on disk.
  std::vector<std::string> uncovered_before{};
  std::vector<std::string> uncovered_after{};

  bool operator==(const DifferenceReport&) const = default;
};

// "faultline.plan_diff/1".
[[nodiscard]] std::string difference_json(const DifferenceReport& report);

// One node's plan, or all of them in numbers.
struct PlanReport {
  struct Node {
    std::string name{};
    PlanRevision revision{};
    std::optional<std::uint64_t> acknowledged{};  // the revision that it said it obeys
    std::uint32_t peers = 0;
    std::uint32_t flows = 0;

    bool operator==(const Node&) const = default;
  };
  PlanRevision revision{};
  PlannerConfig config{};
  PlanDifference::Side summary{};
  std::uint64_t pairs_mixed = 0;
  std::uint64_t flows_beyond_mesh = 0;
  std::optional<Exploration> exploration{};
  std::vector<Node> nodes{};  // by name

  bool operator==(const PlanReport&) const = default;
};

// "faultline.plan/1".
[[nodiscard]] std::string plan_json(const PlanReport& report);

struct NodePlanReport {
  PlanReport::Node node{};
  Duration flow_interval{};
  NodeBudget budget{};
  std::map<std::string, std::vector<std::uint16_t>> targets{};  // source ports by target

  bool operator==(const NodePlanReport&) const = default;
};

// "faultline.node_plan/1".
[[nodiscard]] std::string node_plan_json(const NodePlanReport& report);

[[nodiscard]] PlanDifference::Side summarize(const PlanSet& plans);

}  // namespace faultline::plan
