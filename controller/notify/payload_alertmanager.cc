// Alertmanager, API v2: POST /api/v2/alerts, a list of postableAlert (its OpenAPI document).
//
// An alert is what its labels say: a label that changes makes another alert, and the old one stays.
// So the labels are those that an incident keeps for life, and the severity, which may change: with
// every update the alerts of the same incident and another severity are ended. What else is known
// goes into the annotations, the newest of which Alertmanager shows.
//
// It forgets every alert when it restarts, and ends those whose `endsAt` has passed. The controller
// repeats what is open (core/telling.h), and `endsAt` lies kOpenFor ahead: a controller that is
// down for an hour must not look like a network that has healed.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/notify/payload.h"

namespace faultline::notify {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration kOpenFor = std::chrono::hours{24};
// What ended, ended so long ago: to an Alertmanager whose clock is behind, an end in its future is
// no end, and the alert would stand for kOpenFor.
constexpr Duration kEndMargin = std::chrono::minutes{5};

Json labels_of(const Receiver& receiver, const Alert& alert, AlertSeverity severity) {
  Json labels(receiver.labels);
  labels["alertname"] = alert.kind == kProductKind ? "FaultlineProduct" : "FaultlineIncident";
  labels["incident"] = alert.incident;
  labels["severity"] = to_string(severity);
  return labels;
}

// Empty values would be labels that are not there.
Json annotations_of(const Receiver& receiver, const Alert& alert) {
  Json annotations{{"summary", summary_of(receiver, alert)},
                   {"component", alert.component},
                   {"kind", alert.kind},
                   {"class", alert.fault_class},
                   {"evidence", evidence_sentence(alert)},
                   {"command", command_of(alert)}};
  if (alert.remedy) annotations["remedy"] = remedy_sentence(alert);
  if (const auto loss = loss_sentence(alert); !loss.empty()) annotations["loss"] = loss;
  if (const auto harm = harm_sentence(alert); !harm.empty()) annotations["harm"] = harm;
  if (const auto blast = blast_sentence(alert); !blast.empty()) {
    annotations["blast_radius"] = blast;
  }
  if (const auto test = confirmation_sentence(alert); !test.empty()) {
    annotations["confirmation"] = test;
  }
  if (!alert.resolution.empty()) annotations["resolution"] = alert.resolution;
  if (!alert.changes.empty()) {
    annotations["changes"] = fmt::format("{}", fmt::join(change_sentences(alert), "\n"));
  }
  if (!alert.acknowledged_by.empty()) annotations["acknowledged_by"] = alert.acknowledged_by;
  if (!alert.link.empty()) annotations["link"] = alert.link;
  return annotations;
}

Json postable(const Receiver& receiver, const Alert& alert, AlertSeverity severity, WallTime end) {
  Json json{{"labels", labels_of(receiver, alert, severity)},
            {"annotations", annotations_of(receiver, alert)}};
  const auto start = std::min(alert.since.value_or(alert.generated_at), end);
  json["startsAt"] = format_rfc3339(start);
  json["endsAt"] = format_rfc3339(end);
  if (!alert.link.empty()) json["generatorURL"] = alert.link;
  return json;
}

}  // namespace

std::string alertmanager_body(const Receiver& receiver, const Alert& alert) {
  const auto now = alert.generated_at;
  const auto past = now - kEndMargin;
  const bool resolved = alert.event == AlertEvent::kResolved;
  auto alerts = Json::array(
      {postable(receiver, alert, alert.severity,
                resolved ? std::min(alert.resolved_at.value_or(past), past) : now + kOpenFor)});
  if (alert.event != AlertEvent::kOpened) {
    for (const auto other :
         {AlertSeverity::kWarning, AlertSeverity::kError, AlertSeverity::kCritical}) {
      if (other != alert.severity) alerts.push_back(postable(receiver, alert, other, past));
    }
  }
  return alerts.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace faultline::notify
