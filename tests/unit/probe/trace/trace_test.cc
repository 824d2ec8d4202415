#include "probe/trace/trace.h"

#include <algorithm>
#include <set>

#include "tests/support/catch.h"

namespace Catch {
template <>
struct StringMaker<faultline::trace::TraceResult> {
  static std::string convert(const faultline::trace::TraceResult& result) {
    std::string text = result.complete ? "complete" : "incomplete";
    text += " (" + std::to_string(static_cast<int>(result.ended)) + "):";
    for (const auto& hop : result.hops) {
      text += " " + (hop.address ? hop.address->to_string() : "*");
    }
    return text;
  }
};
}  // namespace Catch

namespace faultline::trace {
namespace {

const Endpoint kFar{IpAddress::v4(0x0a0000ff), 862};
const TraceOrder kOrder{.id = 5, .local_port = 47000, .remote = kFar};
constexpr std::uint16_t kRun = 9;

IpAddress router(std::uint32_t n) { return IpAddress::v4(0x0a000000 + n); }

TraceResult path(bool complete, std::initializer_list<std::uint32_t> hops,
                 PathEnd ended = PathEnd::kReached) {
  TraceResult result{.id = 5, .complete = complete, .ended = ended};
  for (const auto hop : hops) {
    result.hops.push_back({hop == 0 ? std::nullopt : std::optional(router(hop))});
  }
  return result;
}

// A path of `routers` routers with the far end behind it.
struct Network {
  std::uint8_t routers = 3;
  std::set<std::uint8_t> silent{};  // TTLs that get no answer
  bool far_end_answers = true;
  bool short_quotes = false;  // IP and UDP header only
  std::uint8_t refusing = 0;  // this router answers "unreachable" for what goes beyond it
  std::uint8_t loop = 0;      // so many routers send to each other, without end
  int probes = 0;
  int outstanding_max = 0;

  // Answers in the order of sending, once `wanted` has nothing more; silence times out.
  TraceResult run(Trace& trace) {
    Instant now{};
    while (!trace.done(now)) {
      std::vector<ProbeTag> tags;
      while (const auto ttl = trace.wanted(now)) tags.push_back(trace.send(*ttl, now));
      probes += static_cast<int>(tags.size());
      outstanding_max = std::max(outstanding_max, static_cast<int>(tags.size()));
      for (const auto tag : tags) answer(trace, tag, now);
      now = trace.done(now) ? now : std::min(trace.next_timeout(now), now + kProbeTimeout);
      REQUIRE(probes < 1000);
    }
    return trace.result(now);
  }

