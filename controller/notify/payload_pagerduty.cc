// PagerDuty, Events API v2: POST /v2/enqueue (its OpenAPI document, "PagerDuty V2 Events API").
//
// `dedup_key` is the incident: an update triggers the same alert again, a resolve closes it.
// `payload` is required for triggers only, and summary, source and severity are required in it. A
// summary of more than 1024 characters is refused.
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
  if (alert.loss) details["loss"] = loss_sentence(alert);
  if (alert.since) details["since"] = format_rfc3339(*alert.since);
  if (!alert.ambiguous_with.empty()) details["ambiguous_with"] = alert.ambiguous_with;
  return details;
}

}  // namespace

std::string pagerduty_body(const Receiver& receiver, const Alert& alert) {
  const bool resolved = alert.event == AlertEvent::kResolved;
  Json event{{"routing_key", receiver.secret},
             {"event_action", resolved ? "resolve" : "trigger"},
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
