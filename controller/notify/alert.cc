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

}  // namespace

std::string_view to_string(AlertEvent event) {
  switch (event) {
    case AlertEvent::kOpened:
      return "opened";
    case AlertEvent::kUpdated:
      return "updated";
    case AlertEvent::kResolved:
      return "resolved";
  }
  return "unknown";
}

std::string idempotency_key(const Alert& alert) {
  return fmt::format("{}-{}-{}", alert.incident, alert.sequence, to_string(alert.event));
}

std::string alert_json(const Alert& alert) {
  const auto shown = std::min(alert.affected_nodes.size(), kAffectedNodesShownMax);
  const std::vector<std::string> affected(
      alert.affected_nodes.begin(),
      alert.affected_nodes.begin() + static_cast<std::ptrdiff_t>(shown));
  Json json{{"schema", "faultline.alert/1"}, {"event", to_string(alert.event)}};
  json["incident"] = alert.incident;
  json["idempotency_key"] = idempotency_key(alert);
  json["summary"] = alert.summary;
  json["component"] = component_json(alert);
  json["class"] = alert.fault_class;
  json["posterior"] = alert.posterior;
  json["loss"] = or_null(alert.loss);
  json["loss_low"] = or_null(alert.loss_low);
  json["loss_high"] = or_null(alert.loss_high);
  json["since"] = or_null(alert.since);
  json["resolved_at"] = or_null(alert.resolved_at);
  json["evidence"] = evidence_json(alert.evidence);
  json["ambiguous_with"] = Json(alert.ambiguous_with);
  json["affected_nodes"] = Json(affected);
  json["affected_nodes_total"] = alert.affected_nodes.size();
  json["command"] = fmt::format("faultline incident show {}", alert.incident);
  json["generated_at"] = format_rfc3339(alert.generated_at);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace faultline::notify