  void answer(Trace& trace, ProbeTag tag, Instant now) const {
    if (silent.contains(tag.ttl)) return;
    const auto sequence = short_quotes ? std::nullopt : std::optional(tag.sequence());
    if (refusing != 0 && tag.ttl > refusing) {
      (void)trace.on_error({.from = router(refusing), .sequence = sequence, .ttl_exceeded = false},
                           now);
    } else if (loop != 0 && tag.ttl > routers) {
      (void)trace.on_error({.from = router(routers + 1U + (tag.ttl - routers - 1U) % loop),
                            .sequence = sequence,
                            .ttl_exceeded = true},
                           now);
    } else if (tag.ttl <= routers) {
      (void)trace.on_error({.from = router(tag.ttl), .sequence = sequence, .ttl_exceeded = true},
                           now);
    } else if (far_end_answers) {
      (void)trace.on_answer(tag);
    }
  }
};

}  // namespace

TEST_CASE("a trace lists the routers in order and ends at the far end", "[trace]") {
  Trace trace(kOrder, kRun);
  Network network{.routers = 3};
  CHECK(network.run(trace) == path(true, {1, 2, 3}));
  CHECK(network.probes == 4);
  CHECK(network.outstanding_max == kTtlsAhead);
}

TEST_CASE("the far end right behind the wire has no routers before it", "[trace]") {
  Trace trace(kOrder, kRun);
  Network network{.routers = 0};
  CHECK(network.run(trace) == path(true, {}));
}

TEST_CASE("a silent router stays in the path as a silent hop", "[trace]") {
  Trace trace(kOrder, kRun);
  Network network{.routers = 4, .silent = {2}};
  CHECK(network.run(trace) == path(true, {1, 0, 3, 4}));
  CHECK(network.probes <= 8 + kAttemptsMax);
}

TEST_CASE("a probe that is lost once is tried again", "[trace]") {
  Trace trace(kOrder, kRun);
  const Instant start{};
  for (std::uint8_t ttl = 1; ttl <= 4; ++ttl) {
    CHECK(trace.wanted(start) == ttl);
    CHECK(trace.send(ttl, start).ttl == ttl);
  }
  CHECK_FALSE(trace.wanted(start));
  Network{}.answer(trace, {.run = kRun, .ttl = 4}, start);
  const Instant later = start + kProbeTimeout;
  CHECK(trace.wanted(later) == 1);
  const auto again = trace.send(1, later);
  CHECK(again.attempt == 1);
  Network{}.answer(trace, again, later);
  // The first attempt's answer, late, changes nothing; another TTL's counts.
  Network{}.answer(trace, {.run = kRun, .attempt = 0, .ttl = 1}, later);
  Network{}.answer(trace, {.run = kRun, .attempt = 0, .ttl = 2}, later);
  Network{}.answer(trace, {.run = kRun, .attempt = 0, .ttl = 3}, later);
  REQUIRE(trace.done(later));
  CHECK(trace.result(later) == path(true, {1, 2, 3}));
}

TEST_CASE("a fault that ends while a trace is under way leaves no silent hops behind", "[trace]") {
  // Seen in the lab: a path of three routers became "leaf4 > * > * > * > * > h9", and the losses of
  // the fault that had just ended were laid on a link "*>h9".
  Trace trace(kOrder, kRun);
  Network broken{.routers = 3, .silent = {2, 3, 4, 5, 6, 7, 8}};
  Instant now{};
  int rounds = 0;
  while (rounds++ < kAttemptsMax) {
    while (const auto ttl = trace.wanted(now)) broken.answer(trace, trace.send(*ttl, now), now);
    now += kProbeTimeout;
  }
  REQUIRE_FALSE(trace.done(now));
  Network healed{.routers = 3};
  while (!trace.done(now)) {
    REQUIRE(healed.probes++ < 100);
    while (const auto ttl = trace.wanted(now)) healed.answer(trace, trace.send(*ttl, now), now);
    if (!trace.done(now)) now += kProbeTimeout;
  }
  CHECK(trace.result(now) == path(true, {1, 2, 3}));
}

TEST_CASE("an end that never answers leaves the prefix that was seen", "[trace]") {
  Trace trace(kOrder, kRun);
  Network network{.routers = 3, .far_end_answers = false};
  CHECK(network.run(trace) == path(false, {1, 2, 3}, PathEnd::kSilent));
  CHECK(network.probes <= 3 + (kSilentRunMax + kTtlsAhead) * kAttemptsMax);
}

TEST_CASE("total silence is an incomplete path without hops", "[trace]") {
  Trace trace(kOrder, kRun);
  Network network{.routers = 0, .far_end_answers = false};
  CHECK(network.run(trace) == path(false, {}, PathEnd::kSilent));
}

TEST_CASE("a path that comes back to a router is a loop, one of many routers is not", "[trace]") {
  for (const auto loop : {std::uint8_t{2}, std::uint8_t{3}}) {
    CAPTURE(loop);
    Trace trace(kOrder, kRun);
    const auto result = Network{.routers = 2, .loop = loop}.run(trace);
    CHECK(result.ended == PathEnd::kLoop);
    CHECK_FALSE(result.complete);
    CHECK(result.hops.size() == kPathHopsMax);
  }
  Trace quiet(kOrder, kRun);  // its routers answer a few only
  Network limited{.routers = 2, .loop = 2};
  for (std::uint8_t ttl = 6; ttl <= kTtlMax; ++ttl) limited.silent.insert(ttl);
  CHECK(limited.run(quiet) == path(false, {1, 2, 3, 4, 3}, PathEnd::kLoop));
  Trace longest(kOrder, kRun);
  CHECK(Network{.routers = kTtlMax}.run(longest).ended == PathEnd::kTooLong);
  Trace twice(kOrder, kRun);  // a router that answers for two TTLs
  CHECK(Network{.routers = 2, .far_end_answers = false, .loop = 1}.run(twice).ended ==
        PathEnd::kTooLong);
}

TEST_CASE("a router that refuses ends the path and is listed once", "[trace]") {
  Trace trace(kOrder, kRun);
  Network network{.routers = 5, .refusing = 2};
  CHECK(network.run(trace) == path(false, {1, 2}, PathEnd::kUnreachable));
}

TEST_CASE("a closed port at the far end still completes the path", "[trace]") {
  Trace trace(kOrder, kRun);
  const Instant now{};
  Network network{.routers = 1};
  network.answer(trace, trace.send(1, now), now);
  const auto tag = trace.send(2, now);
  CHECK(trace.on_error({.from = kFar.address, .sequence = tag.sequence(), .ttl_exceeded = false},
                       now));
  REQUIRE(trace.done(now));
  CHECK(trace.result(now) == path(true, {1}));
}

TEST_CASE("quotes too short to tell the TTL are attributed one probe at a time", "[trace]") {
  Trace trace(kOrder, kRun);
  Network network{.routers = 3, .short_quotes = true};
  CHECK(network.run(trace) == path(true, {1, 2, 3}));
}

TEST_CASE("answers to other runs, attempts and TTLs are not this trace's", "[trace]") {
  Trace trace(kOrder, kRun);
  const Instant now{};
  const auto tag = trace.send(1, now);
  CHECK_FALSE(trace.on_answer({.run = kRun + 1, .ttl = 1}));
  CHECK_FALSE(trace.on_answer({.run = kRun, .attempt = 1, .ttl = 1}));
  CHECK_FALSE(trace.on_answer({.run = kRun, .ttl = 2}));
  CHECK_FALSE(trace.on_answer({.run = kRun, .ttl = 0}));
  CHECK_FALSE(trace.on_answer({.run = kRun, .ttl = kTtlMax + 1}));
  CHECK(trace.on_answer(tag));
}

TEST_CASE("a path of the greatest length is complete, a longer one is not", "[trace]") {
  Trace longest(kOrder, kRun);
  Network network{.routers = kPathHopsMax};
  const auto found = network.run(longest);
  CHECK(found.complete);
  CHECK(found.hops.size() == kPathHopsMax);
  Trace endless(kOrder, kRun);
  Network loop{.routers = 200};
  const auto cut = loop.run(endless);
  CHECK_FALSE(cut.complete);
  CHECK(cut.hops.size() == kPathHopsMax);
}

}  // namespace faultline::trace
