#include "probe/core/delivery.h"

#include <algorithm>
#include <utility>

namespace faultline::probe_core {

void Delivery::restart(Now now, EffectSink& effects, const Pace& pace) {
  active_ = true;
  pace_ = pace;
  not_before_ = now.instant;
  credit_ = kCreditInitial;
  divide_lanes();
  if (pace.in_flight_max > 1) last_fetched_ = Lane::kBacklog;
  rewind();
  pump(now, effects);
}

// Each division may leave one interval more: counted here until an acknowledgement tells, for ways
// may open and break without any.
void Delivery::divide_lanes() {
  if (intervals_ > kIntervalsToDivide || boundary_ == newest_) return;
  boundary_ = newest_;
  ++intervals_;
}

void Delivery::suspend() {
  active_ = false;
  in_flight_.clear();
}

void Delivery::postpone(Now now, Duration wait) {
  not_before_ = now.instant + wait;
  rewind();
}

void Delivery::rewind() {
  in_flight_.clear();
  lanes_ = {};
  stale_ = fetching_.has_value();
}

// Also of the backlog there may be more than was read: a read that fails looks like its end.
void Delivery::appended(Now now, std::uint64_t sequence, EffectSink& effects) {
  newest_ = std::max(newest_, sequence);
  for (auto& state : lanes_) state.more = true;
  pump(now, effects);
}

std::optional<Delivery::Turn> Delivery::next_turn(std::size_t allowed) const {
  const bool live = lane(Lane::kLive).more;
  const bool backlog = lane(Lane::kBacklog).more;
  const auto free = std::min(allowed - in_flight_.size(), kFetchBatchesMax);
  if (!live && !backlog) return std::nullopt;
  if (!live) return Turn{Lane::kBacklog, free};
  if (!backlog) return Turn{Lane::kLive, free};
  if (allowed == 1) return Turn{last_fetched_ == Lane::kLive ? Lane::kBacklog : Lane::kLive, 1};
  const auto live_in_flight = static_cast<std::size_t>(std::ranges::count_if(
      in_flight_, [](const InFlight& batch) { return batch.lane == Lane::kLive; }));
  if (live_in_flight + 1 >= allowed) return Turn{Lane::kBacklog, free};
  return Turn{Lane::kLive, std::min(free, allowed - 1 - live_in_flight)};
}

void Delivery::pump(Now now, EffectSink& effects) {
  // The first of a rewind may always go, or a credit of 0 would be for ever.
  const auto allowed = std::min(std::max<std::size_t>(credit_, 1), pace_.in_flight_max);
  if (!active_ || fetching_ || in_flight_.size() >= allowed || now.instant < not_before_) return;
  const auto turn = next_turn(allowed);
  if (!turn) return;
  last_fetched_ = turn->lane;
  fetching_ = {turn->lane, std::exchange(lane(turn->lane).from_start, false)};
  not_before_ = now.instant + pace_.spacing;
  effects.fetch({.lane = turn->lane,
                 .from_start = fetching_->from_start,
                 .boundary = boundary_,
                 .batches_max = turn->batches_max});
}

bool Delivery::fetched(Now now, const SpoolFetched& read, const Outlet& outlet,
                       EffectSink& effects) {
  const auto from = std::exchange(fetching_, std::nullopt);
  if (!from) return true;
  if (std::exchange(stale_, false) || !active_) {
    rewind();  // nothing is on its way
    pump(now, effects);
    return true;
  }
  if (read.refused) {
    // Nothing of a lane is on its way that was to be read from its start.
    lane(from->lane).from_start = from->from_start;
    not_before_ = now.instant + kRefusedReadWait;
    return true;
  }
  lane(from->lane).more = !read.batches.empty();
  for (const auto& batch : read.batches) {
    if (!send(now, from->lane, batch, outlet)) {
      rewind();
      return false;
    }
  }
  pump(now, effects);
  return true;
}

// Batches leave here and nowhere else.
bool Delivery::send(Now now, Lane lane, const Batch& batch, const Outlet& outlet) {
  if (!outlet(batch)) return false;
  ++counters_.batches_sent;
  in_flight_.push_back({lane, batch.boot, batch.first_sequence, batch.sequence, now.instant});
  return true;
}

bool Delivery::acknowledged(Now now, const BatchAck& ack, EffectSink& effects) {
  ++counters_.acks;
  if (ack.boot == boot_) intervals_ = ack.durable.size();
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
  pump(now, effects);
  return released > 0;
}

void Delivery::tick(Now now, EffectSink& effects) {
  if (!active_) return;
  if (!in_flight_.empty() && now.instant - in_flight_.front().sent_at >= kResendAfter) {
    ++counters_.rewinds;
    rewind();
  }
  pump(now, effects);
}

}  // namespace faultline::probe_core
