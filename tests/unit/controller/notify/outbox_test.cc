#include "controller/notify/outbox.h"

#include "tests/support/catch.h"

namespace faultline::notify {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Instant kStart{seconds{1000}};
constexpr WallTime kWall{seconds{1'790'000'000}};
const DeliveryOutcome kDelivered{DeliveryResult::kDelivered, "HTTP 204", std::nullopt};
const DeliveryOutcome kDown{DeliveryResult::kRetry, "connection refused", std::nullopt};
const DeliveryOutcome kRefused{DeliveryResult::kRefused, "HTTP 400", std::nullopt};

NewEntry entry(const std::string& receiver, const std::string& key, bool supersedable = false) {
  return {.receiver = receiver,
          .idempotency_key = key,
          .incident = {},
          .body = "{}",
          .supersedable = supersedable};
}

std::vector<std::string> keys(const std::vector<OutboxEntry>& entries) {
  std::vector<std::string> result;
  for (const auto& item : entries) result.push_back(item.idempotency_key);
  return result;
}

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("a delivered alert leaves the ledger", "[notify]") {
  Rng rng{1};
  Outbox outbox;
  const auto added = outbox.add(entry("pager", "a"), kWall);
  REQUIRE(added.size() == 1);
  REQUIRE(added[0].entry);
  CHECK(added[0].entry->created_at == kWall);
  const auto id = outbox.take_due(kStart).at(0).id;
  CHECK(outbox.result(id, kDelivered, kStart, kWall, rng) ==
        std::vector{OutboxChange{id, std::nullopt}});
  CHECK(outbox.waiting() == 0);
  CHECK_FALSE(outbox.next_due());
}

TEST_CASE("a younger alert waits for the older one, but not for another receiver", "[notify]") {
  Rng rng{1};
  Outbox outbox;
  for (const auto* key : {"a1", "a2"}) (void)outbox.add(entry("a", key), kWall);
  (void)outbox.add(entry("b", "b1"), kWall);
  const auto first = outbox.take_due(kStart);
  CHECK(keys(first) == Keys{"a1", "b1"});
  CHECK(outbox.take_due(kStart).empty());
  (void)outbox.result(first[0].id, kDown, kStart, kWall, rng);
  CHECK(outbox.take_due(kStart).empty());
  const auto retry = outbox.take_due(kStart + seconds{1});
  CHECK(keys(retry) == Keys{"a1"});
  (void)outbox.result(retry[0].id, kDelivered, kStart + seconds{1}, kWall, rng);
  CHECK(keys(outbox.take_due(kStart + seconds{1})) == Keys{"a2"});
}

TEST_CASE("the wait doubles with every failure, is jittered, and has a maximum", "[notify]") {
  Rng rng{7};
  Outbox outbox;
  (void)outbox.add(entry("pager", "a"), kWall);
  auto now = kStart;
  for (int attempt = 0; attempt < 14; ++attempt) {
    CAPTURE(attempt);
    const auto due = outbox.take_due(now);
    REQUIRE(due.size() == 1);
    (void)outbox.result(due[0].id, kDown, now, kWall, rng);
    const Duration full = std::min<Duration>(seconds{1 << attempt}, minutes{5});
    const auto wait = *outbox.next_due() - now;
    CHECK(wait >= full / 2);
    CHECK(wait <= full);
    now = *outbox.next_due();
  }
}

TEST_CASE("a receiver's Retry-After is honored up to an hour", "[notify]") {
  Rng rng{7};
  Outbox outbox;
  (void)outbox.add(entry("pager", "a"), kWall);
  const auto id = outbox.take_due(kStart).at(0).id;
  (void)outbox.result(id, {DeliveryResult::kRetry, "HTTP 429", seconds{90}}, kStart, kWall, rng);
  CHECK(outbox.next_due() == kStart + seconds{90});
  REQUIRE(outbox.take_due(kStart + seconds{90}).size() == 1);
  (void)outbox.result(id, {DeliveryResult::kRetry, "HTTP 429", hours{2}}, kStart + seconds{90},
                      kWall, rng);
  CHECK(outbox.next_due() == kStart + seconds{90} + hours{1});
}

TEST_CASE("a refused or too old alert becomes a dead letter and the next one follows", "[notify]") {
  Rng rng{1};
  Outbox outbox;
  for (const auto* key : {"bad", "old", "good"}) (void)outbox.add(entry("pager", key), kWall);
  const auto bad = outbox.take_due(kStart).at(0).id;
  const auto changes = outbox.result(bad, kRefused, kStart, kWall, rng);
  REQUIRE(changes.size() == 1);
  REQUIRE(changes[0].entry);
  CHECK(changes[0].entry->dead);
  CHECK(changes[0].entry->last_error == "HTTP 400");
  // Not by age alone: the controller may have been off for a day.
  auto now = kStart;
  for (std::uint32_t attempt = 1; attempt <= OutboxOptions{}.attempts_before_age; ++attempt) {
    CHECK(outbox.dead_letters().size() == 1);
    const auto old = outbox.take_due(now).at(0);
    CHECK(old.idempotency_key == "old");
    (void)outbox.result(old.id, kDown, now, kWall + hours{24}, rng);
    now += hours{1};
  }
  CHECK(keys(outbox.take_due(now)) == Keys{"good"});
  CHECK(outbox.dead_letters().size() == 2);
  CHECK(outbox.counters().dead == 2);
}

TEST_CASE("at the limit superseded updates go first, openings and resolves last", "[notify]") {
  Outbox outbox({.entries_max = 3});
  (void)outbox.add(entry("pager", "opened"), kWall);
  (void)outbox.add(entry("pager", "updated", true), kWall);
  (void)outbox.add(entry("pager", "updated again", true), kWall);
  const auto changes = outbox.add(entry("pager", "resolved"), kWall);
  REQUIRE(changes.size() == 2);
  CHECK_FALSE(changes[0].entry);  // "updated" is erased
  CHECK(outbox.counters().shed == 1);
  Rng rng{1};
  Keys seen;
  for (auto due = outbox.take_due(kStart); !due.empty(); due = outbox.take_due(kStart)) {
    seen.push_back(due[0].idempotency_key);
    (void)outbox.result(due[0].id, kDelivered, kStart, kWall, rng);
  }
  CHECK(seen == Keys{"opened", "updated again", "resolved"});
}

TEST_CASE("an update that waits leaves when a later alert of its incident comes", "[notify]") {
  Outbox outbox;
  const auto of = [](const std::string& incident, const std::string& key, bool supersedable) {
    return NewEntry{"pager", key, incident, "{}", supersedable};
  };
  (void)outbox.add(of("i-1", "1 opened", false), kWall);
  (void)outbox.add(of("i-1", "1 updated", true), kWall);
  (void)outbox.add(of("i-2", "2 updated", true), kWall);
  const auto in_flight = outbox.take_due(kStart);
  const auto changes = outbox.add(of("i-1", "1 resolved", false), kWall);
  REQUIRE(changes.size() == 2);
  CHECK(changes[0] == OutboxChange{2, std::nullopt});
  CHECK(outbox.counters().superseded == 1);
  CHECK(keys(in_flight) == Keys{"1 opened"});
  CHECK(keys(outbox.waiting_entries(9)) == Keys{"1 opened", "2 updated", "1 resolved"});
}

TEST_CASE("a receiver's bytes are bounded as its alerts are", "[notify]") {
  Outbox outbox({.bytes_max = 1000});
  for (int i = 0; i < 10; ++i) {
    (void)outbox.add({"pager", std::to_string(i), {}, std::string(300, 'x'), false}, kWall);
  }
  CHECK(keys(outbox.waiting_entries(9)) == Keys{"7", "8", "9"});
  CHECK(outbox.counters().shed == 7);
}

TEST_CASE("a receiver with a pace gets a burst and then so many a minute", "[notify]") {
  Rng rng{1};
  Outbox outbox;
  outbox.set_pace("chat", {.per_minute = 6, .burst = 2});
  for (int i = 0; i < 5; ++i) (void)outbox.add(entry("chat", std::to_string(i)), kWall);
  std::vector<std::int64_t> at_s;
  for (auto now = kStart; outbox.waiting() > 0; now += seconds{1}) {
    for (auto due = outbox.take_due(now); !due.empty(); due = outbox.take_due(now)) {
      at_s.push_back((now - kStart) / seconds{1});
      (void)outbox.result(due[0].id, kDelivered, now, kWall, rng);
    }
  }
  REQUIRE(at_s.size() == 5);
  CHECK(at_s[1] == 0);
  CHECK(at_s[2] >= 10);
  CHECK(at_s[4] >= 30);
  CHECK(at_s[4] <= 33);
}

TEST_CASE("the view of a line says what keeps it", "[notify]") {
  Rng rng{1};
  Outbox outbox;
  outbox.set_pace("idle", {});
  (void)outbox.add(entry("pager", "a"), kWall);
  const auto before = outbox.version();
  const auto id = outbox.take_due(kStart).at(0).id;
  (void)outbox.result(id, kDown, kStart, kWall, rng);
  CHECK(outbox.version() > before);
  const auto lines = outbox.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].receiver == "idle");
  CHECK(lines[1].last_error == "connection refused");
  CHECK(lines[1].attempts == 1);
  CHECK(lines[1].next == outbox.next_due());
  CHECK(lines[1].oldest == kWall);
}

TEST_CASE("the oldest alert that waits is known over all receivers", "[notify]") {
  Rng rng{1};
  Outbox outbox;
  CHECK(outbox.oldest_waiting() == std::nullopt);
  (void)outbox.add(entry("pager", "a"), kWall + seconds{5});
  (void)outbox.add(entry("chat", "b"), kWall);
  CHECK(outbox.oldest_waiting() == kWall);
  for (const auto& due : outbox.take_due(kStart)) {
    if (due.receiver == "chat") (void)outbox.result(due.id, kDelivered, kStart, kWall, rng);
  }
  CHECK(outbox.oldest_waiting() == kWall + seconds{5});
}

TEST_CASE("an outcome of something that is not in flight changes nothing", "[notify]") {
  Rng rng{1};
  Outbox outbox;
  (void)outbox.add(entry("pager", "a"), kWall);
  CHECK(outbox.result(1, kDelivered, kStart, kWall, rng).empty());
  CHECK(outbox.result(99, kDelivered, kStart, kWall, rng).empty());
  CHECK(outbox.waiting() == 1);
}

TEST_CASE("HTTP answers are delivered, refused for this body, or worth another try", "[notify]") {
  for (const long status : {200L, 202L, 204L}) {
    CHECK(outcome_of_http(status, {}).result == DeliveryResult::kDelivered);
  }
  for (const long status : {400L, 413L, 422L}) {
    CHECK(outcome_of_http(status, {}).result == DeliveryResult::kRefused);
  }
  for (const long status : {302L, 401L, 403L, 404L, 408L, 429L, 500L, 503L}) {
    CHECK(outcome_of_http(status, {}).result == DeliveryResult::kRetry);
  }
}

TEST_CASE("an outbox record is read back as it was written", "[notify]") {
  const OutboxEntry original{.id = 7,
                             .receiver = "pager",
                             .idempotency_key = "i-1-1-opened",
                             .incident = "i-1",
                             .body = R"({"a":"\u00e4"})",
                             .supersedable = true,
                             .created_at = kWall,
                             .attempts = 3,
                             .last_error = "HTTP 503",
                             .dead = true};
  CHECK(from_record(to_record(original)) == original);
}

TEST_CASE("a damaged outbox record is an error", "[notify]") {
  for (const auto* record : {"", "{", "[]", R"({"id":0})", R"({"id":"x"})"}) {
    CAPTURE(record);
    REQUIRE_FALSE(from_record(record));
    CHECK(from_record(record).error().code == ErrorCode::kCorrupt);
  }
}

}  // namespace faultline::notify
