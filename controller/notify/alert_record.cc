// The alert read back from its body: the outbox keeps that, and nothing else of it.
#include <nlohmann/json.hpp>

#include "controller/notify/alert.h"

namespace faultline::notify {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at == json.end() || at->is_null() ? std::string() : at->get<std::string>();
}

std::optional<double> number_of(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at == json.end() || at->is_null() ? std::nullopt : std::optional(at->get<double>());
}

std::optional<WallTime> time_of(const Json& json, const char* key) {
  return parse_rfc3339(text_of(json, key));
}

std::optional<AlertEvent> parse_event(std::string_view text) {
  for (const auto event : {AlertEvent::kOpened, AlertEvent::kUpdated, AlertEvent::kAcknowledged,
                           AlertEvent::kResolved}) {
    if (text == to_string(event)) return event;
  }
  return std::nullopt;
}

// The number between the incident and the event: bodies of before 1.1 have it nowhere else.
std::uint32_t sequence_in_key(const Json& json) {
  const auto key = text_of(json, "idempotency_key");
  const auto last = key.rfind('-');
  if (last == std::string::npos || last == 0) return 0;
  const auto before = key.rfind('-', last - 1);
  if (before == std::string::npos) return 0;
  return static_cast<std::uint32_t>(std::strtoul(key.c_str() + before + 1, nullptr, 10));
}

AlertEvidence evidence_of(const Json& json) {
  return {.bad_flows = json.at("bad_flows").get<std::uint64_t>(),
          .bad_flows_crossing = json.at("bad_flows_crossing").get<std::uint64_t>(),
          .good_flows_crossing = json.at("good_flows_crossing").get<std::uint64_t>(),
          .good_flows = json.at("good_flows").get<std::uint64_t>()};
}

// Members that bodies of before do not have.
void read_newer(const Json& json, Alert& alert) {
  if (!json.contains("changes")) return;
  alert.delay_us = number_of(json, "delay_us");
  alert.delay_p95_us = number_of(json, "delay_p95_us");
  if (!json.at("mtu").is_null()) alert.mtu = json.at("mtu").get<std::uint32_t>();
  alert.counter_evidence = json.at("counter_evidence").get<std::vector<std::string>>();
  alert.affected_vms = json.at("affected_vms").get<std::vector<std::string>>();
  alert.affected_racks = json.at("affected_racks").get<std::vector<std::string>>();
  alert.affected_zones = json.at("affected_zones").get<std::vector<std::string>>();
  alert.acknowledged_by = text_of(json, "acknowledged_by");
  for (const auto& change : json.at("changes")) {
    alert.changes.push_back({.time = time_of(change, "time").value(),
                             .kind = text_of(change, "kind"),
                             .subject = text_of(change, "subject"),
                             .before = text_of(change, "before"),
                             .after = text_of(change, "after")});
  }
  const auto remedy = json.find("remedy");
  if (remedy == json.end() || remedy->is_null()) return;
  alert.remedy = AlertRemedy{.evidence = remedy->at("evidence").get<std::vector<std::string>>(),
                             .text = text_of(*remedy, "text"),
                             .command = text_of(*remedy, "command"),
                             .run_on = text_of(*remedy, "run_on")};
}

std::optional<AlertConfirmation> confirmation_of(const Json& json) {
  const auto at = json.find("confirmation");
  if (at == json.end() || at->is_null()) return std::nullopt;
  return AlertConfirmation{.component = text_of(*at, "component"),
                           .outcome = text_of(*at, "outcome"),
                           .before = at->at("before").get<double>(),
                           .after = at->at("after").get<double>(),
                           .packets = at->at("packets").get<std::uint64_t>()};
}

Alert alert_of(const Json& json) {
  Alert alert;
  alert.event = parse_event(text_of(json, "event")).value();
  alert.incident = json.at("incident").get<std::string>();
  alert.sequence = json.value("sequence", sequence_in_key(json));
  alert.severity =
      parse_severity(json.value("severity", std::string())).value_or(AlertSeverity::kError);
  const auto& component = json.at("component");
  alert.kind = text_of(component, "kind");
  alert.component = text_of(component, "id");
  alert.from = text_of(component, "from");
  alert.to = text_of(component, "to");
  alert.fault_class = text_of(json, "class");
  alert.posterior = number_of(json, "posterior").value_or(0);
  alert.loss = number_of(json, "loss");
  alert.loss_low = number_of(json, "loss_low");
  alert.loss_high = number_of(json, "loss_high");
  alert.since = time_of(json, "since");
  alert.resolved_at = time_of(json, "resolved_at");
  alert.resolution = text_of(json, "resolution");
  alert.summary = text_of(json, "summary");
  alert.evidence = evidence_of(json.at("evidence"));
  alert.ambiguous_with = json.at("ambiguous_with").get<std::vector<std::string>>();
  alert.affected_nodes = json.at("affected_nodes").get<std::vector<std::string>>();
  const auto total = json.at("affected_nodes_total").get<std::size_t>();
  alert.affected_nodes_omitted = total - std::min(total, alert.affected_nodes.size());
  if (const auto labels = json.find("labels"); labels != json.end()) {
    alert.labels = labels->get<std::map<std::string, std::vector<std::string>>>();
  }
  alert.link = text_of(json, "link");
  read_newer(json, alert);
  alert.confirmation = confirmation_of(json);
  alert.generated_at = time_of(json, "generated_at").value();
  return alert;
}

}  // namespace

Result<Alert> alert_from_json(std::string_view body) {
  try {
    return alert_of(Json::parse(body));
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorCode::kCorrupt, std::string{"an alert is unreadable: "} + error.what());
  } catch (const std::bad_optional_access&) {
    return fail(ErrorCode::kCorrupt, "an alert is unreadable: its event or its time is unknown");
  }
}

}  // namespace faultline::notify
