#include "controller/core/core.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "controller/core/alerts.h"
#include "controller/core/live_detector.h"

namespace faultline::core {
namespace {

// Nodes join and restart in bursts; one plan serves them all.

topology::Placement placement_of(const Labels& labels) {
  const auto label = [&](const char* key) {
    const auto found = labels.find(key);
    return found == labels.end() ? std::string() : found->second;
  };
  return {.hypervisor = label("hypervisor"), .zone = label("zone"), .rack = label("rack")};
}

}  // namespace

// Less than any probe waits before it takes a way by others (probe/core/detour.h).
constexpr Duration kUnheardMin = std::chrono::seconds{12};

ControllerCore::ControllerCore(CoreOptions options, topology::Inventory inventory, Rng rng)
    : options_(std::move(options)),
      rng_(rng),
      fleet_(options_.heartbeat_interval, options_.restart_excused_max),
      intake_(options_.planner.window),
      windows_({.window = options_.planner.window,
                .horizon_windows = options_.horizon_windows * kLongestHorizon,
                .report_delay = report_delay(options_)}),
      incidents_(options_.incident),
      telling_(options_.telling, options_.receivers),
      topology_(std::make_shared<topology::Topology>(std::move(inventory))),
      paths_(std::make_shared<topology::PathBook>()),
      adaptive_(options_.adaptive),
      clock_watch_(options_.planner.window / ingest::kTrustedSkewParts),
      findings_(options_.check),
      standing_(options_.standing),
      relays_(relay_proof(options_)),
      served_key_(options_.controller_key) {}

Status ControllerCore::restore(Restored restored, Now now) {
  plan_revision_ = restored.plan_revision;
  memory_ = std::make_shared<const PlanningMemory>(
      PlanningMemory{.useful = std::move(restored.extra_flows),
                     .fullest_link_flows = restored.fullest_link_flows,
                     .tracers = std::move(restored.tracers)});
  FAULTLINE_TRY_STATUS(fleet_.restore(std::move(restored.nodes), std::move(restored.tokens), now));
  controller_keys_are_news_ =
      controller_keys_.restore(std::move(restored.controller_keys), served_key_, now.wall);
  findings_.restore(restored.incidents);
  standing_.restore(restored.incidents);
  inquiries_.restore(restored.incidents, fleet_, now);
  FAULTLINE_TRY_STATUS(incidents_.restore(std::move(restored.incidents), now.wall));
  incidents_.restore_silences(std::move(restored.silences));
  telling_.restore(std::move(restored.outbox), restored.telling);
  intake_.restore(restored.dedup);
  begin_recall(restored.dedup, now.wall);
  for (const auto& [id, node] : fleet_.nodes()) {
    if (node.state != fleet::NodeState::kRemoved) membership_changed(now, id);
  }
  for (const auto& traced : restored.paths) {
    if (worth_storing(learn_path(traced.reporter, traced.path))) {
      topology_->learn(traced.reporter, traced.path);
    }
  }
  paths_to_change().set_back(now.wall);
  for (auto& report : restored.reports) windows_.add(now.wall, std::move(report));
  windows_.skip_due(now.wall);
  return {};
}

void ControllerCore::step(Now now, Event event, EffectSink& effects) {
  watch_clock(now, effects);
  std::visit([&](auto&& e) { on(now, std::forward<decltype(e)>(e), effects); }, std::move(event));
  if (trust_published_ != fleet_.trust_version()) {
    trust_published_ = fleet_.trust_version();
    effects.publish_trust(fleet_.trust());
  }
}

void ControllerCore::on(Now now, BatchDecoded event, EffectSink& effects) {
  const auto* node = fleet_.find(event.node);
  std::optional<ingest::Skew> skew;
  if (node != nullptr && node->clock_offset) skew = {*node->clock_offset, node->clock_settled};
  if (event.by && node != nullptr) {
    // A node that speaks for itself has no way that somebody's repetition of its words could take.
    if (now.instant - node->heard.instant >= kUnheardMin) relays_.brought(event.node, *event.by);
    if (skew) skew->settled = true;  // it can tell us no more of its clock than it has
  }
  send_acks(intake_.decoded(now.wall, skew, std::move(event), effects), effects);
}

void ControllerCore::on(Now, const SealRefused& event, EffectSink& effects) {
  relays_.refuse();
  intake_.refused(event.node);
  const auto* node = fleet_.find(event.node);
  const auto* relay = fleet_.find(event.by.relay);
  if (node == nullptr || relay == nullptr) return;
  effects.log(Severity::kWarning, "fleet",
              fmt::format("refused what node {} brought as a batch of node {}: {}",
                          relay->record.name, node->record.name, event.error.context));
}

void ControllerCore::on(Now now, const AppendDone& event, EffectSink& effects) {
  auto appended = intake_.appended(event.status, effects);
  send_acks(appended.acks, effects);
  for (auto& report : appended.reports) {
    const auto& [start, window] = std::pair(report.report->window_start, report.report->window);
    if (!windows_.is_too_far_ahead(now.wall, start)) {
      learn_paths(report);  // those of a clock far ahead would outlast all that are traced later
      auto& last = last_windows_[report.node];
      last = std::max(last, start + window);
      relays_.stored(report.node, start + window, now.wall);
    }
    windows_.add(now.wall, std::move(report));
  }
}

void ControllerCore::send_acks(const std::vector<NodeAck>& acks, EffectSink& effects) {
  for (const auto& [id, ack] : acks) {
    const auto* node = fleet_.find(id);
    if (node == nullptr) continue;
    if (const auto* by = relays_.way_of(id)) {
      effects.send_sealed(*by, ack);
    } else {
      effects.send(node->record.key, ack);
    }
  }
}

void ControllerCore::learn_paths(const NodeReport& report) {
  for (const auto& path : report.report->paths) {
    auto& book = paths_to_change();
    const auto* known = book.find(topology::key_of(report.node, path));
    const bool new_day =
        known != nullptr && window_start(known->path.traced_at, std::chrono::hours{24}) !=
                                window_start(path.traced_at, std::chrono::hours{24});
    const bool news = worth_storing(learn_path(report.node, path));
    planning_wanted_ |= news;
    if (news) topology_to_change().learn(report.node, path);
    if (news || new_day) {
      intake_.store_path({report.node, book.find(topology::key_of(report.node, path))->path});
    }
  }
}

topology::PathNews ControllerCore::learn_path(NodeId reporter, const PathRecord& path) {
  auto& book = paths_to_change();
  const auto news = book.update(reporter, path);
  if (news == topology::PathNews::kChanged) {
    const auto* known = book.find(topology::key_of(reporter, path));
    what_changed_.path_changed(reporter, known->earlier.back().path, known->path);
  }
  return news;
}

void ControllerCore::on(Now, ChangeSeen event, EffectSink&) {
  what_changed_.note(std::move(event.change));
}

void ControllerCore::on(Now, const CommitDone& event, EffectSink& effects) {
  documents_.done(event.commit, event.status, effects);
  serve_what_is_durable(effects);
}

void ControllerCore::on(Now now, const Tick&, EffectSink& effects) {
  const auto liveness = fleet_.tick(now);
  for (const auto id : liveness.went_silent) {
    effects.log(Severity::kWarning, "fleet",
                fmt::format("node {} is silent", fleet_.find(id)->record.name));
    what_changed_.member_changed(fleet_.find(id)->record.name, "silent", now.wall);
  }
  for (const auto id : liveness.went_live) {
    effects.log(Severity::kInfo, "fleet",
                fmt::format("node {} is live", fleet_.find(id)->record.name));
    what_changed_.member_changed(fleet_.find(id)->record.name, "live", now.wall);
  }
  for (const auto& ended : tests_.tick(fleet_, now.instant)) tell_ended(ended, effects);
  tend_admissions(now, effects);
  standing_.tick(now, fleet_, busy_testers(), rng_, effects);
  ask_for_reachability(now, effects);
  documents_.commit(to_writes(liveness.change), {}, effects);
  documents_.retry(effects);
  tend_controller_keys(now, effects);
  if (plans_due_ && now.instant >= *plans_due_) make_plans(now, effects);
  think_of_plans(now, effects);
  check_facts(now, effects);
  feed_solver(now, effects);
  deliver(now, effects);
}

void ControllerCore::membership_changed(Now now, NodeId id) {
  const auto& record = fleet_.find(id)->record;
  if (record.removed_at) {
    topology_to_change().remove_node(id);
    what_changed_.member_changed(record.name, "removed", now.wall);
  } else if (fleet::has_profile(record)) {
    topology_to_change().set_node(id, record.name, record.profile.kind, record.profile.address,
                                  placement_of(fleet::effective_labels(record)));
  }
  fleet_changed(now.instant);
}

// One job is under way at a time. A verdict comes before the past.
void ControllerCore::feed_solver(Now now, EffectSink& effects) {
  if (!solving_) judge(now, effects);
  if (!solving_) recall(effects);
}

void ControllerCore::judge(Now now, EffectSink& effects) {
  std::set<NodeId> expected;
  for (const auto& [id, node] : fleet_.nodes()) {
    const auto* plan = plan_of(id);
    const bool reports =
        node.state == fleet::NodeState::kLive || relays_.proof_of(id, now.wall) != nullptr;
    if (reports && plan != nullptr && !plan->flows.empty() && node.plan.value() != 0) {
      expected.insert(id);
    }
  }
  auto ripe = windows_.take_ripe(now.wall, expected);
  if (!ripe) return;
  settle_topology();
  what_changed_.name_paths(*topology_);
  solving_ = true;
  window_solving_ = ripe->window_start;
  auto excused = excused_of(*ripe);
  effects.solve({.ripe = std::move(*ripe),
                 .window = options_.planner.window,
                 .excused = std::move(excused),
                 .watched = watched_components(incidents_.incidents()),
                 .asks = options_.adaptive.enabled,
                 .clock_set = std::exchange(clock_set_, {}),
                 .topology = topology_,
                 .paths = paths_});
}

// Of the job's windows, and of those before it that an absence may still turn out to cover.
ExcusedNodes ControllerCore::excused_of(const RipeWindow& ripe) const {
  const Duration window = options_.planner.window;
  const auto longest = static_cast<std::int64_t>(options_.horizon_windows * kLongestHorizon);
  const auto reach = std::min(options_.restart_excused_max / window + 2, longest);
  std::set<WallTime> starts;
  for (std::int64_t i = 0; i < reach; ++i) starts.insert(ripe.window_start - window * i);
  for (const auto& reports : ripe.windows) {
    if (reports.empty()) continue;
    starts.insert(window_start(reports.front().report->window_start, window));
  }
  ExcusedNodes excused;
  for (const auto& [id, node] : fleet_.nodes()) {
    if (node.record.absences.empty()) continue;
    for (const WallTime start : starts) {
      if (fleet_.is_excused(node, start, window)) excused[start].insert(id);
    }
  }
  for (const WallTime start : starts) {
    auto down = inquiries_.excused(start, window);
    if (!down.empty()) excused[start].merge(down);
  }
  return excused;
}

void ControllerCore::begin_recall(std::span<const ingest::DedupRow> durable, WallTime now) {
  if (durable.empty()) return;
  auto batches = std::make_shared<DurableBatches>();
  for (const auto& row : durable) (*batches)[{row.node, row.boot}] = row.durable;
  recall_.durable = std::move(batches);
  recall_.next = windows_.first_open(now);
  recall_.from = recall_.next - longest_horizon(options_);
}

// The newest window first: it says most.
void ControllerCore::recall(EffectSink& effects) {
  if (recall_.durable == nullptr) return;
  recall_.next -= options_.planner.window;
  if (recall_.next < recall_.from) {
    recall_ = {};
    return;
  }
  settle_topology();
  solving_ = true;
  window_solving_.reset();
  auto excused = fleet_.excused(recall_.next, options_.planner.window);
  excused.merge(inquiries_.excused(recall_.next, options_.planner.window));
  effects.recall({.window_start = recall_.next,
                  .window = options_.planner.window,
                  .excused = std::move(excused),
                  .again = recall_.again,
                  .clock_set = std::exchange(clock_set_, {}),
                  .durable = recall_.durable,
                  .topology = topology_,
                  .paths = paths_});
}

void ControllerCore::on(Now now, const RecallDone& event, EffectSink& effects) {
  solving_ = false;
  if (!std::exchange(job_is_void_, false)) counters_.reports_recalled += event.reports;
  feed_solver(now, effects);
}

void ControllerCore::on(Now now, SolveDone event, EffectSink& effects) {
  solving_ = false;
  if (std::exchange(job_is_void_, false)) return;
  ++counters_.windows_judged;
  counters_.observations_excused += event.solution.observations_excused;
  solution_ = std::move(event.solution);
  judged_at_ = now.instant;
  probe_adaptively(now, effects);
  note_dead_nodes();
  auto outcome = incidents_.judge(judged_window(now), rng_);
  add_to_incidents(outcome);
  settle(now, outcome, {}, effects);
}

// Before they are stored and told: what changed at their onset, and what extra packets brought.
void ControllerCore::add_to_incidents(incident::Outcome& outcome) {
  for (auto& incident : outcome.changed) {
    if (incident.resolved_at) continue;
    bool is_news = false;
    if (!WhatChanged::is_settled(incident)) {
      is_news =
          incidents_.note_changes(incident.id, what_changed_.of(incident, options_.planner.window));
    }
    if (auto confirmation = confirmations_.of(incident)) {
      is_news |= incidents_.note_confirmation(incident.id, *std::move(confirmation));
    }
    if (!is_news) continue;
    const auto& known = *incidents_.find(incident.id);
    const auto take_over = [&](incident::Incident& copy) {
      copy.changes = known.changes;
      copy.confirmation = known.confirmation;
    };
    take_over(incident);
    for (auto& event : outcome.events) {
      if (event.incident.id == incident.id) take_over(event.incident);
    }
  }
}

void ControllerCore::deliver(Now now, EffectSink& effects) {
  // An alert leaves when it and its incident are durable; else a crash could send it twice with
  // different contents. A disk that stays full must not keep it from being told, though.
  note_unsettled(now.instant);
  const bool settled = documents_.settled();
  if (!settled && !gave_up_waiting(now.instant)) return;
  for (auto& entry : telling_.outbox().take_due(now.instant)) {
    if (!settled) {
      ++counters_.alerts_before_durable;
      effects.log(Severity::kWarning, "notify",
                  fmt::format("alert {} is sent though it could not be written for {}; after a "
                              "crash it may be sent again",
                              entry.id, format_duration(kUnsettledDelayMax)));
    }
    effects.deliver(std::move(entry));
  }
}

// Since when the ledger has made no progress: one commit hangs, or they fail.
void ControllerCore::note_unsettled(Instant now) {
  const bool advanced =
      documents_.trouble().empty() && documents_.oldest_pending() != oldest_pending_;
  oldest_pending_ = documents_.oldest_pending();
  if (documents_.settled()) {
    unsettled_since_.reset();
  } else if (advanced || !unsettled_since_) {
    unsettled_since_ = now;
  }
}

bool ControllerCore::gave_up_waiting(Instant now) const {
  return unsettled_since_ && now - *unsettled_since_ >= kUnsettledDelayMax;
}

std::string ControllerCore::store_trouble(Instant now) const {
  auto trouble = intake_.trouble().empty() ? documents_.trouble() : intake_.trouble();
  if (gave_up_waiting(now)) {
    if (trouble.empty()) trouble = "the ledger does not answer";
    trouble += "; alerts are sent before they are durable";
  }
  return trouble;
}

void ControllerCore::on(Now now, const DeliveryDone& event, EffectSink& effects) {
  if (event.outcome.result != notify::DeliveryResult::kDelivered) {
    effects.log(Severity::kWarning, "notify",
                fmt::format("alert {} was not delivered: {}", event.id, event.outcome.text));
  }
  const auto changes =
      telling_.outbox().result(event.id, event.outcome, now.instant, now.wall, rng_);
  documents_.commit(to_writes(changes), {}, effects);
}

void ControllerCore::on(Now now, const VitalsRead& event, EffectSink& effects) {
  auto writes = telling_.watch(event.vitals, now.instant, now.wall);
  auto reminders = telling_.remind(incidents_.incidents(), fleet_, now.instant, now.wall);
  std::ranges::move(reminders, std::back_inserter(writes));
  if (!writes.empty()) documents_.commit(std::move(writes), {}, effects);
}

std::optional<WallTime> ControllerCore::last_window(NodeId node) const {
  const auto at = last_windows_.find(node);
  return at == last_windows_.end() ? std::nullopt : std::optional(at->second);
}

topology::Topology& ControllerCore::topology_to_change() {
  topology_is_settled_ = false;
  if (topology_.use_count() > 1) topology_ = std::make_shared<topology::Topology>(*topology_);
  return *topology_;
}

// It costs a copy while a snapshot is held: not done for nothing.
void ControllerCore::settle_topology() {
  if (topology_is_settled_) return;
  topology_to_change().settle();
  topology_is_settled_ = true;
}

topology::PathBook& ControllerCore::paths_to_change() {
  if (paths_.use_count() > 1) paths_ = std::make_shared<topology::PathBook>(*paths_);
  return *paths_;
}

}  // namespace faultline::core
