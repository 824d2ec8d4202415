// A receiver that is down for an hour of virtual time while 500 incidents come and go.
#include <map>
#include <set>
#include <vector>

#include "controller/notify/outbox.h"
#include "tests/support/catch.h"

namespace faultline::notify {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int kIncidents = 500;
constexpr std::size_t kBodyBytes = 2000;  // about what an alert with 50 affected nodes has
constexpr Duration kOutage = std::chrono::hours{1};

struct Arrival {
  int incident = 0;
  int sequence = 0;
};

// Each incident opens, is updated up to four times, and is resolved, all within the outage.
struct Story {
  Rng rng;
  Outbox outbox;
  Instant now{seconds{1}};
  WallTime wall{seconds{1'790'000'000}};
  std::multimap<Duration, Arrival> script;
  std::map<int, int> last_sequence;
  std::vector<std::string> arrived;
  std::size_t bytes_seen_max = 0;

  explicit Story(std::uint64_t seed) : rng(seed) {
    for (int incident = 0; incident < kIncidents; ++incident) {
      const auto updates = static_cast<int>(uniform_below(rng, 5));
      auto at = seconds{uniform_below(rng, 2400)};
      for (int sequence = 1; sequence <= updates + 2; ++sequence) {
        script.emplace(at, Arrival{incident, sequence});
        at += seconds{1 + uniform_below(rng, 150)};
      }
      last_sequence[incident] = updates + 2;
    }
  }

  void add(const Arrival& arrival) {
    const bool inner = arrival.sequence > 1 && arrival.sequence < last_sequence[arrival.incident];
    (void)outbox.add(
        {"pager", std::to_string(arrival.incident) + "/" + std::to_string(arrival.sequence),
         std::to_string(arrival.incident), std::string(kBodyBytes, 'x'), inner},
        wall);
    bytes_seen_max = std::max(bytes_seen_max, outbox.waiting() * kBodyBytes);
  }

  void run() {
    const auto start = now;
    for (auto next = script.begin(); next != script.end() || outbox.waiting() > 0;) {
      for (; next != script.end() && next->first <= now - start; ++next) add(next->second);
      const bool up = now - start >= kOutage;
      for (auto due = outbox.take_due(now); !due.empty(); due = outbox.take_due(now)) {
        if (up) arrived.push_back(due[0].idempotency_key);
        (void)outbox.result(due[0].id,
                            {up ? DeliveryResult::kDelivered : DeliveryResult::kRetry, "", {}}, now,
                            wall, rng);
      }
      now += milliseconds{250};
      wall += milliseconds{250};
    }
  }
};

}  // namespace

TEST_CASE("after an hour's outage with 500 incidents all is delivered, in order, none lost",
          "[notify]") {
  for (const std::uint64_t seed : {5001U, 5002U, 5003U, 5004U, 5005U}) {
    CAPTURE(seed);
    Story story{seed};
    story.run();
    std::map<int, std::vector<int>> by_incident;
    for (const auto& key : story.arrived) {
      by_incident[std::stoi(key)].push_back(std::stoi(key.substr(key.find('/') + 1)));
    }
    REQUIRE(by_incident.size() == kIncidents);
    for (const auto& [incident, sequences] : by_incident) {
      CAPTURE(incident);
      REQUIRE(sequences.front() == 1);
      REQUIRE(sequences.back() == story.last_sequence[incident]);
      REQUIRE(std::set<int>(sequences.begin(), sequences.end()).size() == sequences.size());
      REQUIRE(std::ranges::is_sorted(sequences));
    }
    CHECK(story.outbox.counters().shed == 0);
    CHECK(story.outbox.counters().dead == 0);
    CHECK(story.arrived.size() + story.outbox.counters().superseded == story.script.size());
    CHECK(story.bytes_seen_max <= 3 * kIncidents * kBodyBytes);
    // After the outage the longest back-off passes, and no more.
    CHECK(story.now - Instant{seconds{1}} < kOutage + minutes{6});
  }
}

}  // namespace faultline::notify
