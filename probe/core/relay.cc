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
  if (controller && admit(now, from) && has_tokens(now, batch.sealed.size()) &&
      effects.send_controller(Relayed{.origin = from.key, .sealed = batch.sealed})) {
    ++counters_.batches;
    return;
  }
  ++counters_.batches_shed;
  static_cast<void>(effects.send_mesh(from.node, RelayReply{}));
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

bool Relay::has_tokens(Now now, std::size_t octets) {
  if (!batches_) {
    batches_.emplace(kRelayedPerSecond, kRelayedBurst, now.instant);
    octets_.emplace(kRelayedOctetsPerSecond, kRelayedOctetsBurst, now.instant);
  }
  return batches_->take(now.instant) && octets_->take(now.instant, static_cast<double>(octets));
}

}  // namespace faultline::probe_core
