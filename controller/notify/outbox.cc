#include "controller/notify/outbox.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

namespace faultline::notify {

void Outbox::restore(OutboxEntry entry) {
  next_id_ = std::max(next_id_, entry.id + 1);
  if (entry.dead) {
    keep_dead(std::move(entry));
    return;
  }
  auto& line = lines_[entry.receiver];
  line.entries.insert_or_assign(entry.id, std::move(entry));
}

std::vector<OutboxChange> Outbox::add(NewEntry entry, WallTime wall) {
  std::vector<OutboxChange> changes;
  auto& line = lines_[entry.receiver];
  make_room(line, changes);
  const auto id = next_id_++;
  const auto& added = line.entries[id] =
      OutboxEntry{.id = id,
                  .receiver = std::move(entry.receiver),
                  .idempotency_key = std::move(entry.idempotency_key),
                  .body = std::move(entry.body),
                  .supersedable = entry.supersedable,
                  .created_at = wall,
                  .attempts = 0,
                  .last_error = {},
                  .dead = false};
  changes.push_back({id, added});
  ++counters_.added;
  return changes;
}

void Outbox::make_room(Line& line, std::vector<OutboxChange>& changes) {
  while (line.entries.size() >= options_.entries_max) {
    auto first = line.entries.begin();
    if (line.in_flight) ++first;
    auto shed = std::find_if(first, line.entries.end(),
                             [](const auto& item) { return item.second.supersedable; });
    if (shed == line.entries.end()) shed = first;
    if (shed == line.entries.end()) return;  // only the one in flight is left
    changes.push_back({shed->first, std::nullopt});
    line.entries.erase(shed);
    ++counters_.shed;
  }
}

std::vector<OutboxEntry> Outbox::take_due(Instant now) {
  std::vector<OutboxEntry> due;
  for (auto& line : lines_ | std::views::values) {
    if (line.in_flight || line.entries.empty() || line.due > now) continue;
    line.in_flight = true;
    due.push_back(line.entries.begin()->second);
  }
  return due;
}

std::optional<Instant> Outbox::next_due() const {
  std::optional<Instant> next;
  for (const auto& line : lines_ | std::views::values) {
    if (line.in_flight || line.entries.empty()) continue;
    if (!next || line.due < *next) next = line.due;
  }
  return next;
}

Outbox::Line* Outbox::line_in_flight(OutboxId id) {
  for (auto& line : lines_ | std::views::values) {
    if (line.in_flight && line.entries.begin()->first == id) return &line;
  }
  return nullptr;
}

std::vector<OutboxChange> Outbox::result(OutboxId id, const DeliveryOutcome& outcome, Instant now,
                                         WallTime wall, Rng& rng) {
  auto* line = line_in_flight(id);
  if (line == nullptr) return {};
  line->in_flight = false;
  std::vector<OutboxChange> changes;
  auto& entry = line->entries.begin()->second;
  ++entry.attempts;
  if (outcome.result == DeliveryResult::kDelivered) {
    ++counters_.delivered;
    changes.push_back({id, std::nullopt});
    line->entries.erase(id);
    line->due = Instant::min();
    return changes;
  }
  entry.last_error = outcome.text;
  if (outcome.result == DeliveryResult::kRefused || entry.attempts >= options_.attempts_max ||
      wall - entry.created_at >= options_.age_max) {
    bury(std::move(entry), changes);
    line->entries.erase(id);
    line->due = Instant::min();
    return changes;
  }
  ++counters_.retried;
  const auto asked = std::min(outcome.retry_after.value_or(Duration::zero()), options_.backoff_max);
  line->due = now + std::max(asked, backoff(entry.attempts, rng));
  changes.push_back({id, entry});
  return changes;
}

void Outbox::bury(OutboxEntry entry, std::vector<OutboxChange>& changes) {
  entry.dead = true;
  ++counters_.dead;
  changes.push_back({entry.id, entry});
  keep_dead(std::move(entry));
  while (dead_.size() > options_.dead_letters_max) {
    changes.push_back({dead_.front().id, std::nullopt});
    dead_.pop_front();
  }
}

// By id, so that a restart finds the same order whatever order they died in.
void Outbox::keep_dead(OutboxEntry entry) {
  const auto place = std::ranges::lower_bound(dead_, entry.id, {}, &OutboxEntry::id);
  dead_.insert(place, std::move(entry));
}

// Doubles with every attempt up to the maximum; the upper half of it is drawn, so that receivers
// that came back are not met by all senders at once.
Duration Outbox::backoff(std::uint32_t attempts, Rng& rng) const {
  auto delay = options_.backoff_first;
  for (std::uint32_t i = 1; i < attempts && delay < options_.backoff_max; ++i) delay *= 2;
  delay = std::min(delay, options_.backoff_max);
  return delay / 2 + Duration{static_cast<std::int64_t>(uniform(rng) *
                                                        static_cast<double>((delay / 2).count()))};
}

std::size_t Outbox::waiting() const {
  std::size_t count = 0;
  for (const auto& line : lines_ | std::views::values) count += line.entries.size();
  return count;
}

std::optional<WallTime> Outbox::oldest_waiting() const {
  std::optional<WallTime> oldest;
  for (const auto& line : lines_ | std::views::values) {
    for (const auto& entry : line.entries | std::views::values) {
      oldest = std::min(oldest.value_or(entry.created_at), entry.created_at);
    }
  }
  return oldest;
}

DeliveryOutcome outcome_of_http(long status, std::optional<Duration> retry_after) {
  auto result = DeliveryResult::kRetry;
  if (status >= 200 && status < 300) result = DeliveryResult::kDelivered;
  if (status == 400 || status == 413 || status == 422) result = DeliveryResult::kRefused;
  return DeliveryOutcome{result, fmt::format("HTTP {}", status), retry_after};
}

}  // namespace faultline::notify
