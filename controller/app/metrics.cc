#include "controller/app/metrics.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "common/obs/process_metrics.h"
#include "controller/app/group_metrics.h"
#include "controller/app/test_metrics.h"

namespace faultline::app {
namespace {

using obs::MetricRegistry;

void expose_fleet(const Snapshot& snapshot, MetricRegistry& registry) {
  const auto count = [&](const char* state, std::uint64_t value) {
    registry.expose_gauge({"faultline_nodes",
                           "Nodes by state; silent above zero: their machines or probes are gone.",
                           {{"state", state}}},
                          [value] { return static_cast<double>(value); });
  };
  count("total", snapshot.status.nodes.total);
  count("live", snapshot.status.nodes.live);
  count("silent", snapshot.status.nodes.silent);
  count("joined", snapshot.extremes.nodes_joined);
  count("restarting", snapshot.status.nodes.restarting);
}

void expose_value(const char* name, const char* help, double value, MetricRegistry& registry) {
  const auto read = [value] { return value; };
  if (std::string_view(name).ends_with("_total")) {
    registry.expose_counter({name, help}, read);
  } else {
    registry.expose_gauge({name, help}, read);
  }
}

void expose_questions(const Snapshot& snapshot, MetricRegistry& registry) {
  for (const auto condition :
       {core::Condition::kUnknown, core::Condition::kProbeDown, core::Condition::kNodeDown,
        core::Condition::kUplink, core::Condition::kControllerWay, core::Condition::kReachable}) {
    const auto found = snapshot.reach_counts.find(condition);
    const auto value = found == snapshot.reach_counts.end() ? 0 : found->second;
    registry.expose_gauge({"faultline_nodes_in_question",
                           "Nodes that are not heard, or at which all is lost, by what others say "
                           "of them; above zero "
                           "is trouble of theirs; unknown for long: nobody can be asked.",
                           {{"condition", std::string(to_string(condition))}}},
                          [value] { return static_cast<double>(value); });
  }
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_value(name, help, static_cast<double>(value), registry);
  };
  expose("faultline_inquiry_rounds_total",
         "Rounds in which others were asked whether they reach a node.", snapshot.inquiries.rounds);
  expose("faultline_inquiry_rounds_unknown_total",
         "Rounds in which nobody could say anything; growing: probes too old, busy or cut off.",
         snapshot.inquiries.rounds_unknown);
  expose("faultline_inquiry_delays_total",
         "Ticks in which a due round waited for a limit; growing: too much is in question at once.",
         snapshot.inquiries.rounds_delayed);
  expose(
      "faultline_inquiry_nodes_refused_total",
      "Ticks in which a node was beyond those in question at once; above zero: most of the fleet "
      "is gone.",
      snapshot.inquiries.cases_refused);
  expose("faultline_inquiry_orders_total", "Tests ordered to ask others about a node.",
         snapshot.inquiry_orders.ordered);
  expose("faultline_inquiry_orders_unanswered_total",
         "Of these, those that nobody answered; growing: who is asked is cut off.",
         snapshot.inquiry_orders.given_up);
  expose("faultline_nodes_relayed",
         "Nodes that are cut off and report by way of another; above zero is trouble of theirs.",
         snapshot.nodes_relayed);
  expose("faultline_relayed_batches_total", "Batches that another node brought.",
         snapshot.relays.batches);
  expose("faultline_relayed_refused_total",
         "Of a key that is not trusted, or not sealed by it; growing: a relay that forges, or a "
         "revoked node that goes on.",
         snapshot.relays.refused);
  expose("faultline_relayed_shed_total",
         "Beyond a limit, to be sent again; growing: much of the fleet is cut off.",
         snapshot.relays.shed);
}

void expose_snapshot(const Snapshot& s, MetricRegistry& registry) {
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_value(name, help, static_cast<double>(value), registry);
  };
  expose("faultline_sessions_planned", "STAMP sessions in all plans.", s.status.sessions.planned);
  expose("faultline_sessions_reporting",
         "Sessions with a result in the window judged last; well below planned is trouble.",
         s.status.sessions.reporting);
  expose("faultline_suspects", "Components accused in the window judged last.",
         s.status.suspects.size());
  expose("faultline_windows_judged_total", "Windows judged; standing still is trouble.",
         s.core.windows_judged);
  expose("faultline_windows_without_data_total",
         "Windows with too little data to call anything healthy; growing is trouble.",
         s.incidents.windows_without_data);
  expose("faultline_restarts_excused_total", "Restarts of probes that were taken for no fault.",
         s.fleet.absences);
  expose("faultline_restarts_not_excused_total",
         "Restarts over the limit per hour; above zero: a probe restarts in a loop.",
         s.fleet.absences_refused);
  expose("faultline_observations_excused_total",
         "Sessions' windows that were not judged: an end was restarting, or its probe was down.",
         s.core.observations_excused);
  expose("faultline_ingest_batches_total", "Batches stored durably.", s.intake.batches);
  expose("faultline_ingest_duplicates_total", "Batches received again and not stored again.",
         s.intake.duplicates);
  expose("faultline_ingest_malformed_total", "Payloads that are no report; above zero is trouble.",
         s.intake.malformed);
  expose("faultline_ingest_refused_total", "Batches that no probe sends; above zero is trouble.",
         s.intake.refused);
  expose("faultline_ingest_shed_total", "Batches dropped for want of room; probes resend them.",
         s.intake.shed);
  expose("faultline_ingest_moved_total",
         "Windows moved in time because their prober's clock is wrong.", s.intake.moved);
  expose("faultline_ingest_doubtful_total",
         "Windows of a clock that is wrong by nobody knows how much: not taken in yet.",
         s.intake.doubtful);
  expose("faultline_ingest_gaps_total", "Gap records of probes' spools.", s.intake.gaps);
  expose("faultline_ingest_results_dropped_total",
         "Results that probes' spools had to drop; above zero is lost history.",
         s.intake.results_dropped);
  expose("faultline_store_append_failures_total", "Failed appends; above zero: look at the disk.",
         s.intake.append_failures);
  expose("faultline_store_document_failures_total",
         "Failed ledger commits; above zero: look at the disk.", s.document_failures);
  expose("faultline_alerts_waiting", "Alerts not delivered yet; growing: a receiver is down.",
         s.outbox_waiting);
  expose("faultline_alerts_delivered_total", "Alerts delivered.", s.outbox.delivered);
  expose("faultline_alerts_before_durable_total",
         "Alerts sent though the ledger could not be written; above zero: look at the disk.",
         s.core.alerts_before_durable);
  expose("faultline_alerts_dead_total", "Alerts given up; above zero: nobody was told.",
         s.outbox.dead);
}

