#include <cmath>

#include "controller/incident/incident.h"
#include "controller/incident/json_fields.h"

namespace faultline::incident {
namespace {

constexpr int kIncidentVersion = 1;

Json or_null(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json();
}

std::optional<double> optional_number_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (value.is_null()) return std::nullopt;
  if (!value.is_number()) throw BadRecord{fmt::format("{} is not a number", key)};
  return value.get<double>();
}

constexpr std::array kSeverities{Severity::kWarning, Severity::kError, Severity::kCritical};

Json to_object(const Remedy& remedy) {
  return {{"evidence", remedy.evidence},
          {"text", remedy.text},
          {"command", remedy.command},
          {"run_on", remedy.run_on}};
}

Json to_object(const Suspect& suspect) {
  const auto& evidence = suspect.evidence;
  return {{"kind", suspect.kind},
          {"id", suspect.id},
          {"from", suspect.from},
          {"to", suspect.to},
          {"class", suspect.fault_class},
          {"posterior", written(suspect.posterior)},
          {"loss", written(suspect.loss)},
          {"loss_low", written(suspect.loss_low)},
          {"loss_high", written(suspect.loss_high)},
          {"delay_us", or_null(suspect.delay_us)},
          {"delay_p95_us", or_null(suspect.delay_p95_us)},
          {"mtu", suspect.mtu ? Json(*suspect.mtu) : Json()},
          {"ambiguous_with", suspect.ambiguous_with},
          {"evidence",
           {{"bad_flows", evidence.bad_flows},
            {"bad_flows_crossing", evidence.bad_flows_crossing},
            {"good_flows_crossing", evidence.good_flows_crossing},
            {"good_flows", evidence.good_flows}}},
          {"counter_evidence", suspect.counter_evidence},
          {"affected", suspect.affected},
          {"affected_vms", suspect.affected_vms},
          {"affected_racks", suspect.affected_racks},
          {"affected_zones", suspect.affected_zones},
          {"labels", suspect.labels},
          {"depends_on", suspect.depends_on},
          {"since", time_or_null(suspect.since)},
          {"text", suspect.text},
          {"severity", suspect.severity ? Json(to_string(*suspect.severity)) : Json()},
          {"remedy", suspect.remedy ? to_object(*suspect.remedy) : Json()}};
}

// Members that controllers before this one did not write.
void read_newer(const Json& json, Suspect& suspect) {
  if (!json.contains("depends_on")) return;
  suspect.delay_us = optional_number_of(json, "delay_us");
  suspect.delay_p95_us = optional_number_of(json, "delay_p95_us");
  if (!json.at("mtu").is_null()) suspect.mtu = count_of<std::uint32_t>(json, "mtu");
  suspect.affected_vms = texts_of(json, "affected_vms");
  suspect.affected_racks = texts_of(json, "affected_racks");
  suspect.affected_zones = texts_of(json, "affected_zones");
  suspect.labels = label_sets_of(json, "labels");
  suspect.depends_on = texts_of(json, "depends_on");
  if (!json.contains("remedy")) return;
  if (!json.at("severity").is_null()) {
    suspect.severity = choice_of(json, "severity", kSeverities);
  }
  const auto& remedy = json.at("remedy");
  if (remedy.is_null()) return;
  suspect.remedy = Remedy{.evidence = texts_of(remedy, "evidence"),
                          .text = text_of(remedy, "text"),
                          .command = text_of(remedy, "command"),
                          .run_on = text_of(remedy, "run_on")};
}

Suspect suspect_of(const Json& json) {
  const auto& evidence = json.at("evidence");
  Suspect suspect{.kind = text_of(json, "kind"),
                  .id = text_of(json, "id"),
                  .from = text_of(json, "from"),
                  .to = text_of(json, "to"),
                  .fault_class = text_of(json, "class"),
                  .posterior = ratio_of(json, "posterior"),
                  .loss = ratio_of(json, "loss"),
                  .loss_low = ratio_of(json, "loss_low"),
                  .loss_high = ratio_of(json, "loss_high"),
                  .ambiguous_with = texts_of(json, "ambiguous_with"),
                  .evidence = {count_of<std::uint64_t>(evidence, "bad_flows"),
                               count_of<std::uint64_t>(evidence, "bad_flows_crossing"),
                               count_of<std::uint64_t>(evidence, "good_flows_crossing"),
                               count_of<std::uint64_t>(evidence, "good_flows")},
                  .counter_evidence = texts_of(json, "counter_evidence"),
                  .affected = texts_of(json, "affected"),
                  .since = optional_time_of(json, "since"),
                  .text = text_of(json, "text")};
  read_newer(json, suspect);
  return suspect;
}

Json to_objects(const std::vector<Change>& changes) {
  auto list = Json::array();
  for (const auto& change : changes) {
    list.push_back({{"time", format_rfc3339(change.time)},
                    {"kind", change.kind},
                    {"subject", change.subject},
                    {"before", change.before},
                    {"after", change.after}});
  }
  return list;
}

std::vector<Change> changes_of(const Json& json) {
  std::vector<Change> changes;
  for (const auto& change : list_of(json, "changes")) {
    changes.push_back({.time = time_of(change, "time"),
                       .kind = text_of(change, "kind"),
                       .subject = text_of(change, "subject"),
                       .before = text_of(change, "before"),
                       .after = text_of(change, "after")});
  }
  return changes;
}

Json to_objects(const std::vector<Entry>& history) {
  auto list = Json::array();
  for (const auto& entry : history) {
    list.push_back({{"at", format_rfc3339(entry.at)},
                    {"what", entry.what},
                    {"by", entry.by},
                    {"text", entry.text}});
  }
  return list;
}

std::vector<Entry> history_of(const Json& json) {
  std::vector<Entry> history;
  for (const auto& entry : list_of(json, "history")) {
    history.push_back({.at = time_of(entry, "at"),
                       .what = text_of(entry, "what"),
                       .by = text_of(entry, "by"),
                       .text = text_of(entry, "text")});
  }
  return history;
}

void read_newer(const Json& json, Incident& incident) {
  if (!json.contains("history")) {
    incident.announced = incident.is_open();  // whoever opened it told of it
    return;
  }
  incident.changes = changes_of(json);
  incident.history = history_of(json);
  incident.history_omitted = count_of<std::uint64_t>(json, "history_omitted");
  incident.held_by = text_of(json, "held_by");
  incident.announced = flag_of(json, "announced");
  incident.resolved_by = text_of(json, "resolved_by");
  incident.quiet_until = optional_time_of(json, "quiet_until");
  incident.owed = text_of(json, "owed");
}

Json to_object(const std::optional<Confirmation>& confirmation) {
  if (!confirmation) return {};
  return {{"component", confirmation->component},
          {"outcome", confirmation->outcome},
          {"began_at", format_rfc3339(confirmation->began_at)},
          {"ended_at", time_or_null(confirmation->ended_at)},
          {"before", written(confirmation->before)},
          {"after", written(confirmation->after)},
          {"packets", confirmation->packets}};
}

std::optional<Confirmation> confirmation_of(const Json& json) {
  const auto at = json.find("confirmation");
  if (at == json.end() || at->is_null()) return std::nullopt;
  return Confirmation{.component = text_of(*at, "component"),
                      .outcome = text_of(*at, "outcome"),
                      .began_at = time_of(*at, "began_at"),
                      .ended_at = optional_time_of(*at, "ended_at"),
                      .before = ratio_of(*at, "before"),
                      .after = ratio_of(*at, "after"),
                      .packets = count_of<std::uint64_t>(*at, "packets")};
}

Incident incident_of(const Json& json) {
  Incident incident{
      .id = text_of(json, "id"),
      .state = choice_of(
          json, "state",
          std::array{State::kPending, State::kOpen, State::kAcknowledged, State::kResolved}),
      .severity = choice_of(json, "severity",
                            std::array{Severity::kWarning, Severity::kError, Severity::kCritical}),
      .suspect = suspect_of(json.at("suspect")),
      .components = {},
      .since = time_of(json, "since"),
      .opened_at = optional_time_of(json, "opened_at"),
      .updated_at = time_of(json, "updated_at"),
      .last_present = time_of(json, "last_present"),
      .resolved_at = optional_time_of(json, "resolved_at"),
      .resolution = text_of(json, "resolution"),
      .revision = count_of<std::uint32_t>(json, "revision"),
      .reopened = count_of<std::uint32_t>(json, "reopened"),
      .acknowledged_at = optional_time_of(json, "acknowledged_at"),
      .acknowledged_by = text_of(json, "acknowledged_by"),
      .confirmation = confirmation_of(json),
      .presence = count_of<std::uint32_t>(json, "presence"),
      .windows_absent = count_of<std::uint32_t>(json, "windows_absent"),
      .loss_told = ratio_of(json, "loss_told"),
      .contender = text_of(json, "contender"),
      .contender_presence = count_of<std::uint32_t>(json, "contender_presence")};
  for (const auto& component : list_of(json, "components")) {
    incident.components.push_back(
        {text_of(component, "id"), text_of(component, "from"), text_of(component, "to")});
  }
  read_newer(json, incident);
  if (incident.id.empty()) throw BadRecord{"id is empty"};
  if (incident.components.empty() || incident.components.back() != component_of(incident.suspect)) {
    throw BadRecord{"the last of components is not the suspect"};
  }
  if (incident.is_open() != (incident.opened_at && !incident.resolved_at) ||
      (incident.state == State::kResolved) != incident.resolved_at.has_value()) {
    throw BadRecord{"its state does not fit its times"};
  }
  return incident;
}

}  // namespace

