// A controller that crashes at random and receivers that fail at random: what the ledger holds is
// always enough to go on, and every receiver sees its alerts in order.
#include <map>
#include <set>

#include "controller/notify/outbox.h"
#include "tests/support/catch.h"

namespace faultline::notify {
namespace {

using std::chrono::seconds;

constexpr std::size_t kReceivers = 3;
constexpr std::size_t kEntriesMax = 8;
const OutboxOptions kOptions{.attempts_max = 6, .entries_max = kEntriesMax, .dead_letters_max = 4};

struct World {
  Rng rng;
  Outbox outbox{kOptions};
  std::map<OutboxId, std::string> ledger;
  std::map<std::string, OutboxId> newest_seen;  // by receiver
  std::set<OutboxId> added, delivered, shed, dead;
  std::vector<OutboxEntry> in_flight;
  Instant now{seconds{1}};
  WallTime wall{seconds{1'790'000'000}};

  explicit World(std::uint64_t seed) : rng(seed) {}

  void write(const std::vector<OutboxChange>& changes) {
    for (const auto& change : changes) {
      if (change.entry) {
        if (change.entry->dead) dead.insert(change.id);
        ledger[change.id] = to_record(*change.entry);
      } else {
        ledger.erase(change.id);
        if (!delivered.contains(change.id) && !dead.contains(change.id)) shed.insert(change.id);
      }
    }
  }

  void add() {
    const auto receiver = std::string(1, static_cast<char>('a' + uniform_below(rng, kReceivers)));
    const auto changes = outbox.add({.receiver = receiver,
                                     .idempotency_key = "k",
                                     .body = "{}",
                                     .supersedable = uniform(rng) < 0.5},
                                    wall);
    added.insert(changes.back().id);
    write(changes);
  }

  void dispatch() {
    for (auto& entry : outbox.take_due(now)) {
      // Sent again after a crash perhaps, but never after a younger one.
      REQUIRE(entry.id >= newest_seen[entry.receiver]);
      newest_seen[entry.receiver] = entry.id;
      in_flight.push_back(std::move(entry));
    }
  }

  void answer(double success) {
    if (in_flight.empty()) return;
    const auto entry = in_flight.back();
    in_flight.pop_back();
    DeliveryOutcome outcome{DeliveryResult::kRetry, "HTTP 500", std::nullopt};
    if (uniform(rng) < success) {
      outcome.result = DeliveryResult::kDelivered;
      delivered.insert(entry.id);
    } else if (uniform(rng) < 0.2) {
      outcome.result = DeliveryResult::kRefused;
    }
    write(outbox.result(entry.id, outcome, now, wall, rng));
  }

  void crash() {
    in_flight.clear();
    Outbox fresh{kOptions};
    for (const auto& [id, record] : ledger) {
      const auto entry = from_record(record);
      REQUIRE(entry);
      fresh.restore(*entry);
    }
    REQUIRE(fresh.waiting() == outbox.waiting());
    REQUIRE(fresh.dead_letters() == outbox.dead_letters());
    outbox = std::move(fresh);
  }

  void step() {
    const auto draw = uniform(rng);
    if (draw < 0.4) {
      add();
    } else if (draw < 0.6) {
      dispatch();
    } else if (draw < 0.9) {
      answer(0.4);
    } else if (draw < 0.93) {
      crash();
    }
    now += seconds{uniform_below(rng, 20)};
    REQUIRE(outbox.waiting() <= kReceivers * kEntriesMax);
    REQUIRE(outbox.dead_letters().size() <= kOptions.dead_letters_max);
  }

  // Receivers answer again: everything leaves.
  void drain() {
    while (outbox.waiting() > 0) {
      if (const auto due = outbox.next_due()) now = std::max(now, *due);
      dispatch();
      while (!in_flight.empty()) answer(1.0);
    }
  }
};

}  // namespace

TEST_CASE("alerts arrive in order and none is lost, through crashes and failing receivers",
          "[notify]") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    World world{seed};
    for (int i = 0; i < 300; ++i) world.step();
    world.drain();
    std::set<OutboxId> ended = world.delivered;
    ended.insert(world.shed.begin(), world.shed.end());
    ended.insert(world.dead.begin(), world.dead.end());
    REQUIRE(ended == world.added);
    REQUIRE(world.delivered.size() > 10);
  }
}

}  // namespace faultline::notify
