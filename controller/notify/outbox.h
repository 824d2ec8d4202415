// Outbox: which alert goes to which receiver when, until it has arrived.
//
// Why it exists: an alert must survive a receiver that is down and a controller that restarts, must
// not overtake an older one of the same receiver, and must not be retried for ever.
//
// Pure: `now` and Rng are arguments. Entries are made durable by the caller: every function that
// changes one returns the OutboxChanges to write to the ledger (table "outbox", key = entry id),
// together with whatever caused them. At start the caller restores what the table holds; an entry
// that was in flight when the process died is sent again, with the same idempotency key.
//
// Order: one entry per receiver is in flight, always the oldest; a younger one waits until the
// older is delivered or dead. Receivers do not wait for each other. An update that still waits when
// a later alert of its incident comes is superseded by that and leaves: after an outage on-call
// reads how it stands, not how it came to that.
//
// Memory: at most entries_max entries and bytes_max bytes of bodies per receiver. Thread safety:
// none; owned by the loop.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/stats/token_bucket.h"

namespace faultline::notify {

struct OutboxOptions {
  Duration backoff_first = std::chrono::seconds{1};
  Duration backoff_max = std::chrono::minutes{5};
  Duration retry_after_max = std::chrono::hours{1};  // what a receiver may ask for
  std::uint32_t attempts_max = 500;
  Duration age_max = std::chrono::hours{24};
  // Age alone gives nothing up: the controller may have been off, or its clock set.
  std::uint32_t attempts_before_age = 10;
  // Per receiver. At the limit the oldest waiting entry that may be superseded goes, else the
  // oldest waiting one: what comes last (a resolve) tells most.
  std::size_t entries_max = 4096;
  std::size_t bytes_max = 8U << 20;
  // Over all receivers. The oldest goes.
  std::size_t dead_letters_max = 100;
};

// How fast a receiver wants its alerts.
struct Pace {
  double per_minute = 0;  // 0: as fast as it takes them
  double burst = 10;      // that come at once after a silence

  bool operator==(const Pace&) const = default;
};

using OutboxId = std::uint64_t;

struct OutboxEntry {
  OutboxId id = 0;  // grows with every entry of this outbox; 0 is never given
  std::string receiver;
  std::string idempotency_key;
  std::string incident;       // empty in records of before 1.1
  std::string body;           // the alert (alert_json), the same at every attempt
  bool supersedable = false;  // a later alert of the same incident says all that this one does
  WallTime created_at{};
  std::uint32_t attempts = 0;
  std::string last_error;
  bool dead = false;

  bool operator==(const OutboxEntry&) const = default;
};

// The ledger's form of an entry: one JSON object.
[[nodiscard]] std::string to_record(const OutboxEntry& entry);
[[nodiscard]] Result<OutboxEntry> from_record(std::string_view record);

struct OutboxChange {
  OutboxId id = 0;
  std::optional<OutboxEntry> entry;  // empty: erase the record

  bool operator==(const OutboxChange&) const = default;
};

enum class DeliveryResult : std::uint8_t {
  kDelivered,
  kRetry,    // may work later
  kRefused,  // this body never will
};

struct DeliveryOutcome {
  DeliveryResult result = DeliveryResult::kRetry;
  std::string text;                     // "HTTP 503", "connection refused"
  std::optional<Duration> retry_after;  // what the receiver asked for

  bool operator==(const DeliveryOutcome&) const = default;
};

// 2xx is delivered; 400, 413 and 422 mean that this body is refused; everything else, redirects and
// lost permissions included, is something that an operator may repair within the day.
[[nodiscard]] DeliveryOutcome outcome_of_http(long status, std::optional<Duration> retry_after);

struct OutboxCounters {
  std::uint64_t added = 0;
  std::uint64_t delivered = 0;
  std::uint64_t retried = 0;
  std::uint64_t superseded = 0;
  std::uint64_t shed = 0;         // at a limit; trouble when it grows
  std::uint64_t dead = 0;         // refused, or too old; trouble when it grows
  std::uint64_t dead_faults = 0;  // of those, about the network and not about Faultline itself

