#include "probe/trace/tracer.h"

#include <map>

#include "tests/support/catch.h"

namespace faultline::trace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TraceOrder order(std::uint64_t id, std::uint32_t host) {
  return {.id = id, .local_port = 47000, .remote = {IpAddress::v4(0x0a000000 + host), 862}};
}
constexpr auto kAlways = [](const Endpoint& /*to*/) { return true; };

// Answers every probe as if the far end were the next hop.
std::vector<OutgoingProbe> drain(Tracer& tracer, Instant now, bool answered = true) {
  std::vector<OutgoingProbe> probes;
  while (auto probe = tracer.take_due(now, kAlways)) {
    probes.push_back(*probe);
    if (!answered) continue;
    CHECK(tracer.on_answer(probe->local_port, probe->remote, Direction::kForward,
                           probe->packet.sequence));
  }
  return probes;
}

}  // namespace

TEST_CASE("no hop distance is probed faster than the plan allows", "[trace]") {
  Tracer tracer;
  tracer.set_rate(2, Instant{});
  for (std::uint32_t i = 0; i < 10; ++i) REQUIRE(tracer.add(order(i, i + 1)));
  std::map<std::uint8_t, int> per_ttl;
  std::size_t results = 0;
  for (Instant now{}; now < Instant{} + seconds{4}; now += milliseconds{5}) {
    for (const auto& probe : drain(tracer, now)) ++per_ttl[probe.ttl];
    while (tracer.take_result(now)) ++results;
  }
  for (const auto& [ttl, count] : per_ttl) CHECK(count <= 9);
  CHECK(results >= 8);
}

TEST_CASE("however often the plan changes, no hop distance is probed faster", "[trace]") {
  Tracer tracer;
  for (std::uint32_t i = 0; i < 20; ++i) REQUIRE(tracer.add(order(i, i + 1)));
  std::map<std::uint8_t, int> per_ttl;
  for (Instant now{}; now < Instant{} + seconds{4}; now += milliseconds{5}) {
    tracer.set_rate(2, now);
    for (const auto& probe : drain(tracer, now)) ++per_ttl[probe.ttl];
    while (tracer.take_result(now)) {
    }
  }
  REQUIRE(per_ttl[1] >= 8);
  for (const auto& [ttl, count] : per_ttl) CHECK(count <= 9);
}

TEST_CASE("a flow has one trace at a time, later orders wait for it", "[trace]") {
  Tracer tracer;
  tracer.set_rate(1000, Instant{});
  REQUIRE(tracer.add(order(1, 1)));
  REQUIRE(tracer.add(order(2, 1)));
  Instant now{};
  std::vector<OutgoingProbe> probes;
  for (; now < Instant{} + milliseconds{100}; now += milliseconds{5}) {
    for (const auto& probe : drain(tracer, now, false)) probes.push_back(probe);
  }
  CHECK(probes.size() == kTtlsAhead);  // of the first order only
  CHECK(tracer.on_answer(47000, probes[0].remote, Direction::kForward, probes[0].packet.sequence));
  REQUIRE(tracer.take_result(now) ==
          TraceResult{.id = 1, .complete = true, .hops = {}, .ended = PathEnd::kReached});
  REQUIRE_FALSE(drain(tracer, now).empty());
  CHECK(tracer.take_result(now) ==
        TraceResult{.id = 2, .complete = true, .hops = {}, .ended = PathEnd::kReached});
}

TEST_CASE("an urgent order is probed before all that are under way and wait, in the same budget",
          "[trace]") {
  Tracer tracer;
  tracer.set_rate(1, Instant{});
  Instant now{};
  for (std::uint32_t i = 0; i < kTracesRunningMax + 10; ++i) REQUIRE(tracer.add(order(i, i + 1)));
  (void)drain(tracer, now, false);
  auto urgent = order(500, 500);
  urgent.urgent = true;
  REQUIRE(tracer.add(urgent));
  CHECK(drain(tracer, now, false).empty());  // every TTL's token is spent
  now += seconds{1};
  const auto probes = drain(tracer, now, false);
  REQUIRE(probes.size() >= kTtlsAhead);
  for (std::size_t i = 0; i < kTtlsAhead; ++i) CHECK(probes[i].remote == urgent.remote);
}

TEST_CASE("the two directions use their own session identifiers", "[trace]") {
  Tracer tracer;
  tracer.set_rate(10, Instant{});
  auto returning = order(1, 1);
  returning.direction = Direction::kReturn;
  REQUIRE(tracer.add(returning));
  REQUIRE(tracer.add(order(2, 2)));
  std::map<std::uint16_t, int> ssids;
  for (const auto at : {Instant{}, Instant{} + milliseconds{500}}) {
    while (const auto probe = tracer.take_due(at, kAlways)) ++ssids[probe->packet.ssid];
  }
  CHECK(ssids[stamp::kSsidTraceReturn] >= kTtlsAhead);
  CHECK(ssids[stamp::kSsidTraceForward] >= kTtlsAhead);
  CHECK(ssids.size() == 2);
}

TEST_CASE("the node's budget stops a trace without losing it", "[trace]") {
  Tracer tracer;
  tracer.set_rate(10, Instant{});
  REQUIRE(tracer.add(order(1, 1)));
  CHECK_FALSE(tracer.take_due(Instant{}, [](const Endpoint& /*to*/) { return false; }));
  CHECK(tracer.take_due(Instant{}, kAlways));
}

TEST_CASE("a destination without budget does not hold up the traces to others", "[trace]") {
  Tracer tracer;
  tracer.set_rate(10, Instant{});
  REQUIRE(tracer.add(order(1, 1)));
  REQUIRE(tracer.add(order(2, 2)));
  const auto second = order(2, 2).remote;
  const auto probe = tracer.take_due(Instant{}, [&](const Endpoint& to) { return to == second; });
  REQUIRE(probe);
  CHECK(probe->remote == second);
}

TEST_CASE("a rate of less than one a second is kept as well", "[trace]") {
  Tracer tracer;
  tracer.set_rate(0.1, Instant{});
  for (std::uint32_t i = 0; i < 10; ++i) REQUIRE(tracer.add(order(i, i + 1)));
  std::size_t results = 0;
  for (Instant now{}; now < Instant{} + seconds{35}; now += milliseconds{50}) {
    (void)drain(tracer, now);
    while (tracer.take_result(now)) ++results;
  }
  CHECK(results == 4);  // at 0, 10, 20 and 30 s, all of one hop
}

TEST_CASE("orders beyond the limit are refused", "[trace]") {
  Tracer tracer;
  for (std::size_t i = 0; i < kOrdersWaitingMax; ++i) {
    REQUIRE(tracer.add(order(i, static_cast<std::uint32_t>(i))));
  }
  CHECK_FALSE(tracer.add(order(0, 0)));
}

TEST_CASE("an idle tracer has nothing due", "[trace]") {
  Tracer tracer;
  tracer.set_rate(1, Instant{});
  CHECK(tracer.next_due(Instant{}) == Instant::max());
  REQUIRE(tracer.add(order(1, 1)));
  CHECK(tracer.next_due(Instant{}) == Instant{});
  (void)drain(tracer, Instant{}, false);
  CHECK(tracer.next_due(Instant{}) == Instant{} + kProbeTimeout);
}

}  // namespace faultline::trace
