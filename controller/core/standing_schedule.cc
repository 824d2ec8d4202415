#include "controller/core/standing_schedule.h"

#include <algorithm>
#include <cmath>

namespace faultline::core {
namespace {

constexpr Duration kSecond = std::chrono::seconds{1};
// However many pairs are added one after the other, multiples of it lie about evenly in [0, 1)
// (Knuth, TAOCP volume 3, section 6.4, theorem S).
constexpr double kGolden = 0.6180339887498949;

Duration share_of(Duration every, double share) {
  return Duration{static_cast<std::int64_t>(static_cast<double>(every.count()) * share)};
}

}  // namespace

void StandingSchedule::set_pairs(std::uint32_t test, const std::vector<StandingPair>& pairs,
                                 Duration every, Instant now, Rng& rng) {
  const std::set<StandingPair> wanted(pairs.begin(), pairs.end());
  for (auto place = places_.begin(); place != places_.end();) {
    if (place->first.test != test || wanted.contains(place->first)) {
      ++place;
      continue;
    }
    turns_.erase({place->second.due, place->first});
    place = places_.erase(place);
  }
  auto& spread = spread_.try_emplace(test, uniform(rng)).first->second;
  for (const auto& pair : pairs) {
    if (places_.contains(pair)) continue;
    spread = std::fmod(spread + kGolden, 1.0);
    const auto due = now + share_of(every, spread);
    places_.emplace(pair, Place{.due = due, .every = every});
    turns_.emplace(due, pair);
  }
}

std::optional<StandingPair> StandingSchedule::take(Instant now, const Presence& is_there) {
  forget_starts(now);
  for (auto turn = turns_.begin(); turn != turns_.end() && turn->first <= now;) {
    const auto pair = turn->second;
    ++turn;  // next_turn() moves the other
    if (!is_there(pair)) {
      ++skipped_;
      next_turn(pair, now);
      continue;
    }
    if (!may_begin(pair)) continue;
    next_turn(pair, now);
    under_way_.insert(pair);
    starts_.emplace_back(now, Target{pair.to, pair.target});
    return pair;
  }
  return std::nullopt;
}

bool StandingSchedule::may_begin(const StandingPair& pair) const {
  if (under_way_.size() >= limits_.under_way_max || starts_.size() >= limits_.per_second_max) {
    return false;
  }
  if (held_.contains(pair.from)) return false;
  const Target target{pair.to, pair.target};
  std::size_t at_target = 0;
  std::size_t tracing = 0;
  for (const auto& other : under_way_) {
    if (other.from == pair.from) return false;
    if (Target{other.to, other.target} == target) ++at_target;
    if (tracing_.contains(other.test)) ++tracing;
  }
  if (at_target >= limits_.per_target_max) return false;
  if (tracing_.contains(pair.test) && tracing >= limits_.tracing_max) return false;
  return std::ranges::none_of(starts_, [&](const auto& start) { return start.second == target; });
}

void StandingSchedule::next_turn(const StandingPair& pair, Instant now) {
  auto& place = places_.at(pair);
  turns_.erase({place.due, pair});
  place.due += place.every;
  if (place.due <= now) {
    const auto behind = (now - place.due) / place.every + 1;
    missed_ += static_cast<std::uint64_t>(behind);
    place.due += behind * place.every;
  }
  turns_.emplace(place.due, pair);
}

void StandingSchedule::forget_starts(Instant now) {
  while (!starts_.empty() && now - starts_.front().first >= kSecond) starts_.pop_front();
}

}  // namespace faultline::core
