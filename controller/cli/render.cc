#include "controller/cli/render.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/ondemand/report_text.h"
#include "controller/cli/capture.h"
#include "controller/cli/mtu_both_ways.h"
#include "controller/cli/verdict_document.h"
#include "controller/localize/verdict_table.h"

namespace faultline::cli {
namespace {

std::string render_version(const Json& document, const Style&) {
  std::string result;
  if (!member(document, "version").is_null())
    result = "faultline  " + text(document, "version") + "\n";
  if (member(document, "controller_version").is_null()) return result;
  return result + fmt::format("controller {} (API {})\n", text(document, "controller_version"),
                              text(document, "api_version"));
}

std::string render_token(const Json& document, const Style&) {
  return text(document, "token") + "\n";
}

std::string render_removed(const Json& document, const Style&) {
  return fmt::format("{} {} removed\n", text(document, "kind"), text(document, "name"));
}

std::string render_bundle(const Json& document, const Style&) {
  return fmt::format("{} written to {}\n", bytes(static_cast<double>(count(document, "bytes"))),
                     text(document, "file"));
}

std::string render_test(const Json& document, const Style&) {
  return ondemand::to_text(nlohmann::ordered_json::parse(document.dump()));
}

Outcome<std::string> render_verdict(const Json& document, bool explain) {
  FAULTLINE_CLI_TRY(const auto verdict, verdict_of(document));
  const auto table =
      explain ? localize::verdict_explanation(verdict) : localize::verdict_table(verdict);
  if (!member(document, "judged_until").is_string()) return table;
  return fmt::format("{}as of {}\n", table, text(document, "judged_until"));
}

bool measures_anything(const Json& matrix) {
  const auto& rows = member(matrix, "rows");
  return std::any_of(rows.begin(), rows.end(), [](const Json& row) {
    const auto& cells = member(row, "cells");
    return std::any_of(cells.begin(), cells.end(),
                       [](const Json& cell) { return number(cell, "loss").has_value(); });
  });
}

bool is_unchanged(const Json& difference) {
  for (const auto& part : difference) {
    if (!part.is_object()) continue;
    for (const auto& list : part) {
      if (!list.empty()) return false;
    }
  }
  return true;
}

struct Renderer {
  std::string_view schema;
  std::string (*render)(const Json&, const Style&);
};
constexpr std::array kRenderers{Renderer{"faultline.version/1", render_version},
                                Renderer{"faultline.status/1", render_status},
                                Renderer{"faultline.nodes/1", render_nodes},
                                Renderer{"faultline.node/1", render_node},
                                Renderer{"faultline.token/1", render_token},
                                Renderer{"faultline.tokens/1", render_tokens},
                                Renderer{"faultline.removed/1", render_removed},
                                Renderer{"faultline.trust/1", render_trust},
                                Renderer{"faultline.rekey/1", render_rekey},
                                Renderer{"faultline.matrix/1", render_matrix},
                                Renderer{"faultline.path/1", render_path},
                                Renderer{"faultline.history/1", render_history},
                                Renderer{"faultline.slo/1", render_slo},
                                Renderer{"faultline.incidents/1", render_incidents},
                                Renderer{"faultline.incident/1", render_incident},
                                Renderer{"faultline.silences/1", render_silences},
                                Renderer{"faultline.silence/1", render_silence},
                                Renderer{"faultline.anomalies/1", render_anomalies},
                                Renderer{"faultline.changes/1", render_changes},
                                Renderer{"faultline.alerts/1", render_alerts},
                                Renderer{"faultline.alert_test/1", render_alert_test},
                                Renderer{"faultline.topology/1", render_topology},
                                Renderer{"faultline.topology_check/1", render_topology_check},
                                Renderer{"faultline.topology_diff/1", render_topology_diff},
                                Renderer{"faultline.api_token/1", render_token},
                                Renderer{"faultline.api_tokens/1", render_api_tokens},
                                Renderer{"faultline.audit/1", render_audit},
                                Renderer{"faultline.explain/1", render_explain},
                                Renderer{"faultline.vpc_check/1", render_vpc_check},
                                Renderer{"faultline.vpc_reach/1", render_vpc_reach},
                                Renderer{"faultline.vpc_compare/1", render_vpc_compare},
                                Renderer{"faultline.facts/1", render_facts},
                                Renderer{"faultline.facts_changes/1", render_facts_changes},
                                Renderer{"faultline.check/1", render_check},
                                Renderer{"faultline.capture/1", render_capture},
                                Renderer{"faultline.diagnosis/1", render_diagnosis},
                                Renderer{"faultline.plan/1", render_plan},
                                Renderer{"faultline.node_plan/1", render_node_plan},
                                Renderer{"faultline.test/1", render_test},
                                Renderer{kMtuBothWaysSchema, render_mtu_both_ways},
                                Renderer{"faultline.standing_tests/1", render_standing_tests},
                                Renderer{"faultline.bundle_created/1", render_bundle}};

// Those that can show more than fits a screen.
struct LongRenderer {
  std::string_view schema;
  std::string (*render)(const Json&, const Style&, bool all);
};
constexpr std::array kLongRenderers{LongRenderer{"faultline.plan_coverage/1", render_plan_coverage},
                                    LongRenderer{"faultline.plan_budget/1", render_plan_budget},
                                    LongRenderer{"faultline.plan_diff/1", render_plan_diff}};

ExitCode exit_code_of_cloud(const Json& document, const std::string& schema) {
  if (schema == "faultline.vpc_check/1") {
    return member(document, "inconsistencies").empty() ? ExitCode::kHealthy : ExitCode::kFaultFound;
  }
  if (schema == "faultline.vpc_reach/1") {
    const auto verdict = text(document, "verdict");
    if (verdict == "allowed") return ExitCode::kHealthy;
    return verdict == "denied" ? ExitCode::kFaultFound : ExitCode::kInconclusive;
  }
  const auto& counts = member(document, "counts");
  const auto some = [&](const char* name) { return number(counts, name).value_or(0) > 0; };
  if (some("fails")) return ExitCode::kFaultFound;
  const bool is_unsure = some("stale") || some("unknown") || member(document, "pairs").empty();
  return is_unsure ? ExitCode::kInconclusive : ExitCode::kHealthy;
}

}  // namespace

Outcome<std::string> render(const Json& document, const RenderOptions& options) {
  const auto schema = text(document, "schema");
  if (schema == "faultline.localize/1") return render_verdict(document, options.explain);
  const auto large = std::ranges::find(kLongRenderers, schema, &LongRenderer::schema);
  if (large != kLongRenderers.end()) {
    return large->render(document, options.style, options.explain);
  }
  const auto found = std::ranges::find(kRenderers, schema, &Renderer::schema);
  if (found == kRenderers.end()) {
    return usage(fmt::format("this program cannot show a '{}' document; use -o json", schema));
  }
  return found->render(document, options.style);
}

ExitCode exit_code_of(const Json& document) {
  const auto schema = text(document, "schema");
  if (schema == "faultline.test/1" || schema == kMtuBothWaysSchema) {
    const auto outcome = text(document, "outcome");
    if (outcome == "ok") return ExitCode::kHealthy;
    return outcome == "fault" ? ExitCode::kFaultFound : ExitCode::kInconclusive;
  }
  if (schema == "faultline.standing_tests/1") {
    const auto& tests = member(document, "tests");
    const bool fails = std::any_of(tests.begin(), tests.end(), [](const Json& test) {
      return count(test, "pairs_failing") > 0;
    });
    return fails ? ExitCode::kFaultFound : ExitCode::kHealthy;
  }
  if (schema == "faultline.status/1") {
    const auto health = text(document, "health");
    if (health == "healthy") return ExitCode::kHealthy;
    return health == "fault" ? ExitCode::kFaultFound : ExitCode::kInconclusive;
  }
  if (schema == "faultline.localize/1") {
    if (!member(document, "suspects").empty()) return ExitCode::kFaultFound;
    const bool unexplained =
        count(document, "unexplained_bad_flows") > localize::kUnexplainedFlowsFew;
    return flag(document, "enough_data") && !unexplained ? ExitCode::kHealthy
                                                         : ExitCode::kInconclusive;
  }
  if (schema == "faultline.check/1") {
    const auto& findings = member(document, "findings");
    const bool fault = std::any_of(findings.begin(), findings.end(), [](const Json& finding) {
      return text(finding, "severity") != "notice";
    });
    if (fault) return ExitCode::kFaultFound;
    return member(document, "nodes").empty() ? ExitCode::kInconclusive : ExitCode::kHealthy;
  }
  if (schema == "faultline.topology_check/1") {
    return member(document, "conflicts").empty() ? ExitCode::kHealthy : ExitCode::kFaultFound;
  }
  if (schema == "faultline.topology_diff/1") {
    return is_unchanged(document) ? ExitCode::kHealthy : ExitCode::kFaultFound;
  }
  if (schema == "faultline.capture/1") {
    const auto outcome = text(document, "outcome");
    if (outcome == "fault") return ExitCode::kFaultFound;
    return outcome == "ok" ? ExitCode::kHealthy : ExitCode::kInconclusive;
  }
  if (schema == "faultline.diagnosis/1") {
    const auto level = text(member(document, "verdict"), "level");
    if (level == "fail") return ExitCode::kFaultFound;
    return level == "unknown" ? ExitCode::kInconclusive : ExitCode::kHealthy;
  }
  if (schema == "faultline.matrix/1" && !measures_anything(document)) {
    return ExitCode::kInconclusive;
  }
  if (schema.starts_with("faultline.vpc_")) return exit_code_of_cloud(document, schema);
  if (schema == "faultline.alert_test/1") {
    return flag(document, "delivered") ? ExitCode::kHealthy : ExitCode::kUnreachable;
  }
  if (schema == "faultline.incidents/1") {
    const auto& incidents = member(document, "incidents");
    const auto open = [](const Json& incident) {
      return text(incident, "state") == "open" || text(incident, "state") == "acknowledged";
    };
    return std::any_of(incidents.begin(), incidents.end(), open) ? ExitCode::kFaultFound
                                                                 : ExitCode::kHealthy;
  }
  return ExitCode::kHealthy;
}

}  // namespace faultline::cli
