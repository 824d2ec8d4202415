// PagerDuty, Events API v2: POST /v2/enqueue (its OpenAPI document, "PagerDuty V2 Events API").
//
// `dedup_key` is the incident: an update triggers the same alert again, an acknowledgement stops
// its escalation, a resolve closes it. `payload` is required for triggers only, and summary, source
// and severity are required in it. A summary of more than 1024 characters is refused.
#include <nlohmann/json.hpp>

#include "controller/notify/payload.h"

namespace faultline::notify {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kSummaryBytesMax = 1024;
constexpr std::size_t kDedupKeyBytesMax = 255;

Json details(const Alert& alert) {
  Json details{
      {"event", to_string(alert.event)},
      {"posterior", alert.posterior},
      {"evidence", evidence_sentence(alert)},
      {"command", command_of(alert)},
      {"affected_nodes", alert.affected_nodes},
      {"affected_nodes_total", alert.affected_nodes.size() + alert.affected_nodes_omitted}};
  if (alert.remedy) details["remedy"] = remedy_sentence(alert);
  if (alert.loss) details["loss"] = loss_sentence(alert);
  if (const auto harm = harm_sentence(alert); !harm.empty()) details["harm"] = harm;
  if (const auto blast = blast_sentence(alert); !blast.empty()) details["blast_radius"] = blast;
  if (!alert.counter_evidence.empty()) details["counter_evidence"] = alert.counter_evidence;
  if (const auto test = confirmation_sentence(alert); !test.empty()) details["confirmation"] = test;
  if (!alert.resolution.empty()) details["resolution"] = alert.resolution;
  if (!alert.changes.empty()) details["changes"] = change_sentences(alert);
  if (alert.since) details["since"] = format_rfc3339(*alert.since);
  if (!alert.ambiguous_with.empty()) details["ambiguous_with"] = alert.ambiguous_with;
  return details;
}

std::string_view action_of(AlertEvent event) {
  if (event == AlertEvent::kResolved) return "resolve";
  return event == AlertEvent::kAcknowledged ? "acknowledge" : "trigger";
}

}  // namespace

std::string pagerduty_body(const Receiver& receiver, const Alert& alert) {
  Json event{{"routing_key", receiver.secret},
             {"event_action", action_of(alert.event)},
             {"dedup_key", shortened(alert.incident, kDedupKeyBytesMax)}};
  event["payload"] = Json{{"summary", shortened(summary_of(receiver, alert), kSummaryBytesMax)},
                          {"source", alert.component},
                          {"severity", to_string(alert.severity)},
                          {"timestamp", format_rfc3339(alert.generated_at)},
                          {"component", alert.component},
                          {"group", alert.kind},
                          {"class", alert.fault_class},
                          {"custom_details", details(alert)}};
  event["client"] = "Faultline";
  if (!alert.link.empty()) {
    event["client_url"] = alert.link;
    event["links"] = Json::array({Json{{"href", alert.link}, {"text", alert.incident}}});
  }
  return event.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace faultline::notify
