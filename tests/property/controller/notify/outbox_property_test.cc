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
  // Alerts by the number that is their key: ids begin anew after a crash with an empty ledger.
  std::uint64_t made = 0;
  std::map<std::string, std::uint64_t> newest_seen;  // by receiver
  std::set<std::uint64_t> added, delivered, shed, dead;
  std::vector<OutboxEntry> in_flight;
  Instant now{seconds{1}};
  WallTime wall{seconds{1'790'000'000}};

  explicit World(std::uint64_t seed) : rng(seed) {}

  static std::uint64_t number_of(const OutboxEntry& entry) {
    return std::stoull(entry.idempotency_key);
  }

  void write(const std::vector<OutboxChange>& changes) {
    for (const auto& change : changes) {
      if (change.entry) {
        if (change.entry->dead) dead.insert(number_of(*change.entry));
        ledger[change.id] = to_record(*change.entry);
      } else {
        const auto number = number_of(from_record(ledger.at(change.id)).value());
        ledger.erase(change.id);
        if (!delivered.contains(number) && !dead.contains(number)) shed.insert(number);
      }
    }
  }

  void add() {
    const auto receiver = std::string(1, static_cast<char>('a' + uniform_below(rng, kReceivers)));
    const auto changes = outbox.add({.receiver = receiver,
                                     .idempotency_key = std::to_string(++made),
                                     .incident = std::to_string(uniform_below(rng, 4)),
                                     .body = "{}",
                                     .supersedable = uniform(rng) < 0.5},
                                    wall);
    added.insert(made);
    write(changes);
  }

  void dispatch() {
    for (auto& entry : outbox.take_due(now)) {
      // Sent again after a crash perhaps, but never after a younger one.
      REQUIRE(number_of(entry) >= newest_seen[entry.receiver]);
      newest_seen[entry.receiver] = number_of(entry);
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
      delivered.insert(number_of(entry));
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
    std::set<std::uint64_t> ended = world.delivered;
    ended.insert(world.shed.begin(), world.shed.end());
    ended.insert(world.dead.begin(), world.dead.end());
    REQUIRE(ended == world.added);
    REQUIRE(world.delivered.size() > 10);
  }
}

}  // namespace faultline::notify
