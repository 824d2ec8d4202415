// Incidents as JSON documents, as views_json.h has them.
#include <nlohmann/json.hpp>

#include "controller/api/views_json.h"

namespace faultline::api {
namespace {

using Json = nlohmann::ordered_json;

// Text from outside may hold anything; a reader must still get valid UTF-8.
std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json or_null(const std::optional<WallTime>& time) {
  return time ? Json(format_rfc3339(*time)) : Json(nullptr);
}

Json or_null(const std::string& value) { return value.empty() ? Json(nullptr) : Json(value); }

Json json(const IncidentEventView& event) {
  return Json{{"at", format_rfc3339(event.at)},
              {"what", event.what},
              {"by", or_null(event.by)},
              {"text", event.text}};
}

Json changes_json(const std::vector<incident::Change>& changes) {
  auto result = Json::array();
  for (const auto& change : changes) {
    result.push_back(Json{{"time", format_rfc3339(change.time)},
                          {"kind", change.kind},
                          {"subject", change.subject},
                          {"before", or_null(change.before)},
                          {"after", or_null(change.after)}});
  }
  return result;
}

Json json(const incident::Confirmation& confirmation) {
  return Json{{"component", confirmation.component},
              {"outcome", confirmation.outcome},
              {"began_at", format_rfc3339(confirmation.began_at)},
              {"ended_at", or_null(confirmation.ended_at)},
              {"before", confirmation.before},
              {"after", confirmation.after},
              {"packets", confirmation.packets}};
}

Json json(const incident::Remedy& remedy) {
  return Json{{"evidence", remedy.evidence},
              {"text", remedy.text},
              {"command", remedy.command},
              {"run_on", remedy.run_on}};
}

Json json(const IncidentView& incident) {
  const auto& evidence = incident.evidence;
  return Json{{"id", incident.id},
              {"state", incident.state},
              {"severity", or_null(incident.severity)},
              {"component",
               {{"kind", incident.kind},
                {"id", incident.component},
                {"from", or_null(incident.from)},
                {"to", or_null(incident.to)}}},
              {"class", incident.fault_class},
              {"posterior", incident.posterior},
              {"loss", or_null(incident.loss)},
              {"loss_low", or_null(incident.loss_low)},
              {"loss_high", or_null(incident.loss_high)},
              {"delay_us", or_null(incident.delay_us)},
              {"delay_p95_us", or_null(incident.delay_p95_us)},
              {"mtu", or_null(incident.mtu)},
              {"since", or_null(incident.since)},
              {"opened_at", format_rfc3339(incident.opened_at)},
              {"updated_at", format_rfc3339(incident.updated_at)},
              {"resolved_at", or_null(incident.resolved_at)},
              {"resolution", or_null(incident.resolution)},
              {"acknowledged_at", or_null(incident.acknowledged_at)},
              {"acknowledged_by", or_null(incident.acknowledged_by)},
              {"held_by", or_null(incident.held_by)},
              {"summary", incident.summary},
              {"ambiguous_with", Json(incident.ambiguous_with)},
              {"affected_nodes", Json(incident.affected_nodes)},
              {"affected_vms", Json(incident.affected_vms)},
              {"affected_racks", Json(incident.affected_racks)},
              {"affected_zones", Json(incident.affected_zones)},
              {"counter_evidence", Json(incident.counter_evidence)},
              {"remedy", incident.remedy ? json(*incident.remedy) : Json()},
              {"changes", changes_json(incident.changes)},
              {"confirmation", incident.confirmation ? json(*incident.confirmation) : Json()},
              {"evidence",
               {{"bad_flows", evidence.bad_flows},
                {"bad_flows_crossing", evidence.bad_flows_crossing},
                {"good_flows_crossing", evidence.good_flows_crossing},
                {"good_flows", evidence.good_flows}}}};
}

}  // namespace

std::string incidents_json(const std::vector<IncidentView>& incidents) {
  Json result{{"schema", "faultline.incidents/1"}, {"incidents", Json::array()}};
  for (const auto& incident : incidents) result["incidents"].push_back(json(incident));
  return text(result);
}

std::string incident_json(const IncidentView& incident) {
  Json result{{"schema", "faultline.incident/1"}};
  result.update(json(incident));
  result["events"] = Json::array();
  for (const auto& event : incident.events) result["events"].push_back(json(event));
  result["events_omitted"] = incident.events_omitted;
  return text(result);
}

}  // namespace faultline::api
