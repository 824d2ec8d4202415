#include "probe/session/pacer.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace faultline::session {
namespace {

constexpr auto kLaterDue = [](const auto& a, const auto& b) { return a.due > b.due; };

double burst_of(double packets_per_second) {
  return std::max(1.0, packets_per_second * kBurstSeconds);
}

stats::TokenBucket bucket(double packets_per_second, Instant now) {
  return {packets_per_second, burst_of(packets_per_second), now};
}

Duration scaled(Duration duration, double factor) {
  return Duration{static_cast<std::int64_t>(static_cast<double>(duration.count()) * factor)};
}

}  // namespace

void Pacer::configure(const std::vector<FlowPace>& flows, Duration interval, const Budgets& budgets,
                      Instant now, Rng& rng) {
  interval_ = interval;
  set_budgets(budgets, now);
  flow_groups_.clear();
  flow_groups_.reserve(flows.size());
  for (const auto& flow : flows) flow_groups_.push_back(flow.group);
  open_lanes(flows, budgets, now, rng);
  slots_.assign(flows.size(), now);
  heap_.clear();
  times_.clear();
  heap_.reserve(flows.size());
  std::vector<std::uint32_t> added;
  for (std::uint32_t i = 0; i < flows.size(); ++i) {
    const auto& slot = flows[i].slot;
    if (slot && *slot <= now + interval) {
      slots_[i] = *slot;
    } else {
      added.push_back(i);
    }
  }
  for (std::size_t i = added.size(); i > 1; --i) {  // Fisher-Yates
    std::swap(added[i - 1], added[uniform_below(rng, i)]);
  }
  for (std::size_t rank = 0; rank < added.size(); ++rank) {
    const double share = (static_cast<double>(rank) + 0.5) / static_cast<double>(added.size());
    slots_[added[rank]] = now + scaled(interval, share);
  }
  for (std::uint32_t i = 0; i < flows.size(); ++i) {
    push({.due = std::max(due_of(i, slots_[i], interval, rng), now), .flow = i});
  }
}

// What is used up stays so, however often the plan changes.
void Pacer::set_budgets(const Budgets& budgets, Instant now) {
  if (!budget_) budget_ = bucket(budgets.packets_per_second, now);
  budget_->set_rate(budgets.packets_per_second, burst_of(budgets.packets_per_second), now);
  groups_.resize(budgets.groups, {bucket(budgets.packets_per_second_per_group, now), now});
  if (budgets.groups == 0) return;
  const double rate = budgets.packets_per_second_per_group;
  for (auto& group : groups_) {
    group.budget.set_rate(rate, burst_of(rate), now);
    group.booked_until = now;
  }
  group_spacing_ = Duration{1 + static_cast<std::int64_t>(1e9 / rate)};
}

void Pacer::boost(std::vector<std::uint16_t> times, Instant end, Instant now, Rng& rng) {
  times_ = std::move(times);
  boost_end_ = end;
  heap_.clear();
  for (auto& group : groups_) group.booked_until = now;  // what was booked is gone
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    // A boosted flow's turn comes within its new interval, not within the plan's.
    const Duration own = interval_of(i, now);
    if (slots_[i] > now + own) slots_[i] = now + scaled(own, uniform(rng));
    push({.due = std::max(due_of(i, slots_[i], own, rng), now), .flow = i});
  }
}

Duration Pacer::interval_of(std::uint32_t flow, Instant now) const {
  return times_.empty() || now >= boost_end_ ? interval_ : interval_ / times_[flow];
}

void Pacer::stop() {
  times_.clear();
  slots_.clear();
  heap_.clear();
}

