// AppBackend's answers about incidents and silences, and what operators do to them.
#include <algorithm>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/crypto/random.h"
#include "controller/app/backend.h"
#include "controller/app/records.h"

namespace faultline::app {
namespace {

constexpr std::size_t kIdPrefixMin = 4;  // "i-" and two digits

// Incidents that older controllers stored have no history: their times tell.
std::vector<api::IncidentEventView> events_of(const incident::Incident& incident) {
  std::vector<api::IncidentEventView> events;
  for (const auto& entry : incident.history) {
    events.push_back({.at = entry.at, .what = entry.what, .text = entry.text, .by = entry.by});
  }
  if (!events.empty()) return events;
  if (incident.opened_at) {
    events.push_back({.at = *incident.opened_at, .what = "opened", .text = incident.suspect.text});
  }
  if (incident.acknowledged_at) {
    events.push_back({.at = *incident.acknowledged_at,
                      .what = "acknowledged",
                      .text = {},
                      .by = incident.acknowledged_by});
  }
  if (incident.resolved_at) {
    events.push_back(
        {.at = *incident.resolved_at, .what = "resolved", .text = incident.resolution});
  }
  return events;
}

api::IncidentView incident_view(const incident::Incident& incident) {
  const auto& suspect = incident.suspect;
  return {.id = incident.id,
          .state = std::string(to_string(incident.state)),
          .severity = std::string(to_string(incident.severity)),
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
          .opened_at = incident.opened_at.value_or(incident.since),
          .updated_at = incident.updated_at,
          .resolved_at = incident.resolved_at,
          .resolution = incident.resolution,
          .acknowledged_at = incident.acknowledged_at,
          .acknowledged_by = incident.acknowledged_by,
          .held_by = incident.held_by,
          .summary = suspect.text,
          .ambiguous_with = suspect.ambiguous_with,
          .affected_nodes = suspect.affected,
          .affected_vms = suspect.affected_vms,
          .affected_racks = suspect.affected_racks,
          .affected_zones = suspect.affected_zones,
          .evidence = {.bad_flows = suspect.evidence.bad_flows,
                       .bad_flows_crossing = suspect.evidence.bad_flows_crossing,
                       .good_flows_crossing = suspect.evidence.good_flows_crossing,
                       .good_flows = suspect.evidence.good_flows},
          .counter_evidence = suspect.counter_evidence,
          .remedy = suspect.remedy,
          .changes = incident.changes,
          .confirmation = incident.confirmation,
          .events = events_of(incident),
          .events_omitted = incident.history_omitted};
}

bool wanted(const incident::Incident& incident, api::IncidentFilter filter) {
  const bool is_pending = incident.state == incident::State::kPending;
  switch (filter) {
    case api::IncidentFilter::kOpen:
      return incident.is_open();
    case api::IncidentFilter::kResolved:
      return !incident.is_open() && !is_pending;
    case api::IncidentFilter::kAll:
      return !is_pending;
    case api::IncidentFilter::kPending:
      return is_pending;
  }
  return true;
}

core::IncidentAction to_core(api::IncidentAction action) {
  switch (action) {
    case api::IncidentAction::kAcknowledge:
      return core::IncidentAction::kAcknowledge;
    case api::IncidentAction::kResolve:
      return core::IncidentAction::kResolve;
    case api::IncidentAction::kNote:
      return core::IncidentAction::kNote;
  }
  return core::IncidentAction::kNote;
}

}  // namespace

Result<std::vector<api::IncidentView>> AppBackend::incidents(api::IncidentFilter filter,
                                                             std::optional<Duration> since) const {
  FAULTLINE_TRY(const auto incidents, list_incidents(store_.ledger()));
  const auto now = async::now_wall();
  std::vector<api::IncidentView> views;
  for (const auto& incident : incidents) {
    if (!wanted(incident, filter)) continue;
    if (since && incident.resolved_at && *incident.resolved_at < now - *since) continue;
    views.push_back(incident_view(incident));
    views.back().events.clear();
  }
  std::ranges::sort(views, std::greater{}, [](const api::IncidentView& view) {
    return std::pair(view.opened_at, view.id);
  });
  if (views.size() > api::kIncidentsListedMax) views.resize(api::kIncidentsListedMax);
  return views;
}

// The id, or the only one that begins like this: ids are typed at 03:00.
Result<std::string> AppBackend::full_id(store::Table table, std::string_view id) const {
  const bool is_incident = table == store::Table::kIncidents;
  FAULTLINE_TRY(const auto document, store_.ledger().get(table, id));
  if (document) return std::string(id);
  std::vector<std::string> found;
  if (id.size() >= kIdPrefixMin) {
    FAULTLINE_TRY(const auto documents, store_.ledger().list(table));
    for (const auto& known : documents) {
      if (known.key.starts_with(id)) found.push_back(known.key);
    }
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    const auto* const where = is_incident ? "incident list --state all" : "maintenance list --all";
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no {} {}; `faultline {}` shows all",
                            is_incident ? "incident" : "silence or maintenance", id, where));
  }
  return fail(ErrorCode::kInvalid, fmt::format("{} begin with {}, such as {} and {}", found.size(),
                                               id, found[0], found[1]));
}

