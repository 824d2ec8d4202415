// Questions on the plan, answered from a snapshot: what it measures, covers and costs, and what the
// configuration and inventory on disk would change.
//
// Thread safety: pure but for plan_difference(), which reads the two files; reentrant.
#pragma once

#include <filesystem>
#include <string_view>

#include "common/base/result.h"
#include "controller/app/snapshot.h"
#include "controller/plan/reports.h"

namespace faultline::app {

// All fail with kUnavailable before the first plan was made, and while paths are being restored.
[[nodiscard]] Result<plan::PlanReport> plan_report(const Snapshot& snapshot);
[[nodiscard]] Result<plan::NodePlanReport> node_plan_report(const Snapshot& snapshot, NodeId node);
[[nodiscard]] Result<plan::CoverageReport> plan_coverage(const Snapshot& snapshot);
[[nodiscard]] Result<plan::BudgetReport> plan_budget(const Snapshot& snapshot);
[[nodiscard]] Result<plan::DifferenceReport> plan_difference(
    const Snapshot& snapshot, const std::filesystem::path& config_file);

}  // namespace faultline::app
