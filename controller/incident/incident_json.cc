#include <algorithm>
#include <array>
#include <concepts>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/incident/incident.h"

namespace faultline::incident {
namespace {

using Json = nlohmann::json;

constexpr int kRecordVersion = 1;

// What a record lacks or holds wrongly; caught in incident_from_json(), the one boundary with
// nlohmann's exceptions.
struct BadRecord {
  std::string problem;
};

std::string text_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (!value.is_string()) throw BadRecord{fmt::format("{} is not a string", key)};
  return value.get<std::string>();
}

const Json& list_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (!value.is_array()) throw BadRecord{fmt::format("{} is not a list", key)};
  return value;
}

std::vector<std::string> texts_of(const Json& json, const char* key) {
  std::vector<std::string> texts;
  for (const auto& value : list_of(json, key)) {
    if (!value.is_string()) throw BadRecord{fmt::format("{} holds more than strings", key)};
    texts.push_back(value.get<std::string>());
  }
  return texts;
}

template <std::unsigned_integral T>
T count_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::numeric_limits<T>::max()) {
    throw BadRecord{fmt::format("{} is not a count", key)};
  }
  return value.get<T>();
}

double ratio_of(const Json& json, const char* key) {
  const auto& value = json.at(key);
  if (!value.is_number() || !(value.get<double>() >= 0 && value.get<double>() <= 1)) {
    throw BadRecord{fmt::format("{} is not between 0 and 1", key)};
  }
  return value.get<double>();
}

// What is written must be readable: no NaN, nothing a rounding error past 1.
double written(double ratio) { return ratio >= 0 ? std::min(ratio, 1.0) : 0; }

WallTime time_of(const Json& json, const char* key) {
  const auto time = parse_rfc3339(text_of(json, key));
  if (!time) throw BadRecord{fmt::format("{} is not an RFC 3339 time", key)};
  return *time;
}

std::optional<WallTime> optional_time_of(const Json& json, const char* key) {
  if (json.at(key).is_null()) return std::nullopt;
  return time_of(json, key);
}

Json to_object(const std::optional<WallTime>& time) {
  return time ? Json(format_rfc3339(*time)) : Json();
}

template <typename Enum, std::size_t kCount>
Enum choice_of(const Json& json, const char* key, const std::array<Enum, kCount>& values) {
  const auto text = text_of(json, key);
  for (const auto value : values) {
    if (to_string(value) == text) return value;
  }
  throw BadRecord{fmt::format("{} is not known to this build", key)};
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
          {"ambiguous_with", suspect.ambiguous_with},
          {"evidence",
           {{"bad_flows", evidence.bad_flows},
            {"bad_flows_crossing", evidence.bad_flows_crossing},
            {"good_flows_crossing", evidence.good_flows_crossing},
            {"good_flows", evidence.good_flows}}},
          {"counter_evidence", suspect.counter_evidence},
          {"affected", suspect.affected},
          {"since", to_object(suspect.since)},
          {"text", suspect.text}};
}

Suspect suspect_of(const Json& json) {
  const auto& evidence = json.at("evidence");
  return {.kind = text_of(json, "kind"),
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
}

Json to_object(const Change& change) {
  return {{"time", format_rfc3339(change.time)},
          {"kind", change.kind},
          {"subject", change.subject},
          {"before", change.before},
          {"after", change.after}};
}

// Older records have none.
std::vector<Change> changes_of(const Json& json) {
  std::vector<Change> changes;
  if (!json.contains("changes")) return changes;
  for (const auto& change : list_of(json, "changes")) {
    changes.push_back({.time = time_of(change, "time"),
                       .kind = text_of(change, "kind"),
                       .subject = text_of(change, "subject"),
                       .before = text_of(change, "before"),
                       .after = text_of(change, "after")});
  }
  return changes;
}

Json to_object(const std::optional<Confirmation>& confirmation) {
  if (!confirmation) return {};
  return {{"component", confirmation->component},
          {"outcome", confirmation->outcome},
          {"began_at", format_rfc3339(confirmation->began_at)},
          {"ended_at", to_object(confirmation->ended_at)},
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
      .changes = changes_of(json),
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
  auto changes = Json::array();
  for (const auto& change : incident.changes) changes.push_back(to_object(change));
  const Json json = {{"version", kRecordVersion},
                     {"id", incident.id},
                     {"state", to_string(incident.state)},
                     {"severity", to_string(incident.severity)},
                     {"suspect", to_object(incident.suspect)},
                     {"components", components},
                     {"since", format_rfc3339(incident.since)},
                     {"opened_at", to_object(incident.opened_at)},
                     {"updated_at", format_rfc3339(incident.updated_at)},
                     {"last_present", format_rfc3339(incident.last_present)},
                     {"resolved_at", to_object(incident.resolved_at)},
                     {"resolution", incident.resolution},
                     {"revision", incident.revision},
                     {"reopened", incident.reopened},
                     {"acknowledged_at", to_object(incident.acknowledged_at)},
                     {"acknowledged_by", incident.acknowledged_by},
                     {"changes", changes},
                     {"confirmation", to_object(incident.confirmation)},
                     {"presence", incident.presence},
                     {"windows_absent", incident.windows_absent},
                     {"loss_told", written(incident.loss_told)},
                     {"contender", incident.contender},
                     {"contender_presence", incident.contender_presence}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Incident> incident_from_json(std::string_view text) {
  try {
    const auto json = Json::parse(text);
    if (count_of<std::uint32_t>(json, "version") != kRecordVersion) {
      throw BadRecord{"its version is not known to this build"};
    }
    return incident_of(json);
  } catch (const BadRecord& bad) {
    return fail(ErrorCode::kCorrupt, fmt::format("stored incident: {}", bad.problem));
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kCorrupt, fmt::format("stored incident: {}", error.what()));
  }
}

}  // namespace faultline::incident
