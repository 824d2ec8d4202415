#include "probe/session/pacer.h"

#include <algorithm>
#include <map>

#include "tests/support/catch.h"

namespace faultline::session {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kTick = milliseconds{5};

// Runs the pacer from `from` for `length`; returns the instants at which each flow sent.
std::map<std::uint32_t, std::vector<Instant>> run(Pacer& pacer, Instant from, Duration length,
                                                  Rng& rng, Duration tick = kTick) {
  std::map<std::uint32_t, std::vector<Instant>> sent;
  for (Instant now = from; now < from + length; now += tick) {
    while (const auto turn = pacer.take(now, rng)) sent[*turn].push_back(now);
  }
  return sent;
}

}  // namespace

TEST_CASE("every flow sends once per interval, within its jitter", "[session]") {
  Rng rng(1);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(50), seconds{1}, 1000, Instant{}, rng);
  const auto sent = run(pacer, Instant{}, seconds{10}, rng);
  REQUIRE(sent.size() == 50);
  for (const auto& [flow, instants] : sent) {
    CHECK(instants.size() >= 9);
    CHECK(instants.size() <= 11);
    for (std::size_t i = 1; i < instants.size(); ++i) {
      CHECK(instants[i] - instants[i - 1] >= milliseconds{790});
      CHECK(instants[i] - instants[i - 1] <= milliseconds{1210});
    }
  }
}

TEST_CASE("the flows' turns are spread over the interval", "[session]") {
  Rng rng(2);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(100), seconds{1}, 1000, Instant{}, rng);
  std::map<std::int64_t, int> per_tenth;
  (void)run(pacer, Instant{}, seconds{2}, rng);
  for (const auto& [flow, instants] : run(pacer, Instant{} + seconds{2}, seconds{1}, rng)) {
    for (const auto at : instants) ++per_tenth[at.time_since_epoch() / milliseconds{100}];
  }
  for (const auto& [tenth, count] : per_tenth) CHECK(count <= 20);
}

TEST_CASE("no more than the budget is sent, and what is put off is counted", "[session]") {
  Rng rng(3);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(500), seconds{1}, 100, Instant{}, rng);
  std::size_t total = 0;
  for (const auto& [flow, instants] : run(pacer, Instant{}, seconds{10}, rng)) {
    total += instants.size();
  }
  CHECK(total <= 1002);
  CHECK(total >= 990);
  CHECK(pacer.take_deferred() > 0);
  CHECK(pacer.take_deferred() == 0);
}

TEST_CASE("after a stall the missed turns are skipped, not made up for", "[session]") {
  Rng rng(4);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(20), seconds{1}, 10'000, Instant{}, rng);
  (void)run(pacer, Instant{}, seconds{2}, rng);
  std::size_t total = 0;
  for (const auto& [flow, instants] : run(pacer, Instant{} + seconds{60}, seconds{1}, rng)) {
    total += instants.size();
  }
  CHECK(total <= 42);  // at most one that is overdue, and this second's
  CHECK(pacer.take_lateness() > seconds{50});
}

TEST_CASE("a prober that always wakes too late still sends once per wake-up", "[session]") {
  Rng rng(8);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(4), milliseconds{50}, 1000, Instant{}, rng);
  const auto sent = run(pacer, Instant{}, seconds{10}, rng, milliseconds{200});
  REQUIRE(sent.size() == 4);
  for (const auto& [flow, instants] : sent) CHECK(instants.size() >= 48);
}

TEST_CASE("a flow keeps its pace when others come and go", "[session]") {
  Rng rng(5);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(2), seconds{1}, 1000, Instant{}, rng);
  const auto before = run(pacer, Instant{}, seconds{5}, rng);
  const Instant now = Instant{} + seconds{5};
  pacer.configure({{pacer.slot_of(1)}, {}, {}}, seconds{1}, 1000, now, rng);
  const auto after = run(pacer, now, seconds{5}, rng);
  const auto gap = after.at(0).front() - before.at(1).back();
  CHECK(gap >= milliseconds{790});
  CHECK(gap <= milliseconds{1210});
}

TEST_CASE("the same seed gives the same schedule", "[session]") {
  std::vector<std::map<std::uint32_t, std::vector<Instant>>> runs;
  for (int i = 0; i < 2; ++i) {
    Rng rng(6);
    Pacer pacer;
    pacer.configure(std::vector<Pacer::FlowPace>(10), seconds{1}, 1000, Instant{}, rng);
    runs.push_back(run(pacer, Instant{}, seconds{3}, rng));
  }
  CHECK(runs[0] == runs[1]);
}

TEST_CASE("a pacer that was never configured, or stopped, has nothing due", "[session]") {
  Rng rng(7);
  Pacer pacer;
  CHECK(pacer.next_due(Instant{}) == Instant::max());
  pacer.configure(std::vector<Pacer::FlowPace>(1), seconds{1}, 10, Instant{}, rng);
  CHECK(pacer.next_due(Instant{}) < Instant{} + seconds{2});
  pacer.stop();
  CHECK(pacer.next_due(Instant{}) == Instant::max());
  CHECK_FALSE(pacer.take(Instant{} + seconds{9}, rng));
}

TEST_CASE("a boosted flow has its turns more often until the boost ends, and the others theirs",
          "[session]") {
  Rng rng(6);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(10), seconds{1}, 1000, Instant{}, rng);
  (void)run(pacer, Instant{}, seconds{2}, rng);
  std::vector<std::uint16_t> times(10, 1);
  times[3] = 16;
  const Instant begin = Instant{} + seconds{2};
  pacer.boost(times, begin + seconds{8}, begin, rng);
  for (const auto& [flow, instants] : run(pacer, begin, seconds{8}, rng)) {
    const std::size_t wanted = flow == 3 ? 128 : 8;
    CHECK(instants.size() >= wanted - 1);
    CHECK(instants.size() <= wanted + 1);
  }
  for (const auto& [flow, instants] : run(pacer, begin + seconds{8}, seconds{10}, rng)) {
    CHECK(instants.size() >= 9);
    CHECK(instants.size() <= 11);
  }
  CHECK(pacer.take_lateness() < milliseconds{10});
}

TEST_CASE("a boost lives within the budget and ends with the next plan", "[session]") {
  Rng rng(7);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(10), seconds{1}, 20, Instant{}, rng);
  pacer.boost(std::vector<std::uint16_t>(10, 16), Instant{} + seconds{60}, Instant{}, rng);
  std::size_t total = 0;
  for (const auto& [flow, instants] : run(pacer, Instant{}, seconds{10}, rng)) {
    total += instants.size();
  }
  CHECK(total <= 201);
  const Instant later = Instant{} + seconds{10};
  pacer.configure(std::vector<Pacer::FlowPace>(10), seconds{1}, 1000, later, rng);
  for (const auto& [flow, instants] : run(pacer, later, seconds{10}, rng)) {
    CHECK(instants.size() <= 11);
  }
}

}  // namespace faultline::session
