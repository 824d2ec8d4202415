#include <map>

#include "common/base/random.h"
#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

TEST_CASE("a closed window goes to the spool and from there to the controller", "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.step(SpoolFetched{});  // nothing from before
  bench.step(WindowClosed{Report{.plan = PlanRevision{3}}});
  REQUIRE(bench.world.appended.size() == 1);
  CHECK(bench.world.appended[0].plan == PlanRevision{3});
  bench.step(SpoolAppended{.status = {}, .results = 1, .level = SpoolLevel{.batches = 1}});
  REQUIRE(bench.world.fetches.size() == 2);
  bench.step(SpoolFetched{.batches = {batch_of(1)}});
  REQUIRE(bench.world.sent_of<Batch>() == std::vector<Batch>{batch_of(1)});
  bench.receive(BatchAck{.boot = BootId{7}, .durable = {{1, 1}}, .credit = 8});
  REQUIRE(bench.world.released.size() == 1);
  CHECK(bench.world.released[0].second == std::vector<SequenceInterval>{{1, 1}});
  CHECK(bench.core.delivery().in_flight() == 0);
}

TEST_CASE("no more batches are on their way than the controller has credit for", "[probe_core]") {
  Bench bench;
  bench.connect();
  REQUIRE(bench.world.fetches.back() == std::pair(true, std::size_t{kCreditInitial}));
  bench.step(SpoolFetched{.batches = {batch_of(1), batch_of(2), batch_of(3), batch_of(4)}});
  CHECK(bench.world.fetches.size() == 1);
  bench.receive(BatchAck{.boot = BootId{7}, .durable = {{1, 1}}, .credit = 5});
  REQUIRE(bench.world.fetches.size() == 2);
  CHECK(bench.world.fetches.back() == std::pair(false, std::size_t{2}));
}

TEST_CASE("a credit of nothing stops sending, but not for ever", "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.step(SpoolFetched{.batches = {batch_of(1)}});
  bench.step(SpoolFetched{});
  bench.receive(BatchAck{.boot = BootId{7}, .durable = {}, .credit = 0});
  const auto fetches = bench.world.fetches.size();
  bench.pass_answered(seconds{11});
  CHECK(bench.world.fetches.size() == fetches + 1);  // one at a time
  CHECK(bench.world.fetches.back().second == 1);
}

TEST_CASE("what the controller had no room for is sent again at once, one at a time",
          "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.step(SpoolFetched{.batches = {batch_of(1), batch_of(2), batch_of(3), batch_of(4)}});
  bench.receive(BatchAck{.boot = BootId{7}, .durable = {{1, 1}}, .credit = 0});
  REQUIRE(bench.world.fetches.size() == 2);
  CHECK(bench.world.fetches.back() == std::pair(true, std::size_t{1}));
  bench.step(SpoolFetched{.batches = {batch_of(2)}});
  CHECK(bench.world.fetches.size() == 2);
  bench.receive(BatchAck{.boot = BootId{7}, .durable = {{1, 2}}, .credit = 2});
  CHECK(bench.world.fetches.back() == std::pair(false, std::size_t{2}));
}

TEST_CASE("what is not acknowledged in time is sent again from the oldest on", "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.step(SpoolFetched{.batches = {batch_of(1), batch_of(2)}});
  bench.step(SpoolFetched{});
  bench.pass_answered(kResendAfter + seconds{1});
  REQUIRE(bench.core.delivery().counters().rewinds == 1);
  CHECK(bench.world.fetches.back().first);
  bench.step(SpoolFetched{.batches = {batch_of(1), batch_of(2)}});
  CHECK(bench.world.sent_of<Batch>().size() == 4);
}

TEST_CASE("after a new welcome everything unacknowledged is sent again", "[probe_core]") {
  Bench bench;
  bench.connect();
  bench.step(SpoolFetched{.batches = {batch_of(1), batch_of(2)}});
  bench.world.link_takes = false;
  bench.pass(seconds{7});
  CHECK(bench.core.delivery().in_flight() == 0);
  bench.step(SpoolFetched{.batches = {batch_of(3)}});  // read before the link was lost
  bench.world.link_takes = true;
  bench.pass(milliseconds{200});
  bench.receive(welcome());
  CHECK(bench.world.fetches.back().first);
  bench.step(SpoolFetched{.batches = {batch_of(1), batch_of(2), batch_of(3)}});
  CHECK(bench.world.sent_of<Batch>().size() == 5);
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
      const auto [from_oldest, count] = bench.world.fetches.front();
      bench.world.fetches.erase(bench.world.fetches.begin());
      if (from_oldest) position = 0;
      SpoolFetched read;
      for (auto sequence = position + 1; sequence <= appended && read.batches.size() < count;
           ++sequence) {
        position = sequence;
        if (!released.contains(sequence)) read.batches.push_back(batch_of(sequence));
      }
      bench.step(std::move(read));
    }
  }
  void serve_controller() {
    for (const auto& message : std::exchange(bench.world.sent, {})) {
      if (uniform(rng) < loss) continue;
      if (std::holds_alternative<Hello>(message)) bench.receive(welcome());
      if (const auto* beat = std::get_if<Heartbeat>(&message)) {
        bench.receive(HeartbeatReply{.sequence = beat->sequence});
      }
      if (const auto* batch = std::get_if<Batch>(&message)) {
        ++durable[batch->sequence];
        if (uniform(rng) < loss) continue;
        bench.receive(BatchAck{.boot = BootId{7},
                               .durable = {{batch->sequence, batch->sequence}},
                               .credit = static_cast<std::uint32_t>(uniform_below(rng, 9))});
      }
    }
    for (const auto& [boot, intervals] : std::exchange(bench.world.released, {})) {
      for (const auto& interval : intervals) released.insert(interval.first);
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
  std::uint64_t position = 0;
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
        run.bench.step(SpoolAppended{.results = 1});
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
