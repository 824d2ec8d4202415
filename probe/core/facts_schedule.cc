#include "probe/core/facts_schedule.h"

#include <algorithm>
#include <utility>

namespace faultline::probe_core {

void FactsSchedule::tick(Now now, const Uplink& uplink, EffectSink& effects) {
  if (collecting_since_ && now.instant - *collecting_since_ >= kFactsPatience) {
    collecting_since_.reset();
    ++counters_.lost;
  }
  if (!uplink.has(kCapabilityFacts)) {
    due_.reset();
    return;
  }
  if (!due_) {
    const auto spread = static_cast<std::uint64_t>((kFactsDelayMax - kFactsDelayMin).count());
    due_ = now.instant + kFactsDelayMin +
           Duration{static_cast<std::int64_t>(uniform_below(rng_, spread))};
  }
  if (collecting_since_ || now.instant < *due_) return;
  collecting_since_ = now.instant;
  if (std::exchange(hurry_, false)) hurried_at_ = now.instant;
  effects.collect_facts();
}

void FactsSchedule::hurry(Now now) {
  ++counters_.hurried;
  hurry_ = true;  // what is under way may have been read before
  due_ = std::max(now.instant, hurried_at_ ? *hurried_at_ + kFactsHurryMin : now.instant);
}

void FactsSchedule::collected(Now now, FactsCollected event, const Uplink& uplink,
                              EffectSink& effects) {
  ++counters_.collected;
  collecting_since_.reset();
  if (!hurry_) due_ = now.instant + event.pause;
  if (!event.update) return;
  if (uplink.has(kCapabilityFacts) && effects.send_controller(*std::move(event.update))) {
    ++counters_.sent;
  } else {
    ++counters_.lost;  // the next collection says the same again
  }
}

}  // namespace faultline::probe_core
