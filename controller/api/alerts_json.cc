#include "controller/api/alerts_json.h"

#include "controller/api/json_parts.h"

namespace faultline::api {
namespace {

Json json(const ReceiverView& receiver) {
  return {{"name", receiver.name},
          {"kind", receiver.kind},
          {"waiting", receiver.waiting},
          {"in_flight", receiver.in_flight},
          {"oldest_at", or_null(receiver.oldest_at)},
          {"next_at", or_null(receiver.next_at)},
          {"attempts", receiver.attempts},
          {"last_error", or_null(receiver.last_error)},
          {"delivered", receiver.delivered},
          {"delivered_at", or_null(receiver.delivered_at)}};
}

Json json(const AlertView& alert) {
  return {{"id", alert.id},
          {"receiver", alert.receiver},
          {"incident", or_null(alert.incident)},
          {"event", or_null(alert.event)},
          {"severity", or_null(alert.severity)},
          {"summary", or_null(alert.summary)},
          {"created_at", format_rfc3339(alert.created_at)},
          {"attempts", alert.attempts},
          {"last_error", or_null(alert.last_error)}};
}

}  // namespace

std::string alerts_json(const AlertsView& alerts) {
  return text({{"schema", "faultline.alerts/1"},
               {"receivers", list(alerts.receivers, json)},
               {"waiting", list(alerts.waiting, json)},
               {"waiting_omitted", alerts.waiting_omitted},
               {"dead", list(alerts.dead, json)},
               {"troubles", alerts.troubles}});
}

std::string alert_test_json(const AlertTestView& test) {
  return text({{"schema", "faultline.alert_test/1"},
               {"receiver", test.receiver},
               {"event", test.event},
               {"delivered", test.delivered},
               {"answer", test.answer},
               {"took_ms", test.took_ms}});
}

}  // namespace faultline::api
