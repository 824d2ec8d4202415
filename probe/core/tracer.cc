#include "probe/core/tracer.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace faultline::probe_core {
namespace {

// One in so many visits goes to the flow visited longest ago, suspect or not.
constexpr std::uint64_t kVisitsPerCycleStep = 4;

stats::TokenBucket bucket(const Plan& plan, Now now) {
  const double per_second = trace_visits_per_second(plan);
  return {per_second, std::max(1.0, per_second / 4), now.instant};
}

stats::TokenBucket hurried_bucket(const Plan& plan, Now now) {
  const double per_second = std::min(kHurriedPerSecondMax, trace_visits_per_second(plan) / 2);
  return {per_second, std::max(1.0, per_second), now.instant};
}

}  // namespace

void Tracer::set_plan(Now now, std::shared_ptr<const Plan> plan) {
  std::map<FlowKey, Flow> known;
  for (const auto& flow : flows_) {
    known.emplace(FlowKey{plan_->peers[flow.peer].node, flow.source_port}, flow);
  }
  const bool same_rate = plan_ && trace_visits_per_second(*plan_) == trace_visits_per_second(*plan);
  plan_ = std::move(plan);
  flows_.clear();
  for (const auto& item : plan_->flows) {
    Flow flow{.peer = item.peer, .source_port = item.source_port};
    const auto old = known.find({plan_->peers[item.peer].node, item.source_port});
    if (old != known.end()) {
      flow.visited_at = old->second.visited_at;
      flow.suspect = old->second.suspect;
      flow.hurried = old->second.hurried;
    }
    flows_.push_back(flow);
  }
  // In the plan's order all nodes would ask the same peers at the same time.
  std::shuffle(flows_.begin(), flows_.end(), rng_);
  flow_index_.clear();
  for (std::size_t i = 0; i < flows_.size(); ++i) {
    flow_index_[{plan_->peers[flows_[i].peer].node, flows_[i].source_port}] = i;
  }
  ways_.keep_only([this](const FlowKey& flow) { return flow_index_.contains(flow); });
  peers_by_key_.clear();
  peers_by_node_.clear();
  for (std::size_t i = 0; i < plan_->peers.size(); ++i) {
    peers_by_key_[plan_->peers[i].key] = i;
    if (const auto& second = plan_->peers[i].second_key) peers_by_key_[*second] = i;
    peers_by_node_[plan_->peers[i].node] = i;
  }
  incompatible_.clear();
  if (same_rate) return;
  visits_ = bucket(*plan_, now);
  hurried_visits_ = hurried_bucket(*plan_, now);
  owed_ = 0;
  answers_ = bucket(*plan_, now);
}

void Tracer::tick(Now now, EffectSink& effects) {
  expire(now, effects);
  if (!plan_ || plan_->traces_per_second == 0) return;
  while (!requests_.empty() && serving_.size() < orders_max() && answers_->take(now.instant)) {
    answer_next(now, effects);
  }
  while (may_visit(kHurriedOrdersMax)) {
    auto* flow = next_hinted();
    if (flow == nullptr || !hurried_visits_->take(now.instant)) break;
    hints_.pop_front();
    ++counters_.visits_hurried;
    ++owed_;
    visit(now, *flow, true, effects);
  }
  // Also while the engine takes no more: else it would have to be made up for afterwards.
  while (owed_ > 0 && visits_->take(now.instant)) --owed_;
  while (may_visit() && visits_->take(now.instant)) visit(now, *next_flow(), false, effects);
}

std::size_t Tracer::orders_max() const {
  return std::min(kOrdersMax, kOrdersPerRate * plan_->traces_per_second);
}

Duration Tracer::timeout() const {
  return plan_ ? std::max(kTraceTimeout, kTraceTimeoutIntervals * plan_->trace_interval)
               : kTraceTimeout;
}

void Tracer::hint(const FlowHint& hint) {
  const auto known = flow_index_.find({hint.target, hint.source_port});
  if (known == flow_index_.end()) return;
  auto& flow = flows_[known->second];
  flow.suspect = true;
  if (paused_ || flow.hurried) return;
  if (hints_.size() >= kHintsMax) {
    ++counters_.hints_crowded;
    return;
  }
  flow.hurried = true;
  hints_.emplace_back(hint.target, hint.source_port);
}