Result<api::IncidentView> AppBackend::incident(std::string_view id) const {
  FAULTLINE_TRY(const auto full, full_id(store::Table::kIncidents, id));
  FAULTLINE_TRY(const auto document, store_.ledger().get(store::Table::kIncidents, full));
  if (!document) return fail(ErrorCode::kNotFound, fmt::format("incident {} is gone", full));
  FAULTLINE_TRY(const auto incident, incident::incident_from_json(document->value));
  return incident_view(incident);
}

Result<api::IncidentView> AppBackend::act_on_incident(std::string_view id,
                                                      const api::IncidentActionRequest& request) {
  FAULTLINE_TRY(const auto full, full_id(store::Table::kIncidents, id));
  // By value: the loop may come to it after nobody waits any more.
  FAULTLINE_TRY_STATUS(change([id = full, request](std::uint64_t number) -> core::Event {
    return core::ActOnIncident{.request = number,
                               .action = to_core(request.action),
                               .incident = id,
                               .by = request.by,
                               .text = request.text};
  }));
  return incident(full);
}

Result<incident::Silence> AppBackend::silence(const std::string& id) const {
  FAULTLINE_TRY(const auto document, store_.ledger().get(store::Table::kSilences, id));
  if (!document) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no silence or maintenance {}", id));
  }
  return incident::silence_from_json(document->value);
}

Result<api::SilencesView> AppBackend::silences(api::SilenceFilter filter) const {
  api::SilencesView view{.generated_at = async::now_wall(), .silences = {}};
  FAULTLINE_TRY(const auto documents, store_.ledger().list(store::Table::kSilences));
  for (const auto& document : documents) {
    auto silence = incident::silence_from_json(document.value);
    if (!silence) continue;  // the log of the start tells of it
    const bool is_over = silence->ends_at <= view.generated_at;
    if (filter == api::SilenceFilter::kLasting && is_over) continue;
    view.silences.push_back(std::move(*silence));
  }
  std::ranges::sort(view.silences, std::greater{}, [](const incident::Silence& silence) {
    return std::pair(silence.starts_at, silence.id);
  });
  return view;
}

Result<incident::Silence> AppBackend::add_silence(incident::SilenceRequest request) {
  const auto id = fmt::format("{}{:08x}", id_prefix(request.kind), crypto::random_u64() >> 32);
  request.id = id;
  if (const auto named = request.selector.find("incident"); named != request.selector.end()) {
    for (auto& incident : named->second) {
      FAULTLINE_TRY(incident, full_id(store::Table::kIncidents, incident));
    }
  }
  FAULTLINE_TRY_STATUS(change([request](std::uint64_t number) -> core::Event {
    return core::AddSilence{.request = number, .silence = request};
  }));
  return silence(id);
}

Result<incident::Silence> AppBackend::end_silence(std::string_view id, std::string_view by) {
  FAULTLINE_TRY(const auto full, full_id(store::Table::kSilences, id));
  FAULTLINE_TRY_STATUS(
      change([id = full, by = std::string(by)](std::uint64_t number) -> core::Event {
        return core::EndSilence{.request = number, .id = id, .by = by};
      }));
  return silence(full);
}

}  // namespace faultline::app