std::string to_json(const Incident& incident) {
  auto components = Json::array();
  for (const auto& component : incident.components) {
    components.push_back({{"id", component.id}, {"from", component.from}, {"to", component.to}});
  }
  const Json json = {{"version", kIncidentVersion},
                     {"id", incident.id},
                     {"state", to_string(incident.state)},
                     {"severity", to_string(incident.severity)},
                     {"suspect", to_object(incident.suspect)},
                     {"components", components},
                     {"since", format_rfc3339(incident.since)},
                     {"opened_at", time_or_null(incident.opened_at)},
                     {"updated_at", format_rfc3339(incident.updated_at)},
                     {"last_present", format_rfc3339(incident.last_present)},
                     {"resolved_at", time_or_null(incident.resolved_at)},
                     {"resolution", incident.resolution},
                     {"revision", incident.revision},
                     {"reopened", incident.reopened},
                     {"acknowledged_at", time_or_null(incident.acknowledged_at)},
                     {"acknowledged_by", incident.acknowledged_by},
                     {"changes", to_objects(incident.changes)},
                     {"history", to_objects(incident.history)},
                     {"history_omitted", incident.history_omitted},
                     {"held_by", incident.held_by},
                     {"announced", incident.announced},
                     {"resolved_by", incident.resolved_by},
                     {"quiet_until", time_or_null(incident.quiet_until)},
                     {"owed", incident.owed},
                     {"confirmation", to_object(incident.confirmation)},
                     {"presence", incident.presence},
                     {"windows_absent", incident.windows_absent},
                     {"loss_told", written(incident.loss_told)},
                     {"contender", incident.contender},
                     {"contender_presence", incident.contender_presence}};
  return text_of(json);
}

Result<Incident> incident_from_json(std::string_view text) {
  return read_record(text, "incident", kIncidentVersion, incident_of);
}

}  // namespace faultline::incident
