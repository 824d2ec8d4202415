// The API's documents as text for a person, and what they mean for the exit code. Thread safety:
// pure.
#pragma once

#include <string>

#include "controller/cli/document.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/failure.h"
#include "controller/cli/table.h"

namespace faultline::cli {

struct RenderOptions {
  Style style;
  bool explain = false;  // localize: evidence for and against each suspect; plan: all rows
};

// By the document's "schema"; a usage failure for one that this build does not know.
[[nodiscard]] Outcome<std::string> render(const Json& document, const RenderOptions& options);

// status, localize and incidents say whether there is a fault; a test alert that was not taken is
// kUnreachable; a matrix in which nothing was
// measured is inconclusive; every other document is kHealthy.
[[nodiscard]] ExitCode exit_code_of(const Json& document);

// One per schema.
[[nodiscard]] std::string render_status(const Json& document, const Style& style);
[[nodiscard]] std::string render_nodes(const Json& document, const Style& style);
[[nodiscard]] std::string render_node(const Json& document, const Style& style);
[[nodiscard]] std::string render_tokens(const Json& document, const Style& style);
[[nodiscard]] std::string render_trust(const Json& document, const Style& style);
[[nodiscard]] std::string render_rekey(const Json& document, const Style& style);
[[nodiscard]] std::string render_matrix(const Json& document, const Style& style);
[[nodiscard]] std::string render_path(const Json& document, const Style& style);
[[nodiscard]] std::string render_history(const Json& document, const Style& style);
[[nodiscard]] std::string render_slo(const Json& document, const Style& style);
[[nodiscard]] std::string render_incidents(const Json& document, const Style& style);
[[nodiscard]] std::string render_incident(const Json& document, const Style& style);
[[nodiscard]] std::string render_silences(const Json& document, const Style& style);
[[nodiscard]] std::string render_silence(const Json& document, const Style& style);
[[nodiscard]] std::string render_standing_tests(const Json& document, const Style& style);
[[nodiscard]] std::string render_anomalies(const Json& document, const Style& style);
[[nodiscard]] std::string render_changes(const Json& document, const Style& style);
// A table of changes as incidents have them too; empty when there are none.
// "leaf2=spine1 or 4 more": of a component that cannot be told from others.
[[nodiscard]] std::string with_others(const Json& suspect, const std::string& id);
[[nodiscard]] std::string changes_table(const Json& changes, const Style& style);
[[nodiscard]] std::string render_alerts(const Json& document, const Style& style);
[[nodiscard]] std::string render_alert_test(const Json& document, const Style& style);
[[nodiscard]] std::string render_topology(const Json& document, const Style& style);
[[nodiscard]] std::string render_topology_check(const Json& document, const Style& style);
[[nodiscard]] std::string render_topology_diff(const Json& document, const Style& style);
[[nodiscard]] std::string render_plan(const Json& document, const Style& style);
[[nodiscard]] std::string render_node_plan(const Json& document, const Style& style);
[[nodiscard]] std::string render_plan_coverage(const Json& document, const Style& style, bool all);
[[nodiscard]] std::string render_plan_budget(const Json& document, const Style& style, bool all);
[[nodiscard]] std::string render_plan_diff(const Json& document, const Style& style, bool all);
[[nodiscard]] std::string render_api_tokens(const Json& document, const Style& style);
[[nodiscard]] std::string render_audit(const Json& document, const Style& style);
[[nodiscard]] std::string render_vpc_check(const Json& document, const Style& style);
[[nodiscard]] std::string render_vpc_reach(const Json& document, const Style& style);
[[nodiscard]] std::string render_vpc_compare(const Json& document, const Style& style);
[[nodiscard]] std::string render_facts(const Json& document, const Style& style);
[[nodiscard]] std::string render_facts_changes(const Json& document, const Style& style);
[[nodiscard]] std::string render_diagnosis(const Json& document, const Style& style);
[[nodiscard]] std::string render_check(const Json& document, const Style& style);
[[nodiscard]] std::string render_explain(const Json& document, const Style& style);

}  // namespace faultline::cli
