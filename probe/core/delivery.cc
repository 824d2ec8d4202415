#include "probe/core/delivery.h"

#include <algorithm>
#include <utility>

namespace faultline::probe_core {

void Delivery::restart(EffectSink& effects, std::size_t in_flight_max) {
  active_ = true;
  in_flight_max_ = in_flight_max;
  credit_ = kCreditInitial;
  rewind();
  pump(effects);
}

void Delivery::suspend() {
  active_ = false;
  in_flight_.clear();
}

void Delivery::rewind() {
  in_flight_.clear();
  from_oldest_ = true;
  more_ = true;
  stale_ = fetching_;
}

void Delivery::appended(EffectSink& effects) {
  more_ = true;
  pump(effects);
}

void Delivery::pump(EffectSink& effects) {
  // The first of a rewind may always go, or a credit of 0 would be for ever.
  const auto allowed = std::min(std::max<std::size_t>(credit_, 1), in_flight_max_);
  if (!active_ || fetching_ || !more_ || in_flight_.size() >= allowed) return;
  fetching_ = true;
  const auto batches_max = std::min(allowed - in_flight_.size(), kFetchBatchesMax);
  effects.fetch(std::exchange(from_oldest_, false), batches_max);
}

bool Delivery::fetched(Now now, const std::vector<Batch>& batches, const Outlet& outlet,
                       EffectSink& effects) {
  fetching_ = false;
  if (std::exchange(stale_, false) || !active_) {
    from_oldest_ = true;
    more_ = true;
    pump(effects);
    return true;
  }
  more_ = !batches.empty();
  for (const auto& batch : batches) {
    if (!outlet(batch)) {
      rewind();
      return false;
    }
    ++counters_.batches_sent;
    in_flight_.push_back({batch.boot, batch.first_sequence, batch.sequence, now.instant});
  }
  pump(effects);
  return true;
}

bool Delivery::acknowledged(const BatchAck& ack, EffectSink& effects) {
  ++counters_.acks;
  effects.release(ack.boot, ack.durable);
  const auto released = std::erase_if(in_flight_, [&](const InFlight& batch) {
    return batch.boot == ack.boot && std::ranges::any_of(ack.durable, [&](const auto& interval) {
             return interval.first <= batch.first && batch.last <= interval.last;
           });
  });
  credit_ = ack.credit;
  if (credit_ == 0 && released > 0) {
    ++counters_.rewinds;
    rewind();
  }
  pump(effects);
  return released > 0;
}

void Delivery::tick(Now now, EffectSink& effects) {
  if (!active_ || in_flight_.empty()) return;
  if (now.instant - in_flight_.front().sent_at < kResendAfter) return;
  ++counters_.rewinds;
  rewind();
  pump(effects);
}

}  // namespace faultline::probe_core