// Who joins, greets and talks, and who is refused.
void expose_peers(const Snapshot& s, MetricRegistry& registry) {
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_value(name, help, static_cast<double>(value), registry);
  };
  expose("faultline_joins_accepted_total", "Nodes that joined.", s.fleet.joins_accepted);
  expose("faultline_joins_refused_total",
         "Refused joins; above zero: spent or expired tokens, or somebody who should not.",
         s.fleet.joins_refused);
  expose("faultline_hellos_refused_total",
         "Refused hellos; above zero: probes of another protocol version.", s.fleet.hellos_refused);
  expose("faultline_rekeys_total", "Nodes that have changed their keys.", s.fleet.rekeys_done);
  expose("faultline_rekeys_refused_total",
         "New keys of nodes that nobody asked for, or that are in use; above zero is trouble.",
         s.fleet.rekeys_refused);
  expose("faultline_controller_rekeys_total", "Changes of this controller's key.",
         s.core.controller_rekeys);
  expose("faultline_messages_malformed_total", "Frames that could not be decoded.",
         s.core.messages_malformed);
  expose("faultline_messages_unknown_kind_total", "Messages of a newer protocol, ignored.",
         s.core.messages_unknown_kind);
  expose("faultline_messages_untrusted_total", "Messages of revoked keys, refused.",
         s.core.messages_untrusted);
  expose("faultline_hellos_asked_total",
         "Probes asked to greet again, because they did not notice this controller's start.",
         s.core.hellos_asked);
}