Tracer::Flow* Tracer::next_hinted() {
  for (; !hints_.empty(); hints_.pop_front()) {
    const auto known = flow_index_.find(hints_.front());
    // Else it is no more of the plan, or was visited since in its own turn.
    if (known != flow_index_.end() && flows_[known->second].hurried) return &flows_[known->second];
  }
  return nullptr;
}

Tracer::Flow* Tracer::next_flow() {
  const bool by_age = (counters_.visits - counters_.visits_hurried) % kVisitsPerCycleStep == 0;
  const auto rank = [by_age](const Flow& flow) {
    const bool first = !flow.visited_at.has_value();
    return std::tuple(!first, by_age || !flow.suspect, flow.visited_at);
  };
  const auto next = std::ranges::min_element(flows_, {}, rank);
  return next == flows_.end() ? nullptr : &*next;
}

void Tracer::visit(Now now, Flow& flow, bool urgent, EffectSink& effects) {
  ++counters_.visits;
  flow.visited_at = now.instant;
  flow.suspect = false;
  flow.hurried = false;
  const auto& peer = plan_->peers[flow.peer];
  trace_forward(now, flow, peer, urgent, effects);
  ask_return(now, flow, peer, effects);
}

void Tracer::trace_forward(Now now, const Flow& flow, const PlanPeer& peer, bool urgent,
                           EffectSink& effects) {
  const trace::TraceOrder order{.id = next_id_++,
                                .local_port = flow.source_port,
                                .remote = {peer.address, peer.reflector_port},
                                .direction = Direction::kForward,
                                .urgent = urgent};
  if (!effects.trace(order)) {
    ++counters_.orders_refused;
    return;
  }
  orders_[order.id] = {{peer.node, flow.source_port}, now.instant};
}

void Tracer::ask_return(Now now, const Flow& flow, const PlanPeer& peer, EffectSink& effects) {
  if (asks_.size() >= kAsksMax || incompatible_.contains(peer.node)) return;
  const TraceRequest request{.request = next_id_++, .source_port = flow.source_port};
  if (!effects.send_mesh(peer.node, request)) {
    ++counters_.asks_unsent;
    return;
  }
  asks_[request.request] = {{peer.node, flow.source_port}, now.instant};
}

void Tracer::received(Now now, const PublicKey& sender, const MeshMessage& message,
                      EffectSink& effects) {
  const auto* peer = peer_of(sender);
  if (peer == nullptr) {
    ++counters_.untrusted;
    return;
  }
  const auto take = [&](const auto& kind) {
    if constexpr (requires { on(now, *peer, kind, effects); }) on(now, *peer, kind, effects);
  };
  std::visit(take, message);
}

const PlanPeer* Tracer::peer_of(const PublicKey& key) const {
  const auto known = peers_by_key_.find(key);
  return known == peers_by_key_.end() ? nullptr : &plan_->peers[known->second];
}

void Tracer::on(Now /*now*/, const PlanPeer& peer, const MeshHello& hello, EffectSink& effects) {
  if (hello.protocol_major == kProtocolMajor) {
    incompatible_.erase(peer.node);
    return;
  }
  ++counters_.incompatible;
  if (!incompatible_.insert(peer.node).second) return;
  effects.log(Severity::kWarning, "mesh",
              fmt::format("{} speaks protocol {}, this probe {}: it is not asked for traces",
                          peer.name, hello.protocol_major, kProtocolMajor));
}

void Tracer::on(Now now, const PlanPeer& peer, const TraceRequest& request, EffectSink& effects) {
  if (requests_.size() >= kRequestsMax || plan_->traces_per_second == 0) {
    ++counters_.requests_busy;
    return answer(peer.node, {.request = request.request, .outcome = TraceOutcome::kBusy}, effects);
  }
  requests_.push_back({peer.node, request, now.instant});
}

void Tracer::answer_next(Now now, EffectSink& effects) {
  const auto request = requests_.front();
  requests_.pop_front();
  const auto peer = peers_by_node_.find(request.asker);
  if (peer == peers_by_node_.end()) {  // the plan changed while it waited
    ++counters_.requests_refused;
    return answer(request.asker,
                  {.request = request.request.request, .outcome = TraceOutcome::kNotPermitted},
                  effects);
  }
  const trace::TraceOrder order{
      .id = next_id_++,
      .local_port = reflector_port_,
      .remote = {plan_->peers[peer->second].address, request.request.source_port},
      .direction = Direction::kReturn};
  if (!effects.trace(order)) {
    ++counters_.orders_refused;
    return answer(request.asker,
                  {.request = request.request.request, .outcome = TraceOutcome::kBusy}, effects);
  }
  serving_[order.id] = {request.asker, request.request, now.instant};
}

