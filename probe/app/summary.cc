#include "probe/app/summary.h"

#include <cstdint>
#include <string_view>

#include <fmt/format.h>

namespace faultline::probe_app {
namespace {

class Line {
 public:
  void add(std::string_view name, std::uint64_t value) {
    if (value == 0) return;
    text_ += fmt::format("{}{}={}", text_.empty() ? "" : " ", name, value);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_engine(Line& line, const engine::EngineCounters& counters) {
  line.add("sent", counters.sent);
  line.add("replies", counters.replies);
  line.add("reflected", counters.reflected);
  line.add("replies_unmatched", counters.replies_unmatched);
  line.add("replies_forged", counters.replies_forged);
  line.add("reflector_refused", counters.reflector_refused);
  line.add("reflector_forged", counters.reflector_forged);
  line.add("reflector_open_refused", counters.reflector_open_refused);
  line.add("reflector_limited", counters.reflector_limited);
  line.add("reflector_evicted", counters.reflector_evicted);
  line.add("malformed", counters.malformed);
  line.add("icmp_errors", counters.icmp_errors);
  line.add("send_failures", counters.send_failures);
  line.add("receive_drops", counters.receive_drops);
  line.add("plans_refused_by_engine", counters.plans_refused);
  line.add("traces_refused_by_engine", counters.traces_refused);
  line.add("hints", counters.hints);
  line.add("size_checks_refused", counters.size_checks_refused);
  line.add("receipt_questions", counters.receipt_questions);
  line.add("receipt_sessions_shed", counters.receipt_sessions_shed);
  line.add("events_dropped", counters.events_dropped);
  line.add("results_dropped", counters.results_dropped);
}

void add_tracer(Line& line, const probe_core::TracerCounters& counters) {
  line.add("trace_visits", counters.visits);
  line.add("trace_visits_hurried", counters.visits_hurried);
  line.add("trace_hints_crowded", counters.hints_crowded);
  line.add("paths_forward", counters.paths_forward);
  line.add("paths_return", counters.paths_return);
  line.add("ways_changed", counters.ways_changed);
  line.add("trace_requests_answered", counters.requests_answered);
  line.add("trace_requests_busy", counters.requests_busy);
  line.add("trace_requests_refused", counters.requests_refused);
  line.add("trace_asks_busy", counters.asks_busy);
  line.add("trace_asks_refused", counters.asks_refused);
  line.add("trace_asks_unsent", counters.asks_unsent);
  line.add("trace_timeouts", counters.timeouts);
  line.add("traces_empty", counters.empty);
  line.add("traces_unmatched", counters.unmatched);
  line.add("trace_orders_refused", counters.orders_refused);
  line.add("paths_dropped", counters.paths_dropped);
  line.add("mesh_untrusted", counters.untrusted);
  line.add("mesh_incompatible", counters.incompatible);
}

void add_exchanges(Line& line, const probe_core::ProbeCore& core) {
  const auto& detour = core.detour().counters();
  line.add("detours_asked", detour.asked);
  line.add("detours_refused", detour.refused);
  line.add("detours_unanswered", detour.unanswered);
  line.add("detours", detour.opened);
  line.add("detours_broken", detour.broken);
  line.add("detours_postponed", detour.postponed);
  line.add("detour_batches", detour.batches);
  line.add("detour_acks", detour.acks);
  line.add("detour_acks_refused", detour.acks_refused);
  line.add("detour_unmatched", detour.unmatched);
  const auto& receipts = core.receipts().counters();
  line.add("receipts_asked", receipts.asked);
  line.add("receipts_unsent", receipts.unsent);
  line.add("receipts_answers", receipts.answers);
  line.add("receipts_served", receipts.served);
  line.add("receipts_shed", receipts.shed);
  line.add("receipts_unasked", receipts.unasked);
  const auto& relay = core.relay().counters();
  line.add("relay_asked", relay.asked);
  line.add("relay_ready", relay.ready);
  line.add("relay_batches", relay.batches);
  line.add("relay_batches_shed", relay.batches_shed);
  line.add("relay_acks", relay.acks);
  line.add("relay_acks_unmatched", relay.acks_unmatched);
}

void add_core(Line& line, const probe_core::ProbeCore& core) {
  line.add("reports", core.counters().reports);
  line.add("results_lost", core.counters().results_lost);
  line.add("controller_malformed", core.counters().controller_malformed);
  line.add("controller_unknown_kind", core.counters().controller_unknown_kind);
  line.add("mesh_malformed", core.counters().mesh_malformed);
  line.add("mesh_unknown_kind", core.counters().mesh_unknown_kind);
  line.add("batches_sent", core.delivery().counters().batches_sent);
  line.add("batch_acks", core.delivery().counters().acks);
  line.add("batch_rewinds", core.delivery().counters().rewinds);
  line.add("facts_sent", core.facts().counters().sent);
  line.add("facts_hurried", core.facts().counters().hurried);
  line.add("facts_lost", core.facts().counters().lost);
  line.add("heartbeats", core.uplink().counters().heartbeats);
  line.add("links_opened", core.uplink().counters().links_opened);
  line.add("links_lost", core.uplink().counters().links_lost);
  line.add("refusals", core.uplink().counters().refusals);
  line.add("unexpected", core.uplink().counters().unexpected);
  line.add("plans_accepted", core.plan().counters().accepted);
  line.add("plans_refused", core.plan().counters().refused);
  line.add("leases_ended", core.plan().counters().leases_ended);
  line.add("boosts", core.plan().counters().boosts);
  line.add("boosts_refused", core.plan().counters().boosts_refused);
}

void add_mesh(Line& line, const mesh::MeshCounters& counters) {
  line.add("mesh_received", counters.received.value());
  line.add("mesh_sent", counters.sent.value());
  line.add("mesh_dialed", counters.dialed.value());
  line.add("mesh_dial_failures", counters.dial_failures.value());
  line.add("mesh_evicted", counters.evicted.value());
  line.add("mesh_outbox_full", counters.outbox_full.value());
  line.add("mesh_outbox_expired", counters.outbox_expired.value());
  line.add("mesh_no_way", counters.no_way.value());
}

}  // namespace

std::string summarize(const CounterSources& sources) {
  Line line;
  add_engine(line, sources.engine.counters());
  add_core(line, sources.core);
  add_tracer(line, sources.core.tracer().counters());
  add_exchanges(line, sources.core);
  add_mesh(line, sources.mesh.counters());
  line.add("link_not_taken", sources.link.counters().not_taken.value());
  return line.take();
}

}  // namespace faultline::probe_app
