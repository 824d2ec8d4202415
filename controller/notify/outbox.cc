#include "controller/notify/outbox.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

#include "controller/notify/watchdog.h"

namespace faultline::notify {

void Outbox::restore(OutboxEntry entry) {
  next_id_ = std::max(next_id_, entry.id + 1);
  if (entry.dead) {
    keep_dead(std::move(entry));
    return;
  }
  auto& line = lines_[entry.receiver];
  line.bytes += entry.body.size();
  line.entries.emplace(entry.id, std::move(entry));
}

std::vector<OutboxChange> Outbox::add(NewEntry entry, WallTime wall) {
  std::vector<OutboxChange> changes;
  auto& line = lines_[entry.receiver];
  if (entry.supersedes && !entry.incident.empty()) supersede(line, entry.incident, changes);
  make_room(line, entry.body.size(), changes);
  line.bytes += entry.body.size();
  const auto id = next_id_++;
  const auto& added = line.entries[id] =
      OutboxEntry{.id = id,
                  .receiver = std::move(entry.receiver),
                  .idempotency_key = std::move(entry.idempotency_key),
                  .incident = std::move(entry.incident),
                  .body = std::move(entry.body),
                  .supersedable = entry.supersedable,
                  .created_at = wall,
                  .attempts = 0,
                  .last_error = {},
                  .dead = false};
  changes.push_back({id, added});
  ++counters_.added;
  ++version_;
  return changes;
}

Outbox::Place Outbox::first_waiting(Line& line) {
  return line.in_flight ? std::next(line.entries.begin()) : line.entries.begin();
}

Outbox::Place Outbox::take_out(Line& line, Place place) {
  line.bytes -= place->second.body.size();
  return line.entries.erase(place);
}

void Outbox::supersede(Line& line, const std::string& incident,
                       std::vector<OutboxChange>& changes) {
  for (auto place = first_waiting(line); place != line.entries.end();) {
    if (!place->second.supersedable || place->second.incident != incident) {
      ++place;
      continue;
    }
    changes.push_back({place->first, std::nullopt});
    place = take_out(line, place);
    ++counters_.superseded;
  }
}

void Outbox::make_room(Line& line, std::size_t bytes, std::vector<OutboxChange>& changes) {
  while (line.entries.size() >= options_.entries_max || line.bytes + bytes > options_.bytes_max) {
    const auto first = first_waiting(line);
    auto shed = std::find_if(first, line.entries.end(),
                             [](const auto& item) { return item.second.supersedable; });
    if (shed == line.entries.end()) shed = first;
    if (shed == line.entries.end()) return;  // only the one in flight is left
    ++counters_.shed;
    if (shed->second.supersedable) {
      changes.push_back({shed->first, std::nullopt});
    } else {
      bury(shed->second, changes);  // nobody will be told of it
    }
    take_out(line, shed);
  }
}

bool Outbox::may_send(Line& line, Instant now) {
  if (line.in_flight || line.entries.empty() || line.due > now) return false;
  if (line.pace.per_minute <= 0) return true;
  if (!line.tokens) line.tokens.emplace(line.pace.per_minute / 60, line.pace.burst, now);
  if (line.tokens->take(now)) return true;
  line.due = line.tokens->next(now);
  return false;
}

std::vector<OutboxEntry> Outbox::take_due(Instant now) {
  std::vector<OutboxEntry> due;
  for (auto& line : lines_ | std::views::values) {
    if (!may_send(line, now)) continue;
    line.in_flight = true;
    due.push_back(line.entries.begin()->second);
  }
  if (!due.empty()) ++version_;
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
  ++version_;
  std::vector<OutboxChange> changes;
  auto& entry = line->entries.begin()->second;
  ++entry.attempts;
  if (outcome.result == DeliveryResult::kDelivered) {
    ++counters_.delivered;
    ++line->delivered;
    line->delivered_at = wall;
    line->last_error.clear();
    changes.push_back({id, std::nullopt});
    take_out(*line, line->entries.begin());
    line->due = Instant::min();
    return changes;
  }
  entry.last_error = line->last_error = outcome.text;
  if (outcome.result == DeliveryResult::kRefused || entry.attempts >= options_.attempts_max ||
      (wall - entry.created_at >= options_.age_max &&
       entry.attempts >= options_.attempts_before_age)) {
    bury(entry, changes);
    take_out(*line, line->entries.begin());
    line->due = Instant::min();
    return changes;
  }
  ++counters_.retried;
  const auto asked =
      std::min(outcome.retry_after.value_or(Duration::zero()), options_.retry_after_max);
  line->due = now + std::max(asked, backoff(entry.attempts, rng));
  changes.push_back({id, entry});
  return changes;
}

void Outbox::bury(OutboxEntry entry, std::vector<OutboxChange>& changes) {
  entry.dead = true;
  ++counters_.dead;
  if (!is_about_product(entry.incident)) ++counters_.dead_faults;
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

std::vector<LineView> Outbox::lines() const {
  std::vector<LineView> views;
  for (const auto& [receiver, line] : lines_) {
    LineView view{.receiver = receiver,
                  .waiting = line.entries.size(),
                  .in_flight = line.in_flight,
                  .oldest = {},
                  .next = {},
                  .attempts = 0,
                  .last_error = line.last_error,
                  .delivered = line.delivered,
                  .delivered_at = line.delivered_at};
    if (!line.entries.empty()) {
      const auto& oldest = line.entries.begin()->second;
      view.oldest = oldest.created_at;
      view.attempts = oldest.attempts;
      if (!oldest.last_error.empty()) view.last_error = oldest.last_error;
      if (!line.in_flight && line.due != Instant::min()) view.next = line.due;
    }
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<OutboxEntry> Outbox::waiting_entries(std::size_t count) const {
  std::vector<OutboxEntry> entries;
  for (const auto& line : lines_ | std::views::values) {
    for (const auto& entry : line.entries | std::views::values) {
      if (entries.size() == count) return entries;
      entries.push_back(entry);
    }
  }
  return entries;
}

std::size_t Outbox::waiting() const {
  std::size_t count = 0;
  for (const auto& line : lines_ | std::views::values) count += line.entries.size();
  return count;
}

std::optional<WallTime> Outbox::oldest_waiting() const {
  std::optional<WallTime> oldest;
  for (const auto& line : lines_ | std::views::values) {
    if (line.entries.empty()) continue;
    const auto created_at = line.entries.begin()->second.created_at;
    oldest = std::min(oldest.value_or(created_at), created_at);
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
