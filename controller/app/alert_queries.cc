// AppBackend's answers about alerts that wait, are given up, or are tests.
#include <fmt/format.h>

#include "common/async/clock.h"
#include "controller/app/backend.h"

namespace faultline::app {
namespace {

api::AlertView alert_view(const notify::OutboxEntry& entry) {
  api::AlertView view{.id = entry.id,
                      .receiver = entry.receiver,
                      .incident = entry.incident,
                      .event = {},
                      .severity = {},
                      .summary = {},
                      .created_at = entry.created_at,
                      .attempts = entry.attempts,
                      .last_error = entry.last_error};
  if (const auto alert = notify::alert_from_json(entry.body)) {
    view.incident = alert->incident;
    view.event = to_string(alert->event);
    view.severity = to_string(alert->severity);
    view.summary = alert->summary;
  }
  return view;
}

api::ReceiverView receiver_view(const notify::LineView& line, const OutboxView& outbox,
                                const std::map<std::string, std::string>& kinds) {
  const auto kind = kinds.find(line.receiver);
  const auto next = outbox.next.find(line.receiver);
  return {.name = line.receiver,
          .kind = kind == kinds.end() ? "removed" : kind->second,
          .waiting = line.waiting,
          .in_flight = line.in_flight,
          .oldest_at = line.oldest,
          .next_at = next == outbox.next.end() ? std::nullopt : std::optional(next->second),
          .attempts = line.attempts,
          .last_error = line.last_error,
          .delivered = line.delivered,
          .delivered_at = line.delivered_at};
}

}  // namespace

Result<api::AlertsView> AppBackend::alerts() const {
  const auto snapshot = snapshots_.snapshot();
  api::AlertsView view;
  view.troubles = snapshot->watchdog;
  if (snapshot->alerts == nullptr) return view;
  const auto& outbox = *snapshot->alerts;
  for (const auto& line : outbox.lines) {
    view.receivers.push_back(receiver_view(line, outbox, options_.receiver_kinds));
  }
  for (const auto& entry : outbox.waiting) view.waiting.push_back(alert_view(entry));
  view.waiting_omitted = outbox.waiting_total - outbox.waiting.size();
  for (const auto& entry : outbox.dead) view.dead.push_back(alert_view(entry));
  return view;
}

Result<api::AlertTestView> AppBackend::test_receiver(std::string_view name, bool resolve) {
  const auto started = async::now_instant();
  const auto event = resolve ? notify::AlertEvent::kResolved : notify::AlertEvent::kOpened;
  auto answer = test_(std::string(name), event);
  while (answer.wait_for(kStopCheck) != std::future_status::ready) {
    const bool late = async::now_instant() - started > kTestTimeout;
    if (stopping_ || late) {
      return fail(ErrorCode::kUnavailable,
                  late ? "the receiver did not answer in time" : "the controller is stopping");
    }
  }
  FAULTLINE_TRY(const auto outcome, answer.get());
  const std::chrono::duration<double, std::milli> took = async::now_instant() - started;
  return api::AlertTestView{.receiver = std::string(name),
                            .event = std::string(to_string(event)),
                            .delivered = outcome.result == notify::DeliveryResult::kDelivered,
                            .answer = outcome.text,
                            .took_ms = took.count()};
}

}  // namespace faultline::app
