// The commands of `faultline`. Each function adds sub-commands whose callbacks put what is to be
// run into the context; nothing runs while the command line is still being parsed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "controller/cli/completion.h"
#include "controller/cli/context.h"

namespace faultline::cli {

// status, localize, incident, bundle
void add_fault_commands(CLI::App& app, Context& context);
void add_topology_commands(CLI::App& app, Context& context);
// What operators do to incidents, for add_fault_commands() only.
void add_incident_actions(CLI::App& incident, Context& context);
// maintenance
void add_maintenance_commands(CLI::App& app, Context& context);
// anomalies, changes
void add_abnormal_commands(CLI::App& app, Context& context);
// alert
void add_alert_commands(CLI::App& app, Context& context);
// matrix, path, history
void add_measurement_commands(CLI::App& app, Context& context);
// export
void add_export_command(CLI::App& app, Context& context);
// plan
void add_plan_commands(CLI::App& app, Context& context);
// node, version
void add_fleet_commands(CLI::App& app, Context& context);
// trust, controller
void add_trust_commands(CLI::App& app, Context& context);
// access, audit
void add_access_commands(CLI::App& app, Context& context);
// vpc
void add_vpc_commands(CLI::App& app, Context& context);
// facts, check, diagnose
void add_facts_commands(CLI::App& app, Context& context);
void add_diagnose_command(CLI::App& app, Context& context);
void add_explain_command(CLI::App& app, Context& context);
void add_complete_command(CLI::App& app, Context& context);

// The names that the controller knows; none when it does not answer at once, or within the
// --timeout that was given.
[[nodiscard]] std::vector<Candidate> look_up(Context& context, Lookup lookup);
// A line each, with a tab before what it is about; those that do not begin with `prefix` are not.
void print_candidates(const std::vector<Candidate>& candidates, std::string_view prefix);

// A sub-command whose unknown options go to its parent, so that -o may be given anywhere.
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples);

// "?at=...&since=..." from what was typed; empty without either. Failure on a bad time.
[[nodiscard]] Outcome<std::string> interval_query(const std::string& at, const std::string& since);

}  // namespace faultline::cli