void expose_incidents(const Snapshot& s, MetricRegistry& registry) {
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_value(name, help, static_cast<double>(value), registry);
  };
  expose("faultline_incidents_open", "Open incidents.", s.status.incidents_open);
  expose("faultline_incidents_opened_total", "Incidents opened.", s.incidents.opened);
  expose("faultline_incidents_resolved_total", "Incidents resolved.", s.incidents.resolved);
  expose("faultline_incidents_held_total",
         "Incidents that nobody was told of at first: maintenance, silences, what explains them.",
         s.incidents.held);
  expose("faultline_silences_active", "Silences and maintenance windows in force.",
         s.silences_active);
}

// Extra packets, and what they decided.
void expose_adaptive(const Snapshot& s, MetricRegistry& registry) {
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_value(name, help, static_cast<double>(value), registry);
  };
  expose("faultline_adaptive_tests", "Components that extra packets are spent on.",
         s.adaptive_tests);
  expose("faultline_adaptive_packets_total", "Extra packets that probes were allowed.",
         s.adaptive.packets);
  expose("faultline_adaptive_rounds_total", "Rounds of extra packets.", s.adaptive.rounds);
  expose("faultline_adaptive_rounds_paused_total",
         "Verdicts with open tests and no extra packets; growing: the fleet is unwell.",
         s.adaptive.rounds_paused);
  expose("faultline_adaptive_tests_confirmed_total", "Suspicions that extra packets confirmed.",
         s.adaptive.tests_confirmed);
  expose("faultline_adaptive_tests_cleared_total", "Suspicions that extra packets cleared.",
         s.adaptive.tests_cleared);
  expose("faultline_adaptive_tests_given_up_total",
         "Suspicions that extra packets could not decide; growing: there are too few flows.",
         s.adaptive.tests_given_up);
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// What the solver keeps from window to window, and what it could not take.
void expose_stream(const Snapshot& s, MetricRegistry& registry) {
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_value(name, help, static_cast<double>(value), registry);
  };
  const auto live = s.solution == nullptr ? core::LiveFigures() : s.solution->live;
  expose("faultline_stream_flows", "Flows, by direction, that counts are kept of.", live.flows);
  expose("faultline_stream_rows_refused_total",
         "Flows' windows refused for want of room; above zero: the fleet is too large.",
         live.rows_refused);
  expose("faultline_stream_rows_late_total",
         "Flows' windows older than the longest horizon; growing: spools drain very late.",
         live.rows_late);
  expose("faultline_stream_rows_taken_out_total",
         "Lossy flows' windows taken back: an end turned out to have been restarting.",
         live.rows_taken_out);
  expose("faultline_stream_renewals_total",
         "Times that all names were renewed; growing with every window: the topology is restless.",
         live.renewals);
  expose("faultline_windows_skipped_total",
         "Windows that were not judged on their own; growing: the solver does not keep up.",
         s.windows_skipped);
  expose("faultline_reports_recalled_total", "Reports read back from the store since the start.",
         s.core.reports_recalled);
}