std::optional<std::uint32_t> Pacer::take(Instant now, Rng& rng) {
  do {
    if (heap_.empty() || heap_.front().due > now) return std::nullopt;
    Entry& first = heap_.front();
    if (!first.deferred && first.due <= held_at_) defer(first);
    if (!first.deferred) lateness_ = std::max(lateness_, now - first.due);
  } while (book(now));
  Entry& first = heap_.front();
  if (!budget_->take(now)) {
    defer(first);
    held_at_ = now;
    return std::nullopt;
  }
  const auto flow = first.flow;
  // There is one: book() looked.
  if (const auto group = flow_groups_[flow]) (void)groups_[*group].budget.take(now);
  std::ranges::pop_heap(heap_, kLaterDue);
  heap_.pop_back();
  Instant& slot = slots_[flow];
  const Duration own = interval_of(flow, now);
  slot += own;
  if (slot <= now) slot += ((now - slot) / own + 1) * own;
  push({.due = due_of(flow, slot, own, rng), .flow = flow});
  return flow;
}

void Pacer::defer(Entry& turn) {
  if (!std::exchange(turn.deferred, true)) ++deferred_;
}

// Whether the first entry has to wait for its group, and then books its time there.
bool Pacer::book(Instant now) {
  Entry first = heap_.front();
  const auto number = flow_groups_[first.flow];
  if (!number) return false;
  Group& group = groups_[*number];
  const Instant free = group.budget.next(now);
  if (free <= now && (first.booked || group.booked_until <= now)) return false;
  defer(first);
  group.booked_until = std::max(free, group.booked_until + group_spacing_);
  std::ranges::pop_heap(heap_, kLaterDue);
  heap_.pop_back();
  first.due = group.booked_until;
  first.booked = true;
  push(first);
  return true;
}

bool Pacer::take_budget(std::optional<GroupNumber> number, Instant now) {
  if (!budget_) return false;
  if (!number) return budget_->take(now);
  Group& group = groups_[*number];
  // Those who booked come first.
  if (group.booked_until > now || group.budget.next(now) > now) return false;
  return budget_->take(now) && group.budget.take(now);
}

Instant Pacer::next_due(Instant now) {
  if (heap_.empty()) return Instant::max();
  return heap_.front().deferred ? std::max(heap_.front().due, budget_->next(now))
                                : heap_.front().due;
}

void Pacer::push(Entry entry) {
  heap_.push_back(entry);
  std::ranges::push_heap(heap_, kLaterDue);
}

// A group's budget may be too small for what its flows would send in one tick: they keep apart.
void Pacer::open_lanes(const std::vector<FlowPace>& flows, const Budgets& budgets, Instant now,
                       Rng& rng) {
  flow_lanes_.clear();
  const double wanted =
      static_cast<double>(flows.size()) * 1e9 / static_cast<double>(interval_.count());
  const bool bounded = budgets.groups > 0 && budgets.packets_per_second_per_group <
                                                 std::min(wanted, budgets.packets_per_second);
  if (flows.empty() || bounded) return;
  const auto used = std::ranges::max(flows, {}, &FlowPace::lane).lane + 1;
  lanes_ = static_cast<std::uint16_t>(
      std::min<Duration::rep>(used, scaled(interval_, kLaneWait) / kLaneTick));
  if (lanes_ < 2) return;
  flow_lanes_.reserve(flows.size());
  for (const auto& flow : flows) flow_lanes_.push_back(flow.lane % lanes_);
  lane_origin_ = now + scaled(lanes_ * kLaneTick, uniform(rng));
}

Instant Pacer::due_of(std::uint32_t flow, Instant slot, Duration interval, Rng& rng) const {
  const Instant due = slot + scaled(interval, kJitter * (uniform(rng) - 0.5));
  const Duration round = lanes_ * kLaneTick;
  if (flow_lanes_.empty() || round > scaled(interval, kLaneWait)) return due;
  const Duration past = (due - lane_origin_ - flow_lanes_[flow] * kLaneTick) % round;
  if (past == Duration::zero()) return due;
  return due - past + (past > Duration::zero() ? round : Duration::zero());
}

}  // namespace faultline::session
