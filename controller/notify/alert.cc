#include "controller/notify/alert.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace faultline::notify {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json or_null(const std::optional<WallTime>& time) {
  return time ? Json(format_rfc3339(*time)) : Json(nullptr);
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json component_json(const Alert& alert) {
  return Json{{"kind", alert.kind},
              {"id", alert.component},
              {"from", or_null(alert.from)},
              {"to", or_null(alert.to)}};
}

Json evidence_json(const AlertEvidence& evidence) {
  return Json{{"bad_flows", evidence.bad_flows},
              {"bad_flows_crossing", evidence.bad_flows_crossing},
              {"good_flows_crossing", evidence.good_flows_crossing},
              {"good_flows", evidence.good_flows}};
}

std::vector<std::string> first(const std::vector<std::string>& values, std::size_t count) {
  const auto end = std::min(values.size(), count);
  return {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(end)};
}

Json labels_json(const Alert& alert) {
  auto json = Json::object();
  for (const auto& [name, values] : alert.labels) json[name] = first(values, kLabelValuesShownMax);
  return json;
}

Json changes_json(const Alert& alert) {
  auto list = Json::array();
  for (const auto& change : alert.changes) {
    if (list.size() == kChangesShownMax) break;
    list.push_back(Json{{"time", format_rfc3339(change.time)},
                        {"kind", change.kind},
                        {"subject", change.subject},
                        {"before", or_null(change.before)},
                        {"after", or_null(change.after)}});
  }
  return list;
}

Json remedy_json(const std::optional<AlertRemedy>& remedy) {
  if (!remedy) return Json(nullptr);
  return Json{{"evidence", first(remedy->evidence, kRemedyEvidenceShownMax)},
              {"text", remedy->text},
              {"command", remedy->command},
              {"run_on", remedy->run_on}};
}

Json confirmation_json(const Alert& alert) {
  if (!alert.confirmation) return nullptr;
  const auto& [component, outcome, before, after, packets] = *alert.confirmation;
  return Json{{"component", component},
              {"outcome", outcome},
              {"before", before},
              {"after", after},
              {"packets", packets}};
}

}  // namespace

std::string_view to_string(AlertEvent event) {
  switch (event) {
    case AlertEvent::kOpened:
      return "opened";
    case AlertEvent::kUpdated:
      return "updated";
    case AlertEvent::kAcknowledged:
      return "acknowledged";
    case AlertEvent::kResolved:
      return "resolved";
  }
  return "unknown";
}

std::string_view to_string(AlertSeverity severity) {
  switch (severity) {
    case AlertSeverity::kInfo:
      return "info";
    case AlertSeverity::kWarning:
      return "warning";
    case AlertSeverity::kError:
      return "error";
    case AlertSeverity::kCritical:
      return "critical";
  }
  return "error";
}

std::optional<AlertSeverity> parse_severity(std::string_view text) {
  for (const auto severity : {AlertSeverity::kInfo, AlertSeverity::kWarning, AlertSeverity::kError,
                              AlertSeverity::kCritical}) {
    if (text == to_string(severity)) return severity;
  }
  return std::nullopt;
}

std::string idempotency_key(const Alert& alert) {
  return fmt::format("{}-{}-{}", alert.incident, alert.sequence, to_string(alert.event));
}

std::string command_of(const Alert& alert) {
  if (alert.kind == kProductKind) return "faultline status";
  return fmt::format("faultline incident show {}", alert.incident);
}

std::string alert_json(const Alert& alert) {
  Json json{{"schema", "faultline.alert/1"}, {"event", to_string(alert.event)}};
  json["incident"] = alert.incident;
  json["sequence"] = alert.sequence;
  json["idempotency_key"] = idempotency_key(alert);
  json["severity"] = to_string(alert.severity);
  json["summary"] = alert.summary;
  json["component"] = component_json(alert);
  json["class"] = alert.fault_class;
  json["posterior"] = alert.posterior;
  json["loss"] = or_null(alert.loss);
  json["loss_low"] = or_null(alert.loss_low);
  json["loss_high"] = or_null(alert.loss_high);
  json["delay_us"] = or_null(alert.delay_us);
  json["delay_p95_us"] = or_null(alert.delay_p95_us);
  json["mtu"] = alert.mtu ? Json(*alert.mtu) : Json(nullptr);
  json["since"] = or_null(alert.since);
  json["resolved_at"] = or_null(alert.resolved_at);
  json["resolution"] = or_null(alert.resolution);
  json["evidence"] = evidence_json(alert.evidence);
  json["counter_evidence"] = first(alert.counter_evidence, kCounterEvidenceShownMax);
  json["ambiguous_with"] = first(alert.ambiguous_with, kAmbiguousShownMax);
  json["affected_nodes"] = first(alert.affected_nodes, kAffectedNodesShownMax);
  json["affected_nodes_total"] = alert.affected_nodes.size() + alert.affected_nodes_omitted;
  json["affected_vms"] = first(alert.affected_vms, kAffectedNodesShownMax);
  json["affected_racks"] = first(alert.affected_racks, kAffectedNodesShownMax);
  json["affected_zones"] = first(alert.affected_zones, kAffectedNodesShownMax);
  json["remedy"] = remedy_json(alert.remedy);
  json["changes"] = changes_json(alert);
  json["confirmation"] = confirmation_json(alert);
  json["acknowledged_by"] = or_null(alert.acknowledged_by);
  json["labels"] = labels_json(alert);
  json["command"] = command_of(alert);
  json["link"] = or_null(alert.link);
  json["generated_at"] = format_rfc3339(alert.generated_at);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace faultline::notify
