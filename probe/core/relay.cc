#include "probe/core/relay.h"

namespace faultline::probe_core {

void Relay::take(Now now, const Peer& from, const RelayRequest& /*request*/,
                 const std::optional<PublicKey>& controller, EffectSink& effects) {
  ++counters_.asked;
  RelayReply reply;
  if (controller && admit(now, from)) {
    ++counters_.ready;
    reply = {.outcome = RelayOutcome::kReady, .controller = *controller};
  }
  // One that cannot be sent is a peer that does not answer.
  static_cast<void>(effects.send_mesh(from.node, reply));
}

void Relay::take(Now now, const Peer& from, const SealedBatch& batch,
                 const std::optional<PublicKey>& controller, EffectSink& effects) {
  const auto outcome = controller ? pass_on(now, from, batch, effects) : RelayOutcome::kCannot;
  if (outcome == RelayOutcome::kReady) {
    ++counters_.batches;
    return;
  }
  ++counters_.batches_shed;
  static_cast<void>(effects.send_mesh(from.node, RelayReply{.outcome = outcome}));
}

RelayOutcome Relay::pass_on(Now now, const Peer& from, const SealedBatch& batch,
                            EffectSink& effects) {
  if (!admit(now, from)) return RelayOutcome::kCannot;
  if (!allowance_) {
    allowance_ = {{kRelayedPerSecond, kRelayedBurst, now.instant},
                  {kRelayedOctetsPerSecond, kRelayedOctetsBurst, now.instant}};
  }
  auto left = *allowance_;  // only what is passed on uses it up
  if (!left.batches.take(now.instant) ||
      !left.octets.take(now.instant, static_cast<double>(batch.sealed.size()))) {
    return RelayOutcome::kLater;
  }
  if (!effects.send_controller(Relayed{.origin = from.key, .sealed = batch.sealed})) {
    return RelayOutcome::kCannot;
  }
  allowance_ = left;
  return RelayOutcome::kReady;
}

void Relay::take(const RelayedAck& ack, EffectSink& effects) {
  const auto origin = origins_.find(ack.origin);
  if (origin == origins_.end()) {
    ++counters_.acks_unmatched;
    return;
  }
  // Lost on the way, the batch is sent again.
  static_cast<void>(effects.send_mesh(origin->second.node, SealedAck{.sealed = ack.sealed}));
  ++counters_.acks;
}

bool Relay::admit(Now now, const Peer& from) {
  std::erase_if(origins_, [&](const auto& entry) {
    return now.instant - entry.second.heard_at >= kOriginKept;
  });
  if (origins_.size() >= kOriginsMax && !origins_.contains(from.key)) return false;
  origins_[from.key] = {from.node, now.instant};
  return true;
}

}  // namespace faultline::probe_core