// What a window says, and how old that is.
void expose_verdict(const Snapshot& s, MetricRegistry& registry) {
  // By both clocks: a wall clock that was set back makes no verdict young.
  const auto since = s.status.window_judged.value_or(s.status.started_at);
  const auto age = std::max<Duration>(s.status.generated_at - since, s.verdict_age);
  expose_value("faultline_verdict_age_seconds",
               "Since the end of the window judged last, or since the start; above a minute: "
               "nothing is judged.",
               std::max(0.0, seconds(age)), registry);
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_value(name, help, static_cast<double>(value), registry);
  };
  const auto verdict = s.solution == nullptr ? localize::Verdict() : s.solution->verdict;
  expose("faultline_window_packets", "Packets that the verdict rests on.", verdict.packets);
  expose("faultline_window_packets_lost", "Of those, lost.", verdict.lost);
  expose("faultline_unexplained_bad_flows",
         "Lossy flows that no suspect explains; more than a few for minutes: a fault that cannot "
         "be located.",
         verdict.unexplained_bad_flows);
  expose("faultline_paths_expected", "Flows whose path is to be known, per direction.",
         s.status.paths.expected);
  const auto known = [&](const char* direction, std::uint64_t value) {
    registry.expose_gauge({"faultline_paths_known",
                           "Flows whose path is known; well below expected: suspects are vague.",
                           {{"direction", direction}}},
                          [value] { return static_cast<double>(value); });
  };
  known("forward", s.status.paths.forward_known);
  known("return", s.status.paths.return_known);
  expose("faultline_reports_late_total",
         "Reports that came after their window was judged; growing: probes or the way here lag.",
         s.reports_late);
  expose("faultline_reports_late_refused_total",
         "Of these, left out of live verdicts for want of room; growing: a long outage ends.",
         s.reports_late_refused);
  expose("faultline_reports_refused_total",
         "Reports of windows in the future, or repeated; growing: a clock is wrong.",
         s.reports_refused);
}

// The fleet's worst node: `faultline node list` says which one it is.
void expose_extremes(const Snapshot& s, MetricRegistry& registry) {
  expose_value("faultline_clock_steps_total",
               "Times that the controller's own clock was set by more than a quarter of a window.",
               static_cast<double>(s.core.clock_steps), registry);
  expose_value("faultline_machine_sleeps_total",
               "Times that the controller's machine was suspended for more than a quarter of a "
               "window; nothing was judged meanwhile.",
               static_cast<double>(s.core.machine_sleeps), registry);
  expose_value("faultline_clock_offset_max_seconds",
               "Largest distance of a node's clock from ours; above a quarter of a window is "
               "trouble.",
               seconds(s.extremes.clock_offset_max), registry);
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_value(name, help, static_cast<double>(value), registry);
  };
  expose("faultline_spool_batches",
         "Batches that live probes keep until we have them; growing: ingest lags.",
         s.extremes.spool_batches);
  expose("faultline_spool_max_bytes",
         "The fullest live probe's spool; near its spool.size_max results are lost.",
         s.extremes.spool_bytes_max);
  expose("faultline_nodes_plan_refused", "Nodes that refused their newest plan; above zero.",
         s.extremes.plans_refused);
  expose("faultline_fleet_limit_refused_total",
         "Nodes and tokens refused because the fleet is full; above zero.", s.fleet.limit_refused);
}

void expose_store(const MetricSources& sources, MetricRegistry& registry) {
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_value(name, help, static_cast<double>(value), registry);
  };
  expose("faultline_store_bytes", "The store on disk, write-ahead log included.",
         sources.disk.bytes);
  expose("faultline_store_disk_free_bytes",
         "Left on the store's disk; at zero nothing is acknowledged any more.",
         sources.disk.bytes_free);
  expose("faultline_store_memory_bytes", "Its write buffers and its cache; bounded.",
         sources.store.bytes_in_memory);
  expose("faultline_store_damaged_places_total",
         "Places that could not be read and were skipped; above zero: the disk lies.",
         sources.store.damaged_places);
  expose("faultline_store_writable", "1; at 0 writes fail and probes spool: look at the disk.",
         sources.snapshot.status.store.state == "ok" ? 1 : 0);
  // From the form in which they came into the one in which they are kept.
  const auto& shell = sources.shell.counters();
  registry.expose({"faultline_store_sealed_reports_total",
                   "Reports moved into compressed blocks, within an hour; standing still for an "
                   "hour: look at the log."},
                  shell.sealed);
  registry.expose({"faultline_store_seal_slices_total",
                   "Steps in which they were moved; appends wait for one at most."},
                  shell.seal_slices);
  registry.expose({"faultline_store_sealed_again_total",
                   "Reports that came once more after they were moved, and were only removed."},
                  shell.sealed_repeated);
  registry.expose({"faultline_store_seal_failures_total",
                   "Times that reports could not be moved; growing: look at the disk."},
                  shell.seal_failures);
}

