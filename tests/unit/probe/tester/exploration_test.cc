// The exploration of paths against small networks on virtual time.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "common/base/random.h"
#include "probe/paths/exploration.h"
#include "tests/support/catch.h"

using namespace faultline;
using namespace std::chrono_literals;
using paths::Ended;

namespace {

const IpAddress kTarget = *IpAddress::parse("192.0.2.9");

IpAddress router(int hop, int which = 0) {
  return IpAddress::v4(0x0a000000U + static_cast<std::uint32_t>(hop * 256 + which));
}

// What a packet of a flow with a TTL (0: the full one) gets at a time; empty: silence.
using Network = std::function<std::optional<paths::Reply>(const paths::Probe&, Instant)>;

paths::Reply expired(const IpAddress& from) {
  return {.from = from, .ttl_exceeded = true, .type = 11};
}
paths::Reply answered(int routers) {
  return {.from = kTarget,
          .from_target = true,
          .arrived_ttl = static_cast<std::uint8_t>(255 - routers)};
}

// Three routers in a row; the second is one of `width`, by flow.
Network diamond(int width) {
  return [width](const paths::Probe& probe, Instant) -> std::optional<paths::Reply> {
    const int which = probe.flow % width;
    if (probe.ttl == 1 || probe.ttl == 3) return expired(router(probe.ttl));
    if (probe.ttl == 2) return expired(router(2, which));
    return answered(3);
  };
}

paths::ExplorationReport explore(const Network& network, paths::ExplorationOptions options,
                                 Instant* ended = nullptr) {
  Instant now{1h};
  paths::Exploration exploration(kTarget, options, now);
  std::multimap<Instant, std::pair<std::uint32_t, paths::Reply>> replies;
  for (int turn = 0; turn < 200'000 && !exploration.done(); ++turn) {
    while (!replies.empty() && replies.begin()->first <= now) {
      exploration.on_reply(replies.begin()->second.first, replies.begin()->second.second, now);
      replies.erase(replies.begin());
    }
    if (const auto probe = exploration.next(now)) {
      if (const auto reply = network(*probe, now))
        replies.emplace(now + 1ms, std::pair(probe->id, *reply));
      continue;
    }
    auto next = exploration.next_event(now);
    if (!replies.empty()) next = std::min(next, replies.begin()->first);
    if (next != Instant::max()) now = std::max(next, now + 10us);
  }
  CHECK(exploration.done());
  if (ended != nullptr) *ended = now;
  return exploration.report();
}

bool has(const paths::ExplorationReport& report, std::string_view kind) {
  return std::ranges::any_of(report.remarks, [&](const auto& r) { return r.kind == kind; });
}

}  // namespace

TEST_CASE("every path that load balancing offers is found, and told from a change", "[paths]") {
  Instant ended;
  const auto report = explore(diamond(4), {.flows = 64, .attempts = 3, .rate = 200}, &ended);
  REQUIRE(report.paths.size() == 4);
  for (const auto& path : report.paths) {
    CHECK(path.flows.size() == 16);
    CHECK(path.hops.size() == 3);
    CHECK(path.ended == Ended::kReached);
    CHECK(path.reflected);
    CHECK(path.answered == 48);
    CHECK(path.rtt_median == 1ms);
  }
  CHECK(has(report, "load-balancing"));
  for (const auto kind : {"route-change", "per-packet-balancing", "loop", "rate-limited-icmp",
                          "silent-hop", "ttl-tampering"}) {
    CHECK(!has(report, kind));
  }
  CHECK(report.remarks.front().text.find("4 next hops") != std::string::npos);
  // 64 flows x 3 attempts x (3 hops and the target, beyond which a first pass looks a little) at a
  // fifth of 200 packets per second and hop.
  CHECK(ended - Instant{1h} >= 64 * 3 * 1000ms / 40 - 1s);
  CHECK(report.sent <= 64 * 3 * 4 + 64 * 4);
}