  bool operator==(const OutboxCounters&) const = default;
};

struct NewEntry {
  std::string receiver;
  std::string idempotency_key;
  std::string incident;
  std::string body;
  bool supersedable = false;
  bool supersedes = true;  // says all that the supersedable ones of its incident do
};

// One receiver's alerts as they stand.
struct LineView {
  std::string receiver;
  std::size_t waiting = 0;
  bool in_flight = false;
  std::optional<WallTime> oldest;  // when the oldest waiting one was added
  std::optional<Instant> next;     // when it is tried next; empty: nothing waits for time
  std::uint32_t attempts = 0;      // of the oldest
  std::string last_error;          // of the oldest, or of what was given up last
  std::uint64_t delivered = 0;     // since the start
  std::optional<WallTime> delivered_at;

  bool operator==(const LineView&) const = default;
};

class Outbox {
 public:
  explicit Outbox(OutboxOptions options = {}) : options_(options) {}

  // Before the first take_due(). The receiver has a line from then on.
  void set_pace(const std::string& receiver, Pace pace) { lines_[receiver].pace = pace; }
  // At start only, in any order.
  void restore(OutboxEntry entry);

  [[nodiscard]] std::vector<OutboxChange> add(NewEntry entry, WallTime wall);

  // Entries to send now. Each is in flight until its result() arrives.
  [[nodiscard]] std::vector<OutboxEntry> take_due(Instant now);
  // When take_due() is worth calling again; empty while nothing waits for time.
  [[nodiscard]] std::optional<Instant> next_due() const;

  // An id that is not in flight changes nothing.
  [[nodiscard]] std::vector<OutboxChange> result(OutboxId id, const DeliveryOutcome& outcome,
                                                 Instant now, WallTime wall, Rng& rng);

  // Grows whenever something that the views show has changed.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  [[nodiscard]] std::vector<LineView> lines() const;  // by receiver
  // Those that wait, by receiver and age; at most `count`.
  [[nodiscard]] std::vector<OutboxEntry> waiting_entries(std::size_t count) const;
  [[nodiscard]] std::size_t waiting() const;
  // When the oldest waiting entry was added; empty: none waits.
  [[nodiscard]] std::optional<WallTime> oldest_waiting() const;
  [[nodiscard]] const std::deque<OutboxEntry>& dead_letters() const { return dead_; }
  [[nodiscard]] const OutboxCounters& counters() const { return counters_; }

 private:
  struct Line {  // one receiver's entries, oldest first
    std::map<OutboxId, OutboxEntry> entries;
    std::size_t bytes = 0;   // of their bodies
    bool in_flight = false;  // the oldest is
    Instant due = Instant::min();
    Pace pace;
    std::optional<stats::TokenBucket> tokens;  // from the first send on, where there is a pace
    std::string last_error;
    std::uint64_t delivered = 0;
    std::optional<WallTime> delivered_at;
  };

  void bury(OutboxEntry entry, std::vector<OutboxChange>& changes);
  void keep_dead(OutboxEntry entry);
  using Place = std::map<OutboxId, OutboxEntry>::iterator;
  static Place first_waiting(Line& line);
  static Place take_out(Line& line, Place place);
  void supersede(Line& line, const std::string& incident, std::vector<OutboxChange>& changes);
  void make_room(Line& line, std::size_t bytes, std::vector<OutboxChange>& changes);
  [[nodiscard]] static bool may_send(Line& line, Instant now);
  [[nodiscard]] Duration backoff(std::uint32_t attempts, Rng& rng) const;
  [[nodiscard]] Line* line_in_flight(OutboxId id);

  OutboxOptions options_;
  OutboxId next_id_ = 1;
  std::map<std::string, Line> lines_;  // by receiver
  std::deque<OutboxEntry> dead_;       // by id
  OutboxCounters counters_;
  std::uint64_t version_ = 1;
};

}  // namespace faultline::notify
