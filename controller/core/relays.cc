#include "controller/core/relays.h"

#include <algorithm>

namespace faultline::core {

bool Relays::admit(NodeId relay, Instant now) {
  if (!tokens_) tokens_.emplace(kRelayedPerSecondMax, kRelayedPerSecondMax, now);
  auto& own =
      brought_by_.try_emplace(relay, kRelayedByOnePerSecondMax, kRelayedByOnePerSecondMax, now)
          .first->second;
  return own.take(now) && tokens_->take(now);
}

void Relays::set_back(WallTime now) {
  for (auto& [node, way] : ways_) way.window_end = std::min(way.window_end, now);
}

void Relays::brought(NodeId node, const RelayedBy& by) {
  ++counters_.batches;
  ways_[node].by = by;
}

void Relays::stored(NodeId node, WallTime window_end, WallTime now) {
  const auto way = ways_.find(node);
  if (way == ways_.end() || window_end > now + fresh_for_) return;
  way->second.window_end = std::max(way->second.window_end, window_end);
}

const RelayedBy* Relays::way_of(NodeId node) const {
  const auto way = ways_.find(node);
  return way == ways_.end() ? nullptr : &way->second.by;
}

bool Relays::is_fresh(const Way& way, WallTime now) const {
  return way.window_end != WallTime::min() && now < way.window_end + fresh_for_;
}

const RelayedBy* Relays::proof_of(NodeId node, WallTime now) const {
  const auto way = ways_.find(node);
  return way != ways_.end() && is_fresh(way->second, now) ? &way->second.by : nullptr;
}

std::uint64_t Relays::count(WallTime now) const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(ways_, [&](const auto& entry) { return is_fresh(entry.second, now); }));
}

}  // namespace faultline::core
