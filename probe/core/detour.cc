#include "probe/core/detour.h"

#include <algorithm>

#include <fmt/format.h>

namespace faultline::probe_core {
namespace {

constexpr std::string_view kDetourArea = "detour";

const PlanPeer* find(const Plan& plan, NodeId node) {
  const auto found = std::ranges::find(plan.peers, node, &PlanPeer::node);
  return found == plan.peers.end() ? nullptr : &*found;
}

}  // namespace

void Detour::tick(Now now, const View& view, EffectSink& effects) {
  if (view.welcomed) {
    if (is_open()) effects.log(Severity::kInfo, kDetourArea, "results go their own way again");
    state_ = State::kResting;
    cut_since_.reset();
    ask_at_.reset();
    asked_.clear();
    return;
  }
  if (!cut_since_) cut_since_ = now.instant;
  switch (state_) {
    case State::kResting:
      if (now.instant - *cut_since_ < kDetourAfter || view.member == nullptr ||
          view.plan == nullptr || !view.has_results) {
        break;
      }
      if (!ask_at_) {
        rest(now, Duration{static_cast<std::int64_t>(
                      uniform(rng_) * static_cast<double>(kFirstAskSpread.count()))});
      }
      if (now.instant >= *ask_at_) ask(now, *view.plan, effects);
      break;
    case State::kAsking:
      if (now.instant - asked_at_ < kAskAnswerWait) break;
      ++counters_.unanswered;
      rest(now, kNextAskWait);
      break;
    case State::kOpen: {
      const bool is_silent = sent_at_ && now.instant - *sent_at_ >= kRelayedAckWait;
      if (!is_silent && view.plan != nullptr && find(*view.plan, relay_) != nullptr) break;
      leave(now);
      break;
    }
  }
}

void Detour::ask(Now now, const Plan& plan, EffectSink& effects) {
  const auto* peer = choose(plan);
  if (peer == nullptr) {
    asked_.clear();
    return rest(now, jittered(kAskRoundPause));
  }
  asked_.insert(peer->node);
  ++counters_.asked;
  if (!effects.send_mesh(peer->node, RelayRequest{})) {
    ++counters_.unanswered;
    return rest(now, kNextAskWait);
  }
  state_ = State::kAsking;
  relay_ = peer->node;
  asked_at_ = now.instant;
}

// Any that was not asked in this round.
const PlanPeer* Detour::choose(const Plan& plan) {
  if (asked_.size() >= kAsksPerRound) return nullptr;
  std::vector<const PlanPeer*> fit;
  for (const auto& peer : plan.peers) {
    if (!asked_.contains(peer.node)) fit.push_back(&peer);
  }
  return fit.empty() ? nullptr : fit[uniform_below(rng_, fit.size())];
}

// To a batch. Who has bounds to keep is not left at once: with a backlog each relay would be in
// turn. It is when nothing gets through: a postponed batch is still not acknowledged (sent_at_).
Detour::News Detour::answered(Now now, RelayOutcome outcome) {
  if (outcome == RelayOutcome::kCannot) leave(now);
  if (outcome != RelayOutcome::kLater || !sent_at_) return News::kNone;
  ++counters_.postponed;
  return News::kPostponed;
}

Detour::News Detour::take(Now now, NodeId from, const RelayReply& reply, const View& view,
                          EffectSink& effects) {
  if (from != relay_ || state_ == State::kResting) {
    ++counters_.unmatched;
    return News::kNone;
  }
  if (is_open()) return answered(now, reply.outcome);
  const bool is_known =
      view.member != nullptr && std::ranges::count(view.member->controllers, reply.controller) > 0;
  if (reply.outcome != RelayOutcome::kReady || !is_known) {
    ++counters_.refused;
    rest(now, kNextAskWait);
    return News::kNone;
  }
  const auto* peer = view.plan == nullptr ? nullptr : find(*view.plan, from);
  effects.log(Severity::kWarning, kDetourArea,
              fmt::format("the controller is not reached for {}: results go by way of {}",
                          format_duration(now.instant - cut_since_.value_or(now.instant)),
                          peer == nullptr ? "a peer" : peer->name));
  ++counters_.opened;
  state_ = State::kOpen;
  controller_ = reply.controller;
  sent_at_.reset();
  return News::kOpened;
}

std::optional<BatchAck> Detour::take(NodeId from, const SealedAck& ack, EffectSink& effects) {
  if (from != relay_ || controller_ == PublicKey{}) {
    ++counters_.unmatched;
    return std::nullopt;
  }
  auto opened = effects.open_ack(controller_, ack.sealed);
  if (!opened) {
    ++counters_.acks_refused;
    return std::nullopt;
  }
  ++counters_.acks;
  return opened;
}

bool Detour::send(Now now, const Batch& batch, EffectSink& effects) {
  auto sealed = effects.seal(controller_, batch);
  if (sealed.empty() || !effects.send_mesh(relay_, SealedBatch{.sealed = std::move(sealed)})) {
    leave(now);
    return false;
  }
  ++counters_.batches;
  if (!sent_at_) sent_at_ = now.instant;
  return true;
}

void Detour::leave(Now now) {
  ++counters_.broken;
  rest(now, jittered(kNextAskWait));
}

void Detour::rest(Now now, Duration wait) {
  state_ = State::kResting;
  ask_at_ = now.instant + wait;
}

Duration Detour::jittered(Duration duration) {
  const double factor = 0.8 + 0.4 * uniform(rng_);
  return Duration{static_cast<std::int64_t>(static_cast<double>(duration.count()) * factor)};
}

}  // namespace faultline::probe_core
