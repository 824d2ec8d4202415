// What an Exchange has to tell, in order.
#include <utility>

#include "probe/engine/exchange.h"

namespace faultline::engine {

void Exchange::read_receipts(const ReceiptsOrder& order) {
  ReceiptsRead read{.asker = order.asker, .receipts = {.request = order.request.request}};
  for (const auto& session : order.request.sessions) {
    if (const auto record = reflector_.record_of(order.address, session)) {
      read.receipts.records.push_back(*record);
    }
  }
  receipts_read_.push_back(std::move(read));
}

std::optional<EngineEvent> Exchange::take_event(session::Now seen) {
  if (!refused_traces_.empty()) {
    EngineEvent event = std::move(refused_traces_.front());
    refused_traces_.pop_front();
    return event;
  }
  if (std::exchange(heard_asked_, false)) {
    return EngineEvent(HeardTold{.heard = heard_.told(), .forgotten = heard_.forgotten()});
  }
  if (auto result = tracer_.take_result(seen.instant)) return EngineEvent(std::move(*result));
  if (const auto hint = sender_.take_hint(seen)) {
    tally_.hints.add();
    return EngineEvent(*hint);
  }
  if (!receipts_read_.empty()) {
    EngineEvent event = std::move(receipts_read_.front());
    receipts_read_.pop_front();
    return event;
  }
  auto question = sender_.take_question(seen);
  tally_.receipt_sessions_shed.add(sender_.take_unasked());
  if (question) {
    tally_.receipt_questions.add();
    return EngineEvent(std::move(*question));
  }
  if (auto report = sender_.take_report(seen)) return EngineEvent(WindowClosed{std::move(*report)});
  if (finishing_ && !sender_.has_open_windows()) {
    finishing_ = false;
    return EngineEvent(MeasuringEnded{});
  }
  return std::nullopt;
}

}  // namespace faultline::engine