void Tracer::answer(NodeId to, TraceReply reply, EffectSink& effects) {
  if (reply.outcome == TraceOutcome::kDone) ++counters_.requests_answered;
  // A reply that cannot be sent is the asker's timeout.
  static_cast<void>(effects.send_mesh(to, std::move(reply)));
}

void Tracer::done(Now now, const trace::TraceResult& result, EffectSink& effects) {
  if (const auto served = serving_.find(result.id); served != serving_.end()) {
    answer(served->second.asker,
           {.request = served->second.request.request,
            .outcome = TraceOutcome::kDone,
            .complete = result.complete,
            .hops = result.hops,
            .ended = result.ended},
           effects);
    serving_.erase(served);
    return;
  }
  const auto own = orders_.find(result.id);
  if (own == orders_.end()) {
    ++counters_.unmatched;
    return;
  }
  const auto [target, source_port] = own->second.flow;
  orders_.erase(own);
  ++counters_.paths_forward;
  keep({.target = target,
        .source_port = source_port,
        .direction = Direction::kForward,
        .traced_at = now.wall,
        .complete = result.complete,
        .hops = result.hops,
        .ended = result.ended},
       effects);
}

void Tracer::on(Now now, const PlanPeer& peer, const TraceReply& reply, EffectSink& effects) {
  const auto asked = asks_.find(reply.request);
  if (asked == asks_.end() || asked->second.flow.first != peer.node) {
    ++counters_.unmatched;
    return;
  }
  const auto [target, source_port] = asked->second.flow;
  asks_.erase(asked);
  if (reply.outcome != TraceOutcome::kDone) {
    ++(reply.outcome == TraceOutcome::kBusy ? counters_.asks_busy : counters_.asks_refused);
    return;
  }
  ++counters_.paths_return;
  keep({.target = target,
        .source_port = source_port,
        .direction = Direction::kReturn,
        .traced_at = now.wall,
        .complete = reply.complete,
        .hops = reply.hops,
        .ended = reply.ended},
       effects);
}

void Tracer::keep(PathRecord path, EffectSink& effects) {
  const bool saw_something = path.complete || std::ranges::any_of(path.hops, [](const Hop& hop) {
                               return hop.address.has_value();
                             });
  if (!saw_something) {
    ++counters_.empty;
    return;
  }
  const FlowKey flow{path.target, path.source_port};
  const bool is_planned = flow_index_.contains(flow);
  if (is_planned && ways_.changed(flow, path.direction, path.complete, path.hops)) {
    ++counters_.ways_changed;
    if (!paused_) effects.check_size(path.target, path.source_port);
  }
  if (paths_.size() >= kPathsMax) {
    paths_.pop_front();
    ++counters_.paths_dropped;
  }
  paths_.push_back(std::move(path));
}

void Tracer::expire(Now now, EffectSink& effects) {
  const auto oldest = now.instant - timeout();
  const auto give_up = [&](auto& pending) {
    for (; !pending.empty() && pending.begin()->second.since <= oldest; ++counters_.timeouts) {
      pending.erase(pending.begin());
    }
  };
  give_up(orders_);
  give_up(serving_);
  give_up(asks_);
  // The asker has given up on what waited for so long.
  while (!requests_.empty() && now.instant - requests_.front().since >= timeout() / 2) {
    ++counters_.requests_busy;
    answer(requests_.front().asker,
           {.request = requests_.front().request.request, .outcome = TraceOutcome::kBusy}, effects);
    requests_.pop_front();
  }
}

void Tracer::complete(Report& report) {
  for (const auto& window : report.flows) {
    const auto known = flow_index_.find({window.target, window.source_port});
    if (known == flow_index_.end()) continue;
    if (window.lost_forward + window.lost_return + window.lost_undetermined > 0) {
      flows_[known->second].suspect = true;
    }
  }
  const auto count = static_cast<std::ptrdiff_t>(std::min(paths_.size(), kPathsPerReportMax));
  std::move(paths_.begin(), paths_.begin() + count, std::back_inserter(report.paths));
  paths_.erase(paths_.begin(), paths_.begin() + count);
}

}  // namespace faultline::probe_core