void expose_outbox(const MetricSources& sources, MetricRegistry& registry) {
  const auto& s = sources.snapshot;
  expose_value(
      "faultline_alerts_oldest_age_seconds",
      "Of the oldest alert not delivered yet; above a minute: a receiver is down.",
      s.outbox_oldest ? std::max(0.0, seconds(s.status.generated_at - *s.outbox_oldest)) : 0.0,
      registry);
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_value(name, help, static_cast<double>(value), registry);
  };
  expose("faultline_alerts_retried_total", "Attempts to deliver that failed and are repeated.",
         s.outbox.retried);
  expose("faultline_alerts_shed_total",
         "Alerts dropped because too many wait for one receiver; above zero: nobody was told.",
         s.outbox.shed);
  expose("faultline_alerts_superseded_total",
         "Updates not sent because a later alert of their incident says all that they do.",
         s.outbox.superseded);
  expose("faultline_watchdog_alarms",
         "Troubles of the product that are told; above zero: `faultline alert list` names them.",
         s.watchdog.size());
  const auto& shell = sources.shell.counters();
  registry.expose({"faultline_heartbeats_total", "Heartbeats that the dead man's switch took."},
                  shell.heartbeats);
  registry.expose({"faultline_heartbeats_failed_total",
                   "Heartbeats that were not taken; growing: the switch will go off."},
                  shell.heartbeats_failed);
}

void expose_api(const api::HttpServerCounters& api, MetricRegistry& registry) {
  const auto expose = [&](const char* name, const char* help, const obs::Counter& counter) {
    registry.expose({name, help}, counter);
  };
  expose("faultline_api_connections_total", "Connections of operators' tools.", api.connections);
  expose("faultline_api_connections_waited_total",
         "Times that no connection was accepted for want of room; growing: too many clients.",
         api.connections_waited);
  expose("faultline_api_connections_refused_total",
         "Connections closed because their address held too many; growing: a client that leaks.",
         api.connections_refused);
  expose("faultline_api_requests_total", "Requests.", api.requests);
  expose("faultline_api_refused_total", "Answers of 4xx.", api.refused);
  expose("faultline_api_failed_total", "Answers of 5xx; above zero: look at the log.", api.failed);
  expose("faultline_api_overloaded_total", "Requests that found a queue full, answered with 503.",
         api.overloaded);
  expose("faultline_api_malformed_total", "Requests that are not HTTP, or over a size limit.",
         api.malformed);
  expose("faultline_api_timeouts_total", "Peers too slow to send or to read.", api.timeouts);
  expose("faultline_api_unauthenticated_total",
         "Requests without a valid token; growing: an expired token, or somebody tries some.",
         api.unauthenticated);
  expose("faultline_api_forbidden_total", "Requests whose role was too little.", api.forbidden);
  expose("faultline_api_handshakes_failed_total",
         "TLS handshakes that failed; growing: plain HTTP, old clients, or a stranger.",
         api.handshakes_failed);
  expose("faultline_api_certificate_reloads_total", "Renewed certificates taken into use.",
         api.tls_reloads);
  expose("faultline_api_certificate_reload_failures_total",
         "Renewed certificates that cannot be used; above zero: the old one runs out.",
         api.tls_reload_failures);
  registry.expose({"faultline_api_certificate_expires_seconds",
                   "When the API's certificate expires, Unix time; 0 without TLS. Less than a week "
                   "ahead is trouble."},
                  api.tls_expires);
}

