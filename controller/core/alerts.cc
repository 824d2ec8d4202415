#include "controller/core/alerts.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace faultline::core {
namespace {

// Hosts and switches at work delay by less, and it comes and goes.
constexpr double kDelayPagedMinUs = 1000;

// What a host adds to its own packets is mostly its own load.
bool is_slow(const localize::Suspect& suspect) {
  const bool is_host =
      suspect.kind == localize::SuspectKind::kHost || suspect.kind == localize::SuspectKind::kVm;
  return !is_host && suspect.delay_us.value_or(0) >= kDelayPagedMinUs;
}

// A prober that starves itself is no fault of the network: the watchdog tells of it when it lasts.
bool may_page(const localize::Suspect& suspect) {
  if (suspect.fault_class == localize::FaultClass::kSickHost) return false;
  return suspect.fault_class != localize::FaultClass::kDelay || is_slow(suspect);
}

std::string percent(double ratio) {
  const double value = 100 * ratio;
  if (value < 0.1) return fmt::format("{:.3f}", value);
  return value < 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

std::string harm(const incident::Suspect& suspect) {
  const auto interval = fmt::format("{} % ({} to {} %)", percent(suspect.loss),
                                    percent(suspect.loss_low), percent(suspect.loss_high));
  if (suspect.fault_class == "down") return "is down: everything that crosses it is lost";
  if (suspect.fault_class == "blackhole") {
    return fmt::format("swallows {} of the flows that cross it", interval);
  }
  if (suspect.fault_class == "mtu") return "loses large packets only";
  if (suspect.fault_class == "sick_host") {
    return fmt::format("is starved as a prober, and its measurements lose {}", interval);
  }
  return fmt::format("loses {}", interval);
}

std::string microseconds(const std::optional<double>& value) {
  return fmt::format("{:.0f} us", value.value_or(0));
}

// Added latency and congestion, which incident::Suspect has no numbers for.
std::string delay_sentence(const localize::Suspect& found, const incident::Suspect& suspect) {
  const auto name = fmt::format("{} {}", suspect.kind, suspect.id);
  const auto& evidence = suspect.evidence;
  if (found.fault_class == localize::FaultClass::kCongestion) {
    return fmt::format("{} is congested: p95 is up by {} and it loses {} % ({} to {} %)", name,
                       microseconds(found.delay_p95_us), percent(suspect.loss),
                       percent(suspect.loss_low), percent(suspect.loss_high));
  }
  return fmt::format("{} adds {} (p95 {}): {} of {} slow flows cross it, {} of {} others do", name,
                     microseconds(found.delay_us), microseconds(found.delay_p95_us),
                     evidence.bad_flows_crossing, evidence.bad_flows, evidence.good_flows_crossing,
                     evidence.good_flows);
}

incident::Suspect to_suspect(const localize::Suspect& found, const Solution& solution) {
  incident::Suspect suspect{.kind = std::string(to_string(found.kind)),
                            .id = found.id,
                            .from = found.from,
                            .to = found.to,
                            .fault_class = std::string(to_string(found.fault_class)),
                            .posterior = found.posterior,
                            .loss = found.loss,
                            .loss_low = found.loss_low,
                            .loss_high = found.loss_high,
                            .delay_us = found.delay_us,
                            .delay_p95_us = found.delay_p95_us,
                            .mtu = found.mtu,
                            .ambiguous_with = found.ambiguous_with,
                            .evidence = {.bad_flows = found.evidence.bad_flows,
                                         .bad_flows_crossing = found.evidence.bad_flows_crossing,
                                         .good_flows_crossing = found.evidence.good_flows_crossing,
                                         .good_flows = found.evidence.good_flows},
                            .counter_evidence = found.counter_evidence,
                            .affected = {},
                            .affected_vms = {},
                            .affected_racks = {},
                            .affected_zones = {},
                            .labels = {},
                            .depends_on = {},
                            .since = {},
                            .text = {}};
  if (found.since_s) suspect.since = wall_time_from_unix_seconds(*found.since_s);
  if (const auto affected = solution.affected.find(found.id); affected != solution.affected.end()) {
    suspect.affected = affected->second;
  }
  const bool by_delay = found.fault_class == localize::FaultClass::kDelay ||
                        found.fault_class == localize::FaultClass::kCongestion;
  suspect.text = by_delay ? delay_sentence(found, suspect) : sentence(suspect);
  return suspect;
}

notify::AlertSeverity to_alert_severity(incident::Severity severity) {
  switch (severity) {
    case incident::Severity::kWarning:
      return notify::AlertSeverity::kWarning;
    case incident::Severity::kError:
      return notify::AlertSeverity::kError;
    case incident::Severity::kCritical:
      return notify::AlertSeverity::kCritical;
  }
  return notify::AlertSeverity::kError;
}

notify::AlertEvent to_alert_event(incident::EventKind kind) {
  switch (kind) {
    case incident::EventKind::kOpened:
      return notify::AlertEvent::kOpened;
    case incident::EventKind::kUpdated:
      return notify::AlertEvent::kUpdated;
    case incident::EventKind::kAcknowledged:
      return notify::AlertEvent::kAcknowledged;
    case incident::EventKind::kResolved:
      return notify::AlertEvent::kResolved;
  }
  return notify::AlertEvent::kUpdated;
}

// What it did while it lasted.
std::string past_harm(const incident::Suspect& suspect) {
  if (suspect.fault_class == "down") return "it was down";
  if (suspect.fault_class == "mtu") return "it lost large packets";
  if (suspect.fault_class == "delay" && suspect.delay_us) {
    return fmt::format("it added {}", microseconds(suspect.delay_us));
  }
  if (suspect.loss > 0) return fmt::format("it lost {} %", percent(suspect.loss));
  return fmt::format("its class was {}", suspect.fault_class);
}

std::string resolve_summary(const incident::Incident& incident) {
  const auto end = incident.resolved_at.value_or(incident.updated_at);
  const auto lasted = std::chrono::floor<std::chrono::seconds>(end - incident.since);
  if (incident.suspect.remedy) {  // of a finding, what it said is all there is to say
    return fmt::format("resolved ({}), after {}: {}", incident.resolution,
                       format_duration(std::max<Duration>(lasted, Duration::zero())),
                       incident.suspect.text);
  }
  return fmt::format("resolved ({}): {} {}; {}, for {}", incident.resolution, incident.suspect.kind,
                     incident.suspect.id, past_harm(incident.suspect),
                     format_duration(std::max<Duration>(lasted, Duration::zero())));
}

std::string summary_of(const incident::Event& event) {
  const auto& incident = event.incident;
  switch (event.kind) {
    case incident::EventKind::kResolved:
      return resolve_summary(incident);
    case incident::EventKind::kAcknowledged:
      return fmt::format("acknowledged by {}: {}", incident.acknowledged_by, incident.suspect.text);
    case incident::EventKind::kOpened:
    case incident::EventKind::kUpdated:
      return incident.suspect.text;
  }
  return incident.suspect.text;
}

// The words of a fault of measurements say nothing of a finding.
void speak_of_finding(const incident::Remedy& remedy, notify::Alert& alert) {
  alert.loss = alert.loss_low = alert.loss_high = std::nullopt;
  alert.remedy = notify::AlertRemedy{.evidence = remedy.evidence,
                                     .text = remedy.text,
                                     .command = remedy.command,
                                     .run_on = remedy.run_on};
}

std::vector<notify::AlertChange> to_alert_changes(const std::vector<incident::Change>& changes) {
  std::vector<notify::AlertChange> result;
  for (const auto& change : changes) {
    result.push_back({change.time, change.kind, change.subject, change.before, change.after});
  }
  return result;
}

std::optional<notify::AlertConfirmation> to_alert_confirmation(
    const std::optional<incident::Confirmation>& test) {
  if (!test) return std::nullopt;
  return notify::AlertConfirmation{.component = test->component,
                                   .outcome = test->outcome,
                                   .before = test->before,
                                   .after = test->after,
                                   .packets = test->packets};
}

}  // namespace

std::string sentence(const incident::Suspect& suspect) {
  auto text = fmt::format("{} {} {}: {} of {} bad flows cross it, {} of {} good ones do",
                          suspect.kind, suspect.id, harm(suspect),
                          suspect.evidence.bad_flows_crossing, suspect.evidence.bad_flows,
                          suspect.evidence.good_flows_crossing, suspect.evidence.good_flows);
  if (!suspect.ambiguous_with.empty()) {
    text += fmt::format("; cannot be told apart from {}", fmt::join(suspect.ambiguous_with, ", "));
  }
  return text;
}

incident::JudgedWindow to_judged_window(const Solution& solution) {
  incident::JudgedWindow judged{.end = solution.window_start + solution.window,
                                .enough_data = solution.verdict.enough_data,
                                .suspects = {},
                                .unmeasured = solution.unmeasured,
                                .restarting = {},
                                .removed = {},
                                .length = solution.window,
                                .judged_at = {}};
  for (const auto& suspect : solution.verdict.suspects) {
    if (!may_page(suspect) || solution.bursts.contains(suspect.id)) continue;
    judged.suspects.push_back(to_suspect(suspect, solution));
  }
  // A queue is load, not a fault, but for one that never empties.
  for (const auto& queue : solution.verdict.congested) {
    if (is_slow(queue)) judged.suspects.push_back(to_suspect(queue, solution));
  }
  return judged;
}

std::vector<incident::Component> watched_components(
    const std::vector<incident::Incident>& incidents) {
  std::vector<incident::Component> watched;
  for (const auto& incident : incidents) {
    // No measurement crosses what a finding is about.
    if (incident.resolved_at || incident.suspect.remedy) continue;
    watched.push_back(incident.components.back());
  }
  return watched;
}

notify::Alert to_alert(const incident::Event& event, WallTime now) {
  const auto& incident = event.incident;
  const auto& suspect = incident.suspect;
  notify::Alert alert{.event = to_alert_event(event.kind),
                      .incident = incident.id,
                      .sequence = incident.revision,
                      .severity = to_alert_severity(incident.severity),
                      .kind = suspect.kind,
                      .component = suspect.id,
                      .from = suspect.from,
                      .to = suspect.to,
                      .fault_class = suspect.fault_class,
                      .posterior = suspect.posterior,
                      .loss = suspect.loss,
                      .loss_low = suspect.loss_low,
                      .loss_high = suspect.loss_high,
                      .delay_us = suspect.delay_us,
                      .delay_p95_us = suspect.delay_p95_us,
                      .mtu = suspect.mtu,
                      .since = incident.since,
                      .resolved_at = incident.resolved_at,
                      .resolution = incident.resolution,
                      .summary = summary_of(event),
                      .evidence = {.bad_flows = suspect.evidence.bad_flows,
                                   .bad_flows_crossing = suspect.evidence.bad_flows_crossing,
                                   .good_flows_crossing = suspect.evidence.good_flows_crossing,
                                   .good_flows = suspect.evidence.good_flows},
                      .counter_evidence = suspect.counter_evidence,
                      .ambiguous_with = suspect.ambiguous_with,
                      .affected_nodes = suspect.affected,
                      .affected_nodes_omitted = 0,
                      .affected_vms = suspect.affected_vms,
                      .affected_racks = suspect.affected_racks,
                      .affected_zones = suspect.affected_zones,
                      .remedy = {},
                      .changes = to_alert_changes(incident.changes),
                      .confirmation = to_alert_confirmation(incident.confirmation),
                      .labels = {},
                      .link = {},
                      .acknowledged_by = incident.acknowledged_by,
                      .generated_at = now};
  if (suspect.remedy) speak_of_finding(*suspect.remedy, alert);
  return alert;
}

}  // namespace faultline::core
