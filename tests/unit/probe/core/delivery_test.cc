#include <algorithm>
#include <map>
#include <set>

#include "common/base/random.h"
#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

FetchOrder live(bool from_start, std::uint64_t boundary, std::size_t batches_max) {
  return {.lane = Lane::kLive,
          .from_start = from_start,
          .boundary = boundary,
          .batches_max = batches_max};
}
FetchOrder backlog(bool from_start, std::uint64_t boundary, std::size_t batches_max) {
  return {.lane = Lane::kBacklog,
          .from_start = from_start,
          .boundary = boundary,
          .batches_max = batches_max};
}

std::vector<Batch> batches_of(std::uint64_t first, std::uint64_t last) {
  std::vector<Batch> batches;
  for (auto sequence = first; sequence <= last; ++sequence) batches.push_back(batch_of(sequence));
  return batches;
}

// The numbers of what was sent, in order.
std::vector<std::uint64_t> sent(const Bench& bench) {
  std::vector<std::uint64_t> numbers;
  for (const auto& batch : bench.world.sent_of<Batch>()) numbers.push_back(batch.sequence);
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

// Welcomed after an outage in which so many windows were spooled.
struct AfterOutage : Bench {
  explicit AfterOutage(std::uint64_t spooled) {
    append(spooled);
    connect();
  }
  void append(std::uint64_t sequence) {
    step(SpoolAppended{.status = {}, .results = 1, .level = {}, .sequence = sequence});
  }
};

TEST_CASE("a closed window goes to the spool and from there to the controller", "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.read({});  // nothing new
  bench.read({});  // nothing from before
  bench.step(WindowClosed{Report{.plan = PlanRevision{3}}});
  REQUIRE(bench.world.appended.size() == 1);
  CHECK(bench.world.appended[0].plan == PlanRevision{3});
  bench.step(SpoolAppended{.status = {}, .results = 1, .level = SpoolLevel{.batches = 1}});
  REQUIRE(bench.world.fetches.back() == live(false, 0, 3));
  bench.read({batch_of(1)});
  REQUIRE(bench.world.sent_of<Batch>() == std::vector<Batch>{batch_of(1)});
  bench.acknowledge({{1, 1}}, 8);
  REQUIRE(bench.world.released.size() == 1);
  CHECK(bench.world.released[0].second == std::vector<SequenceInterval>{{1, 1}});
  CHECK(bench.core.delivery().in_flight() == 0);
}

TEST_CASE("after an outage the newest window goes first, and the oldest too", "[probe_core]") {
  AfterOutage bench(100);
  REQUIRE(bench.world.fetches.back() == live(true, 100, kCreditInitial - 1));
  bench.read({});
  REQUIRE(bench.world.fetches.back() == backlog(true, 100, kCreditInitial));
  bench.read(batches_of(1, 4));
  bench.append(101);  // no room yet
  CHECK(bench.world.fetches.size() == 2);
  bench.acknowledge({{1, 1}}, 4);
  REQUIRE(bench.world.fetches.back() == live(false, 100, 1));
  bench.read({batch_of(101)});
  CHECK(sent(bench) == Numbers{1, 2, 3, 4, 101});
  bench.acknowledge({{1, 3}, {101, 101}}, 4);
  REQUIRE(bench.world.fetches.back() == live(false, 100, 3));
  bench.read({});
  REQUIRE(bench.world.fetches.back() == backlog(false, 100, 3));
  bench.read(batches_of(5, 7));
  CHECK(sent(bench) == Numbers{1, 2, 3, 4, 101, 5, 6, 7});
}

TEST_CASE("live windows leave a place to the backlog, however many they are", "[probe_core]") {
  AfterOutage bench(100);
  bench.append(103);
  bench.read(batches_of(101, 103));
  REQUIRE(bench.world.fetches.back() == backlog(true, 100, 1));
  bench.read({batch_of(1)});
  CHECK(sent(bench) == Numbers{101, 102, 103, 1});
  bench.append(110);
  bench.acknowledge({{1, 1}}, 4);
  CHECK(bench.world.fetches.back() == backlog(false, 100, 1));
}

TEST_CASE("where one batch may be on its way, both lanes have their turn", "[probe_core]") {
  AfterOutage bench(100);
  bench.append(110);
  bench.acknowledge({}, 1);
  bench.read({batch_of(101)});
  CHECK(bench.world.fetches.size() == 1);  // one is on its way
  bench.acknowledge({{101, 101}}, 1);
  REQUIRE(bench.world.fetches.back() == backlog(true, 100, 1));
  bench.read({batch_of(1)});
  CHECK(bench.world.fetches.size() == 2);
  bench.acknowledge({{1, 1}, {101, 101}}, 1);
  REQUIRE(bench.world.fetches.back() == live(false, 100, 1));
  bench.read({batch_of(102)});
  bench.acknowledge({{1, 1}, {101, 102}}, 1);
  CHECK(bench.world.fetches.back() == backlog(false, 100, 1));
}

TEST_CASE("outages in a backlog do not use up the intervals that the controller knows",
          "[probe_core]") {
  AfterOutage bench(100);
  const auto welcomed_after = [&](std::uint64_t appended) {
    bench.append(appended);
    bench.world.link_takes = false;
    bench.pass(seconds{7});
    REQUIRE_FALSE(bench.core.welcomed());
    bench.world.link_takes = true;
    for (int i = 0; i < 50 && !bench.core.welcomed(); ++i) bench.connect();
    bench.read({});  // that was asked for before: of no use
    return bench.world.fetches.back().boundary;
  };
  bench.acknowledge({{1, 1}, {101, 101}, {110, 110}, {120, 120}}, 8);
  CHECK(welcomed_after(130) == 130);
  bench.acknowledge({{1, 1}, {101, 101}, {110, 110}, {120, 120}, {131, 131}}, 8);
  CHECK(welcomed_after(140) == 130);
  // Of another process' batches: no matter.
  bench.receive(BatchAck{.boot = BootId{6}, .durable = {{1, 9}}, .credit = 8});
  CHECK(welcomed_after(141) == 130);
  bench.acknowledge({{1, 101}, {110, 120}}, 8);
  CHECK(welcomed_after(150) == 150);
}

TEST_CASE("a backlog whose reading failed is read again after the next window", "[probe_core]") {
  AfterOutage bench(100);
  bench.read({});
  bench.read({});  // the disk failed, after it went to the start
  bench.append(101);
  bench.read({batch_of(101)});
  bench.read({});
  REQUIRE(bench.world.fetches.back() == backlog(false, 100, 3));
  bench.read({batch_of(1)});
  CHECK(sent(bench) == Numbers{101, 1});
}

TEST_CASE("a reading that was refused is asked for again, from the start if it was to be",
          "[probe_core]") {
  AfterOutage bench(100);
  bench.read({});
  REQUIRE(bench.world.fetches.back() == backlog(true, 100, 4));
  bench.step(SpoolFetched{.refused = true});
  CHECK(bench.world.fetches.size() == 2);
  bench.pass(kRefusedReadWait);
  REQUIRE(bench.world.fetches.size() == 3);
  REQUIRE(bench.world.fetches.back() == backlog(true, 100, 4));
  bench.read({batch_of(1)});
  REQUIRE(bench.world.fetches.back() == backlog(false, 100, 3));
  bench.step(SpoolFetched{.refused = true});
  bench.pass(kRefusedReadWait);
  REQUIRE(bench.world.fetches.size() == 5);
  CHECK(bench.world.fetches.back() == backlog(false, 100, 3));
}

TEST_CASE("no more batches are on their way than the controller has credit for", "[probe_core]") {
  Bench bench;
  bench.connect();
  REQUIRE(bench.world.fetches.back() == live(true, 0, kCreditInitial - 1));
  bench.read(batches_of(1, 3));
  bench.read({});  // the backlog
  REQUIRE(bench.world.fetches.back() == live(false, 0, 1));
  bench.read({batch_of(4)});
  CHECK(bench.world.fetches.size() == 3);
  bench.acknowledge({{1, 1}}, 5);
  REQUIRE(bench.world.fetches.size() == 4);
  CHECK(bench.world.fetches.back() == live(false, 0, 2));
}

TEST_CASE("a credit of nothing stops sending, but not for ever", "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.read({batch_of(1)});
  bench.read({});
  bench.read({});
  bench.acknowledge({}, 0);
  const auto fetches = bench.world.fetches.size();
  bench.pass_answered(seconds{11});
  CHECK(bench.world.fetches.size() == fetches + 1);  // one at a time
  CHECK(bench.world.fetches.back().batches_max == 1);
}

TEST_CASE("what the controller had no room for is sent again at once, one at a time",
          "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.read(batches_of(1, 3));
  bench.read({});
  bench.read({batch_of(4)});
  const auto fetches = bench.world.fetches.size();
  bench.acknowledge({{1, 1}}, 0);
  REQUIRE(bench.world.fetches.size() == fetches + 1);
  REQUIRE(bench.world.fetches.back() == backlog(true, 0, 1));
  bench.read({});
  REQUIRE(bench.world.fetches.back() == live(true, 0, 1));
  bench.read({batch_of(2)});
  CHECK(bench.world.fetches.size() == fetches + 2);
  bench.acknowledge({{1, 2}}, 2);
  CHECK(bench.world.fetches.back() == live(false, 0, 2));
}

TEST_CASE("what is not acknowledged in time is sent again, of both lanes from the start on",
          "[probe_core]") {
  AfterOutage bench(2);
  bench.append(3);
  bench.read({batch_of(3)});
  bench.read({});
  bench.read(batches_of(1, 2));
  bench.read({});
  bench.pass_answered(kResendAfter + seconds{1});
  REQUIRE(bench.core.delivery().counters().rewinds == 1);
  // The lanes stay divided where they are.
  CHECK(bench.world.fetches.back().boundary == 2);
  CHECK(bench.world.fetches.back().from_start);
  bench.read({batch_of(3)});
  bench.read({});
  REQUIRE(bench.world.fetches.back() == backlog(true, 2, 3));
  bench.read(batches_of(1, 2));
  CHECK(sent(bench) == Numbers{3, 1, 2, 3, 1, 2});
}

TEST_CASE("after a new welcome everything unacknowledged is sent again", "[probe_core]") {
  AfterOutage bench(2);
  bench.read({});
  bench.read(batches_of(1, 2));
  bench.world.link_takes = false;
  bench.pass(seconds{7});
  CHECK(bench.core.delivery().in_flight() == 0);
  bench.append(3);
  bench.read({batch_of(3)});  // read before the link was lost
  bench.world.link_takes = true;
  bench.pass(milliseconds{200});
  bench.receive(welcome());
  REQUIRE(bench.world.fetches.back() == live(true, 3, 3));
  bench.read({});
  REQUIRE(bench.world.fetches.back() == backlog(true, 3, 4));
  bench.read(batches_of(1, 3));
  CHECK(sent(bench) == Numbers{1, 2, 1, 2, 3});
}

TEST_CASE("a batch that the socket does not take shows that the connection is lost",
          "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.world.link_takes = false;
  bench.step(SpoolFetched{.batches = {batch_of(1)}});
  CHECK_FALSE(bench.core.welcomed());
  CHECK(bench.core.delivery().in_flight() == 0);
}

TEST_CASE("results that the spool refused are counted; the spool tells what it dropped",
          "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.step(SpoolAppended{.status = fail(ErrorCode::kLimit, "too large"),
                           .results = 30,
                           .level = SpoolLevel{.results_dropped = 2}});
  bench.pass_answered(seconds{7});
  CHECK(bench.core.counters().results_lost == 30);
  CHECK(bench.world.sent_of<Heartbeat>().back().spool_dropped == 2);
}