TEST_CASE("odd paths are told apart from each other", "[paths]") {
  const paths::ExplorationOptions few{.flows = 2, .attempts = 10, .rate = 100};
  const auto plain = diamond(1);

  SECTION("a route that changes") {
    const auto report = explore(
        [&](const auto& probe, Instant now) {
          auto reply = plain(probe, now);
          if (probe.ttl == 2 && now > Instant{1h} + 1s) reply->from = router(2, 9);
          return reply;
        },
        few);
    CHECK(has(report, "route-change"));
    CHECK(!has(report, "per-packet-balancing"));
    CHECK(!has(report, "load-balancing"));
  }
  SECTION("balancing packet by packet") {
    int count = 0;
    const auto report = explore(
        [&](const auto& probe, Instant now) {
          auto reply = plain(probe, now);
          if (probe.ttl == 2) reply->from = router(2, ++count % 3);
          return reply;
        },
        few);
    CHECK(has(report, "per-packet-balancing"));
    CHECK(!has(report, "route-change"));
  }
  SECTION("a router that limits its ICMP") {
    Instant next{};
    const auto report = explore(
        [&](const auto& probe, Instant now) -> std::optional<paths::Reply> {
          if (probe.ttl == 2 && now < next) return std::nullopt;
          if (probe.ttl == 2) next = now + 150ms;
          return plain(probe, now);
        },
        few);
    CHECK(has(report, "rate-limited-icmp"));
    REQUIRE(!report.paths.empty());
    CHECK(report.paths.front().answered == report.paths.front().sent);
  }
  SECTION("a silent router") {
    const auto report = explore(
        [&](const auto& probe, Instant now) -> std::optional<paths::Reply> {
          if (probe.ttl == 2) return std::nullopt;
          return plain(probe, now);
        },
        few);
    CHECK(has(report, "silent-hop"));
    CHECK(!has(report, "rate-limited-icmp"));
    REQUIRE(report.paths.size() == 1);
    CHECK(!report.paths.front().hops[1].address);
  }
}

TEST_CASE("paths that end before the target, and odd ones, are told apart", "[paths]") {
  const paths::ExplorationOptions few{.flows = 2, .attempts = 10, .rate = 100};
  const auto plain = diamond(1);

  SECTION("a loop") {
    const auto report = explore(
        [&](const auto& probe, Instant) -> std::optional<paths::Reply> {
          if (probe.ttl == 0) return std::nullopt;
          return expired(router(probe.ttl == 1 ? 1 : 2 + probe.ttl % 2));
        },
        few);
    CHECK(has(report, "loop"));
    CHECK(report.paths.front().ended == Ended::kLoop);
  }
  SECTION("something that rewrites the TTL") {
    const auto report = explore(
        [&](const auto& probe, Instant now) {
          auto reply = plain(probe, now);
          if (reply->from_target) reply->arrived_ttl = 64;
          return reply;
        },
        few);
    CHECK(has(report, "ttl-tampering"));
  }
  SECTION("a target that is not there, as its last router says") {
    const auto report = explore(
        [&](const auto& probe, Instant now) {
          auto reply = plain(probe, now);
          if (reply->from_target) reply = paths::Reply{.from = router(3), .type = 3, .code = 1};
          return reply;
        },
        few);
    CHECK(report.paths.front().ended == Ended::kUnreachable);
    CHECK(report.paths.front().ended_by == router(3));
    CHECK(report.paths.front().hops.size() == 3);
  }
  SECTION("packets that vanish") {
    const auto report = explore(
        [&](const auto& probe, Instant now) -> std::optional<paths::Reply> {
          if (probe.ttl == 0 || probe.ttl > 2) return std::nullopt;
          return plain(probe, now);
        },
        few);
    CHECK(report.paths.front().ended == Ended::kSilent);
    CHECK(report.paths.front().hops.size() == 2);
    CHECK(report.paths.front().answered == 0);
  }
}

TEST_CASE("loss of one path of several is that path's loss", "[paths]") {
  Rng rng{5001};
  const auto report = explore(
      [&](const auto& probe, Instant now) -> std::optional<paths::Reply> {
        const bool beyond = probe.ttl == 0 || probe.ttl > 2;
        if (probe.flow % 4 == 1 && beyond && uniform(rng) < 0.3) return std::nullopt;
        return diamond(4)(probe, now);
      },
      {.flows = 16, .attempts = 25, .rate = 500});
  int lossy = 0;
  for (const auto& path : report.paths) {
    const bool bad = path.hops.size() > 1 && path.hops[1].address == router(2, 1);
    if (bad) lossy += path.answered < path.sent;
    if (!bad) CHECK(path.answered == path.sent);
  }
  CHECK(lossy >= 1);
}
