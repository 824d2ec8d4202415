#include "controller/app/snapshot.h"

#include <algorithm>

#include <fmt/format.h>

#include "controller/app/trust_view.h"

namespace faultline::app {
namespace {

api::NodeState state_of(fleet::NodeState state) {
  switch (state) {
    case fleet::NodeState::kLive:
      return api::NodeState::kLive;
    case fleet::NodeState::kSilent:
      return api::NodeState::kSilent;
    case fleet::NodeState::kRestarting:
      return api::NodeState::kRestarting;
    default:
      return api::NodeState::kJoined;
  }
}

api::NodeView node_view(const core::ControllerCore& core, const fleet::Node& node) {
  const auto& record = node.record;
  const bool heard = node.state != fleet::NodeState::kJoined;
  api::NodeView view{.id = record.id.value(),
                     .name = record.name,
                     .state = state_of(node.state),
                     .kind = record.profile.kind,
                     .labels = fleet::effective_labels(record),
                     .address = record.profile.address.is_unspecified()
                                    ? std::string()
                                    : record.profile.address.to_string(),
                     .software = node.software,
                     .key = to_string(record.key),
                     .joined_at = record.joined_at,
                     .last_seen = {},
                     .plan_revision = {},
                     .last_window = core.last_window(record.id),
                     .clock_offset_ms = {},
                     .spool_batches = {},
                     .spool_bytes = {},
                     .results_dropped = node.spool_dropped,
                     .sick = {},
                     .sick_reason = {}};
  if (!heard) return view;
  if (const auto& solution = core.solution(); solution && view.last_window) {
    const auto sick = solution->sick.find(record.name);
    view.sick = sick == solution->sick.end() ? 0 : sick->second.first;
    if (sick != solution->sick.end()) view.sick_reason = sick->second.second;
    const auto clock = solution->clocks.find(record.name);
    if (clock != solution->clocks.end()) view.clock = clock->second;
  }
  view.last_seen = node.heard.wall;
  if (node.plan.value() != 0) view.plan_revision = node.plan.value();
  if (node.clock_offset) view.clock_offset_ms = *node.clock_offset / std::chrono::milliseconds{1};
  view.spool_batches = node.spool_batches;
  view.spool_bytes = node.spool_bytes;
  return view;
}

api::ReachView reach_view(const core::Reachability& known) {
  api::ReachView view{.condition = std::string(core::to_string(known.condition)),
                      .words = std::string(core::words(known.condition)),
                      .summary = core::sentence(known),
                      .doubted_at = known.doubted_at,
                      .asked_at = known.asked_at,
                      .witnesses = {},
                      .by_way_of = known.by_way_of};
  if (known.condition == core::Condition::kControllerWay && !known.by_way_of.empty()) {
    view.words = fmt::format("reports by way of {}", known.by_way_of);
  }
  for (const auto& witness : known.witnesses) {
    view.witnesses.push_back({.name = witness.name,
                              .rack = witness.rack,
                              .saw = std::string(core::to_string(witness.sight)),
                              .text = witness.text,
                              .at = witness.at});
  }
  return view;
}

void fill_questions(const core::ControllerCore& core, Snapshot& snapshot) {
  snapshot.reach_counts = core.inquiries().counts();
  snapshot.inquiries = core.inquiries().counters();
  snapshot.inquiry_orders = core.inquiries().orders();
  snapshot.relays = core.relays().counters();
  auto& shown = snapshot.status.in_question;
  for (auto& node : snapshot.nodes) {
    const auto* known = core.inquiries().of(NodeId{node.id});
    if (known == nullptr) continue;
    node.reach = reach_view(*known);
    const bool is_silent = node.state == api::NodeState::kSilent;
    if (is_silent && !known->by_way_of.empty()) ++snapshot.nodes_relayed;
    if (shown.size() >= api::kSilentNodesShownMax) continue;
    shown.push_back({.node = node.name, .reach = *node.reach});
    shown.back().reach.witnesses.clear();
  }
}

void count_paths(const core::ControllerCore& core, api::PathCounts& counts) {
  const auto paths = core.paths();
  for (const auto& plan : core.plans().plans) {
    for (const auto& flow : plan.flows) {
      ++counts.expected;
      const auto known = [&](Direction direction) {
        const auto* path =
            paths->find({plan.node, plan.peers[flow.peer].node, flow.source_port, direction});
        return path != nullptr && path->path.complete;
      };
      if (known(Direction::kForward)) ++counts.forward_known;
      if (known(Direction::kReturn)) ++counts.return_known;
    }
  }
}

// The incident that is about this suspect, or what it cannot be told from; null when there is none.
const incident::Incident* incident_of(const core::ControllerCore& core,
                                      const localize::Suspect& suspect) {
  const incident::Incident* found = nullptr;
  for (const auto& incident : core.incidents().incidents()) {
    const auto& id = incident.components.back().id;
    if (id != suspect.id &&
        std::ranges::find(suspect.ambiguous_with, id) == suspect.ambiguous_with.end()) {
      continue;
    }
    // What healed once has nothing to say of what is seen now.
    if (incident.resolved_at && !incident.quiet_until) continue;
    if (found == nullptr || incident.is_open()) found = &incident;
  }
  return found;
}

std::vector<api::SuspectView> suspect_views(const core::ControllerCore& core,
                                            const core::Solution& solution) {
  std::vector<api::SuspectView> views;
  for (const auto& suspect : solution.verdict.suspects) {
    views.push_back({.kind = std::string(to_string(suspect.kind)),
                     .id = suspect.id,
                     .fault_class = std::string(to_string(suspect.fault_class)),
                     .posterior = suspect.posterior,
                     .loss = suspect.loss,
                     .since = suspect.since_s
                                  ? std::optional(wall_time_from_unix_seconds(*suspect.since_s))
                                  : std::nullopt});
    views.back().ambiguous_with = suspect.ambiguous_with;
    const auto* incident = incident_of(core, suspect);
    if (incident == nullptr) continue;
    views.back().incident = incident->id;
    views.back().incident_state = to_string(incident->state);
    views.back().held_by = incident->held_by;
  }
  return views;
}

std::string incidents_open_text(std::uint64_t count) {
  return count == 1 ? "1 incident is open" : fmt::format("{} incidents are open", count);
}

// Whether the newest judgement is so old that it says nothing of now. By both clocks: after a step
// back of the wall clock nothing is judged, though the last window seems to be of the future.
bool is_stale(const core::ControllerCore& core, core::Now now, const core::Solution& solution) {
  const Duration limit = kStaleWindows * solution.window + core.windows().judged_within();
  return now.wall - (solution.window_start + solution.window) > limit ||
         now.instant - core.judged_at() > limit;
}

// Nothing is being judged: what was found before says nothing of now. Incidents stay open.
void fill_health_unknown(api::StatusView& status, std::string reason, std::string_view silent) {
  if (status.incidents_open > 0) {
    status.health = api::Health::kFault;
    reason += "; " + incidents_open_text(status.incidents_open);
  }
  const auto& store = status.store.state;
  status.verdict = fmt::format("{}{}{}", reason, store == "ok" ? "" : "; store: " + store, silent);
}

// "; 2 nodes are silent", "; h3 is silent (probe down)".
std::string silent_text(const api::StatusView& status) {
  if (status.nodes.silent == 0) return {};
  if (status.nodes.silent > 1 || status.silent_nodes.size() != 1) {
    return fmt::format("; {} nodes are silent", status.nodes.silent);
  }
  const auto& name = status.silent_nodes.front();
  const auto known = std::ranges::find(status.in_question, name, &api::NodeInQuestion::node);
  return known == status.in_question.end()
             ? fmt::format("; {} is silent", name)
             : fmt::format("; {} is silent ({})", name, known->reach.words);
}

void fill_health(const core::ControllerCore& core, bool stale, api::StatusView& status) {
  const auto& solution = core.solution();
  const auto silent = silent_text(status);
  if (!solution) return fill_health_unknown(status, "no window has been judged yet", silent);
  if (stale) {
    const auto reason = fmt::format("no window was judged since the one until {}",
                                    format_rfc3339(solution->window_start + solution->window));
    return fill_health_unknown(status, reason, silent);
  }
  status.suspects = suspect_views(core, *solution);
  if (!status.suspects.empty()) {
    const auto& first = status.suspects.front();
    status.health = api::Health::kFault;
    status.verdict = fmt::format("{} {} is suspected ({}, posterior {:.3f}){}{}", first.kind,
                                 first.id, first.fault_class, first.posterior,
                                 status.suspects.size() > 1
                                     ? fmt::format(" and {} more", status.suspects.size() - 1)
                                     : std::string(),
                                 silent);
  } else if (status.incidents_open > 0) {
    status.health = api::Health::kFault;
    status.verdict = fmt::format("{}, though nothing is suspected in the newest window{}",
                                 incidents_open_text(status.incidents_open), silent);
  } else if (!solution->verdict.enough_data) {
    status.verdict = fmt::format("too little was measured to call the network healthy{}", silent);
  } else if (solution->verdict.unexplained_bad_flows > localize::kUnexplainedFlowsFew) {
    status.verdict = fmt::format("{} bad flows remain unexplained: no component fits{}",
                                 solution->verdict.unexplained_bad_flows, silent);
  } else {
    status.health = status.nodes.silent == 0 ? api::Health::kHealthy : api::Health::kInconclusive;
    status.verdict = fmt::format("no fault: {} packets, {} lost{}", solution->verdict.packets,
                                 solution->verdict.lost, silent);
  }
}

void note_extremes(const fleet::Node& node, FleetExtremes& extremes) {
  if (node.state == fleet::NodeState::kJoined) ++extremes.nodes_joined;
  if (node.state != fleet::NodeState::kLive) return;  // what it said last says nothing of now
  if (!node.plan_refusal.empty()) ++extremes.plans_refused;
  if (node.clock_offset) {
    extremes.clock_offset_max =
        std::max(extremes.clock_offset_max, std::chrono::abs(*node.clock_offset));
  }
  extremes.spool_batches += node.spool_batches;
  extremes.spool_bytes_max = std::max(extremes.spool_bytes_max, node.spool_bytes);
}

void fill_nodes(const core::ControllerCore& core, Snapshot& snapshot) {
  for (const auto& [id, node] : core.fleet().nodes()) {
    snapshot.names[id] = node.record.name;
    if (!node.record.absences.empty()) snapshot.absences[id] = node.record.absences;
    if (node.state == fleet::NodeState::kRemoved) continue;
    snapshot.nodes.push_back(node_view(core, node));
    note_extremes(node, snapshot.extremes);
    auto& counts = snapshot.status.nodes;
    ++counts.total;
    if (node.state == fleet::NodeState::kLive) ++counts.live;
    if (node.state == fleet::NodeState::kRestarting) ++counts.restarting;
    if (node.state == fleet::NodeState::kSilent) {
      ++counts.silent;
      if (snapshot.status.silent_nodes.size() < api::kSilentNodesShownMax) {
        snapshot.status.silent_nodes.push_back(node.record.name);
      }
    }
  }
  std::ranges::sort(snapshot.nodes, {}, &api::NodeView::name);
  std::ranges::sort(snapshot.status.silent_nodes);
  fill_questions(core, snapshot);
  for (const auto& [key, token] : core.fleet().tokens()) {
    if (!token.spent_by) snapshot.tokens.push_back(token_view(token));
  }
  std::ranges::sort(snapshot.tokens, {}, &api::TokenView::created_at);
}

void fill_counters(const core::ControllerCore& core, Snapshot& snapshot) {
  snapshot.core = core.counters();
  snapshot.adaptive = core.adaptive().counters();
  snapshot.adaptive_tests = core.adaptive().tests();
  snapshot.intake = core.intake_counters();
  snapshot.fleet = core.fleet().counters();
  snapshot.incidents = core.incidents().counters();
  snapshot.outbox = core.outbox().counters();
  snapshot.outbox_waiting = core.outbox().waiting();
  snapshot.outbox_oldest = core.outbox().oldest_waiting();
  snapshot.reports_late = core.windows().late_reports();
  snapshot.windows_skipped = core.windows().windows_skipped();
  snapshot.reports_late_refused = core.windows().refused_late_reports();
  snapshot.reports_refused = core.windows().refused_reports();
  snapshot.document_failures = core.document_failures();
  snapshot.tests = core.tests().tests();
  snapshot.test_orders = core.tests().counters();
  snapshot.standing = core.standing().view();
  snapshot.standing_tests = core.standing().counters();
  snapshot.status.ingest = {.batches = snapshot.intake.batches,
                            .duplicates = snapshot.intake.duplicates,
                            .refused = snapshot.intake.refused + snapshot.intake.malformed +
                                       snapshot.core.messages_malformed +
                                       snapshot.core.messages_untrusted,
                            .gaps = snapshot.intake.gaps,
                            .results_dropped = snapshot.intake.results_dropped};
}

// Copies of alerts are made only when something has changed.
std::shared_ptr<const OutboxView> outbox_view(const core::ControllerCore& core, core::Now now,
                                              const Snapshot& previous) {
  const auto& outbox = core.outbox();
  if (previous.alerts != nullptr && previous.alerts->version == outbox.version()) {
    return previous.alerts;
  }
  auto view = std::make_shared<OutboxView>();
  view->version = outbox.version();
  view->lines = outbox.lines();
  for (const auto& line : view->lines) {
    if (line.next) view->next[line.receiver] = now.wall + (*line.next - now.instant);
  }
  view->waiting = outbox.waiting_entries(api::kAlertsListedMax);
  view->waiting_total = outbox.waiting();
  view->dead = {outbox.dead_letters().begin(), outbox.dead_letters().end()};
  return view;
}

}  // namespace

api::TokenView token_view(const fleet::TokenRecord& token) {
  return {.id = short_name(token.key),
          .node = token.name.empty() ? std::nullopt : std::optional(token.name),
          .created_at = token.created_at,
          .expires_at = token.expires_at,
          .labels = token.labels};
}

Snapshot make_snapshot(const core::ControllerCore& core, const ProcessView& process, core::Now now,
                       const Snapshot& previous) {
  Snapshot snapshot;
  auto& status = snapshot.status;
  snapshot.window = core.options().planner.window;
  snapshot.restart_excused_max = core.options().restart_excused_max;
  status.controller_version = process.version;
  status.generated_at = now.wall;
  status.started_at = process.started_at;
  status.uptime = process.uptime;
  status.window = snapshot.window;
  status.store.directory = process.data_dir;
  if (auto trouble = core.store_trouble(now.instant); !trouble.empty()) {
    status.store.state = std::move(trouble);
  }
  if (core.plan_revision().value() != 0) status.plan_revision = core.plan_revision().value();
  snapshot.plans = core.shared_plans();
  snapshot.members = core.members();
  snapshot.planner = core.options().planner;
  snapshot.planning = core.planning_numbers();
  snapshot.planning_memory = core.planning_memory();
  fill_nodes(core, snapshot);
  fill_counters(core, snapshot);
  snapshot.silences_active = core.incidents().silences().count_active(now.wall);
  snapshot.alerts = outbox_view(core, now, previous);
  snapshot.watchdog = core.watchdog().raised();
  snapshot.trust = trust_view(core);
  for (const auto& plan : core.plans().plans) status.sessions.planned += plan.flows.size();
  status.sessions.reporting = core.windows().sessions_reporting();
  status.incidents_open = core.incidents().open_count();
  if (core.solution()) {
    status.window_judged = core.solution()->window_start + core.solution()->window;
  }
  snapshot.changes = core.what_changed().history();
  // By the clock that nobody sets.
  snapshot.verdict_age = core.solution() ? now.instant - core.judged_at() : status.uptime;
  snapshot.stale = core.solution() && is_stale(core, now, *core.solution());
  fill_health(core, snapshot.stale, status);
  if (previous.paths != nullptr && previous.status.window_judged == status.window_judged &&
      previous.status.plan_revision == status.plan_revision) {
    status.paths = previous.status.paths;
    snapshot.solution = previous.solution;
    snapshot.topology = previous.topology;
    snapshot.paths = previous.paths;
  } else {
    count_paths(core, status.paths);
    if (core.solution()) {
      snapshot.solution = std::make_shared<const core::Solution>(*core.solution());
    }
    snapshot.topology = core.topology();
    snapshot.paths = core.paths();
  }
  return snapshot;
}

std::string name_of(const Snapshot& snapshot, NodeId node) {
  const auto at = snapshot.names.find(node);
  return at == snapshot.names.end() ? fmt::format("node-{}", node.value()) : at->second;
}

Result<NodeId> find_node(const Snapshot& snapshot, std::string_view name) {
  const auto at = std::ranges::find(snapshot.nodes, name, &api::NodeView::name);
  if (at == snapshot.nodes.end()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no node {}; `faultline node list` shows all", name));
  }
  return NodeId{at->id};
}

}  // namespace faultline::app