// A spool and a controller that loses messages, acknowledgements and connections at random.
struct LossyRun {
  explicit LossyRun(std::uint64_t seed) : rng(seed) { bench.connect(); }

  void serve_spool() {
    while (!bench.world.fetches.empty()) {
      const auto order = bench.world.fetches.front();
      bench.world.fetches.erase(bench.world.fetches.begin());
      const bool is_live = order.lane == Lane::kLive;
      auto& position = positions[order.lane];
      if (order.from_start) position = is_live ? order.boundary : 0;
      const auto end = is_live ? appended : std::min(order.boundary, appended);
      SpoolFetched read;
      while (position < end && read.batches.size() < order.batches_max) {
        ++position;
        if (!released.contains(position)) read.batches.push_back(batch_of(position));
      }
      bench.step(std::move(read));
    }
  }
  [[nodiscard]] std::vector<SequenceInterval> durable_intervals() const {
    std::vector<SequenceInterval> intervals;
    for (const auto& [sequence, times] : durable) {
      if (!intervals.empty() && intervals.back().last + 1 == sequence) {
        intervals.back().last = sequence;
      } else {
        intervals.push_back({sequence, sequence});
      }
    }
    return intervals;
  }
  // As the controller: what would need one interval more than it keeps is refused.
  bool store(std::uint64_t sequence) {
    const bool is_new = ++durable[sequence] == 1;
    if (!is_new || durable_intervals().size() <= kSequenceIntervalsMax) return true;
    durable.erase(sequence);
    ++refused;
    return false;
  }
  void serve_controller() {
    for (const auto& message : std::exchange(bench.world.sent, {})) {
      if (uniform(rng) < loss) continue;
      if (std::holds_alternative<Hello>(message)) bench.receive(welcome());
      if (const auto* beat = std::get_if<Heartbeat>(&message)) {
        bench.receive(HeartbeatReply{.sequence = beat->sequence});
      }
      if (const auto* batch = std::get_if<Batch>(&message)) {
        if (!store(batch->sequence) || uniform(rng) < loss) continue;
        bench.acknowledge(durable_intervals(), static_cast<std::uint32_t>(uniform_below(rng, 9)));
      }
    }
    for (const auto& [boot, intervals] : std::exchange(bench.world.released, {})) {
      for (const auto& [first, last] : intervals) {
        for (auto sequence = first; sequence <= last; ++sequence) released.insert(sequence);
      }
    }
  }
  void turn() {
    bench.world.link_takes = uniform(rng) >= loss / 4;
    bench.pass(kTickInterval);
    serve_spool();
    serve_controller();
  }

  Rng rng;
  Bench bench;
  double loss = 0.2;
  std::uint64_t appended = 0;
  std::map<Lane, std::uint64_t> positions;
  std::uint64_t refused = 0;
  std::set<std::uint64_t> released;
  std::map<std::uint64_t, int> durable;
};

TEST_CASE("every batch arrives, whatever the link loses", "[probe_core][property]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    LossyRun run{seed};
    for (int i = 0; i < 500; ++i) {
      if (i % 5 == 0) {
        ++run.appended;
        run.bench.step(SpoolAppended{.results = 1, .sequence = run.appended});
      }
      run.turn();
      REQUIRE(run.bench.core.delivery().in_flight() <= 8);
    }
    run.loss = 0;
    for (int i = 0; i < 1000 && run.released.size() < run.appended; ++i) run.turn();
    REQUIRE(run.durable.size() == run.appended);
    REQUIRE(run.released.size() == run.appended);
  }
}

}  // namespace
}  // namespace faultline::probe_core::tests