void expose_access(const AccessCounters& access, const api::HttpServerCounters& api,
                   MetricRegistry& registry) {
  registry.expose({"faultline_audit_changes_total", "Changes in the audit log."}, access.audited);
  registry.expose_counter(
      {"faultline_audit_failures_total",
       "Audit records that could not be written; above zero: look at the disk."},
      [&access, &api] {
        return static_cast<double>(access.audit_failures.value() + api.changes_unrecorded.value());
      });
  registry.expose_counter(
      {"faultline_audit_denials_skipped_total",
       "Denied attempts that were too many to be recorded; growing: somebody tries."},
      [&access, &api] {
        return static_cast<double>(access.denials_skipped.value() + api.denials_unrecorded.value());
      });
}

}  // namespace

std::string render_metrics(const MetricSources& sources) {
  MetricRegistry registry;
  expose_questions(sources.snapshot, registry);
  expose_fleet(sources.snapshot, registry);
  expose_snapshot(sources.snapshot, registry);
  expose_peers(sources.snapshot, registry);
  expose_tests(sources.snapshot, registry);
  expose_incidents(sources.snapshot, registry);
  expose_adaptive(sources.snapshot, registry);
  expose_verdict(sources.snapshot, registry);
  expose_stream(sources.snapshot, registry);
  expose_extremes(sources.snapshot, registry);
  expose_groups(sources.snapshot.solution.get(), sources.shell.groupings(), registry);
  expose_store(sources, registry);
  expose_outbox(sources, registry);
  expose_api(sources.api, registry);
  expose_access(sources.access, sources.api, registry);
  const auto& zap = sources.zap.counters();
  registry.expose({"faultline_handshakes_admitted_total", "CURVE handshakes admitted."},
                  zap.admitted);
  registry.expose({"faultline_handshakes_refused_total",
                   "Handshakes of unknown keys; growing steadily: a removed or foreign node."},
                  zap.refused_unknown);
  registry.expose({"faultline_handshakes_failed_total",
                   "Connections that ended before they proved a key: not ZeroMQ, not CURVE, or "
                   "silent; growing: something else finds our port."},
                  sources.handshakes.failed);
  expose_value("faultline_frames_malformed_total",
               "Frames that are not Faultline's; above zero: something else talks to us.",
               static_cast<double>(sources.link.frames_malformed()), registry);
  registry.expose({"faultline_link_shed_total",
                   "Messages dropped at the high-water mark; growing: a peer hangs."},
                  sources.link.counters().shed);
  registry.expose({"faultline_jobs_overloaded_total",
                   "Jobs that found their queue full; above zero is a bug or a hanging disk."},
                  sources.shell.counters().overloaded);
  registry.expose({"faultline_solve_seconds",
                   "What the last verdict took; near the window's length windows pile up."},
                  sources.shell.counters().solve_seconds);
  registry.expose(
      {"faultline_planning_seconds", "What the last planning job took, on a thread of its own."},
      sources.shell.counters().planning_seconds);
  registry.expose({"faultline_check_seconds",
                   "What the last check of all nodes' facts took, on the thread of the planning "
                   "jobs; 0: `check.incidents` is empty."},
                  sources.shell.counters().check_seconds);
  const auto& planning = sources.snapshot.planning;  // none while all pairs are affordable
  expose_value("faultline_plan_gaps",
               "Links that the plan does not cover or tell apart as it should; 0: all pairs.",
               planning ? planning->gaps.total() : 0, registry);
  expose_value("faultline_plan_flows_tried",
               "Flows of unknown way that are traced now, to close gaps.",
               planning ? static_cast<double>(planning->tried) : 0, registry);
  registry.expose_gauge({"faultline_build_info",
                         "Always 1; the label is the version that runs.",
                         {{"version", sources.snapshot.status.controller_version}}},
                        [] { return 1.0; });
  const auto started = seconds(sources.snapshot.status.started_at.time_since_epoch());
  expose_value("process_start_time_seconds", "When this process began, in unix time.", started,
               registry);
  obs::expose_process_metrics(registry);
  return registry.render();
}

}  // namespace faultline::app
