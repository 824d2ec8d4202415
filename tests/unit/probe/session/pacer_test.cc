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
  pacer.configure(std::vector<Pacer::FlowPace>(50), seconds{1}, {.packets_per_second = 1000},
                  Instant{}, rng);
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
  pacer.configure(std::vector<Pacer::FlowPace>(100), seconds{1}, {.packets_per_second = 1000},
                  Instant{}, rng);
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
  pacer.configure(std::vector<Pacer::FlowPace>(500), seconds{1}, {.packets_per_second = 100},
                  Instant{}, rng);
  std::size_t total = 0;
  for (const auto& [flow, instants] : run(pacer, Instant{}, seconds{10}, rng)) {
    total += instants.size();
  }
  CHECK(total <= 1002);
  CHECK(total >= 990);
  CHECK(pacer.take_deferred() > 0);
  CHECK(pacer.take_deferred() == 0);
}

TEST_CASE("however often the plan changes, no more than the budgets is sent", "[session]") {
  const auto [node, group] = GENERATE(std::pair(50.0, 1000.0), std::pair(1000.0, 50.0));
  Rng rng(3);
  Pacer pacer;
  std::vector<Pacer::FlowPace> flows(500, {.slot = std::nullopt, .group = GroupNumber{0}});
  std::size_t total = 0;
  for (Instant now{}; now < Instant{} + seconds{10}; now += milliseconds{10}) {
    pacer.configure(
        flows, milliseconds{10},
        {.packets_per_second = node, .packets_per_second_per_group = group, .groups = 1}, now, rng);
    for (const auto& [flow, instants] : run(pacer, now, milliseconds{10}, rng)) {
      total += instants.size();
    }
  }
  CHECK(total <= 502);
  CHECK(total >= 490);
}

TEST_CASE("turns that wait for the node's budget are not late, those that a stall delays are",
          "[session]") {
  Rng rng(3);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(1000), seconds{1}, {.packets_per_second = 500},
                  Instant{}, rng);
  (void)run(pacer, Instant{}, seconds{10}, rng);
  CHECK(pacer.take_deferred() > 1000);
  CHECK(pacer.take_lateness() < kTick);
  pacer.configure(std::vector<Pacer::FlowPace>(1000), seconds{1}, {.packets_per_second = 2000},
                  Instant{} + seconds{10}, rng);
  (void)run(pacer, Instant{} + seconds{10}, seconds{1}, rng);
  CHECK(pacer.take_lateness() < kTick);
  (void)run(pacer, Instant{} + seconds{12}, kTick, rng);
  CHECK(pacer.take_lateness() >= milliseconds{900});
}

TEST_CASE("after a stall the missed turns are skipped, not made up for", "[session]") {
  Rng rng(4);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(20), seconds{1}, {.packets_per_second = 10'000},
                  Instant{}, rng);
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
  pacer.configure(std::vector<Pacer::FlowPace>(4), milliseconds{50}, {.packets_per_second = 1000},
                  Instant{}, rng);
  const auto sent = run(pacer, Instant{}, seconds{10}, rng, milliseconds{200});
  REQUIRE(sent.size() == 4);
  for (const auto& [flow, instants] : sent) CHECK(instants.size() >= 48);
}

TEST_CASE("a flow keeps its pace when others come and go", "[session]") {
  Rng rng(5);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(2), seconds{1}, {.packets_per_second = 1000},
                  Instant{}, rng);
  const auto before = run(pacer, Instant{}, seconds{5}, rng);
  const Instant now = Instant{} + seconds{5};
  pacer.configure({{pacer.slot_of(1)}, {}, {}}, seconds{1}, {.packets_per_second = 1000}, now, rng);
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
    pacer.configure(std::vector<Pacer::FlowPace>(10), seconds{1}, {.packets_per_second = 1000},
                    Instant{}, rng);
    runs.push_back(run(pacer, Instant{}, seconds{3}, rng));
  }
  CHECK(runs[0] == runs[1]);
}

TEST_CASE("a pacer that was never configured, or stopped, has nothing due", "[session]") {
  Rng rng(7);
  Pacer pacer;
  CHECK(pacer.next_due(Instant{}) == Instant::max());
  pacer.configure(std::vector<Pacer::FlowPace>(1), seconds{1}, {.packets_per_second = 10},
                  Instant{}, rng);
  CHECK(pacer.next_due(Instant{}) < Instant{} + seconds{2});
  pacer.stop();
  CHECK(pacer.next_due(Instant{}) == Instant::max());
  CHECK_FALSE(pacer.take(Instant{} + seconds{9}, rng));
}

TEST_CASE("a boosted flow has its turns more often until the boost ends, and the others theirs",
          "[session]") {
  Rng rng(6);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(10), seconds{1}, {.packets_per_second = 1000},
                  Instant{}, rng);
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
  pacer.configure(std::vector<Pacer::FlowPace>(10), seconds{1}, {.packets_per_second = 20},
                  Instant{}, rng);
  pacer.boost(std::vector<std::uint16_t>(10, 16), Instant{} + seconds{60}, Instant{}, rng);
  std::size_t total = 0;
  for (const auto& [flow, instants] : run(pacer, Instant{}, seconds{10}, rng)) {
    total += instants.size();
  }
  CHECK(total <= 201);
  const Instant later = Instant{} + seconds{10};
  pacer.configure(std::vector<Pacer::FlowPace>(10), seconds{1}, {.packets_per_second = 1000}, later,
                  rng);
  for (const auto& [flow, instants] : run(pacer, later, seconds{10}, rng)) {
    CHECK(instants.size() <= 11);
  }
}

// So many turns are due at this very instant.
std::size_t turns_at(Pacer& pacer, Instant now, Rng& rng) {
  std::size_t turns = 0;
  while (pacer.take(now, rng)) ++turns;
  return turns;
}

// Of the turns that were waiting, jitter drew some into the past, and the machine was called late.
TEST_CASE("a change of plan makes no turn late", "[session]") {
  constexpr std::size_t kFlows = 1000;
  constexpr Pacer::Budgets kBudgets{.packets_per_second = 100'000};
  Rng rng(15);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(kFlows), seconds{1}, kBudgets, Instant{}, rng);
  (void)run(pacer, Instant{}, seconds{2}, rng);
  (void)pacer.take_lateness();
  std::vector<Pacer::FlowPace> kept(kFlows);
  for (std::uint32_t i = 0; i < kFlows; ++i) kept[i].slot = pacer.slot_of(i);
  const Instant now = Instant{} + seconds{2};
  pacer.configure(kept, seconds{1}, kBudgets, now, rng);
  CHECK(turns_at(pacer, now, rng) >= 10);  // about 33: these would be late
  CHECK(pacer.take_lateness() == Duration::zero());
}

TEST_CASE("a boost makes no turn late", "[session]") {
  constexpr std::size_t kFlows = 1000;
  Rng rng(16);
  Pacer pacer;
  pacer.configure(std::vector<Pacer::FlowPace>(kFlows), seconds{1}, {.packets_per_second = 100'000},
                  Instant{}, rng);
  (void)run(pacer, Instant{}, seconds{2}, rng);
  (void)pacer.take_lateness();
  const Instant now = Instant{} + seconds{2};
  pacer.boost(std::vector<std::uint16_t>(kFlows, 2), now + seconds{60}, now, rng);
  CHECK(turns_at(pacer, now, rng) >= 10);  // about 39
  CHECK(pacer.take_lateness() == Duration::zero());
}

// Flows that all belong to one group.
std::vector<Pacer::FlowPace> grouped(std::size_t flows, GroupNumber group) {
  return std::vector<Pacer::FlowPace>(flows, {.slot = {}, .group = group});
}

TEST_CASE("a group's budget bounds its flows, each gets its share, and others go on", "[session]") {
  Rng rng(8);
  Pacer pacer;
  auto flows = grouped(100, 0);
  for (const auto& flow : grouped(10, 1)) flows.push_back(flow);
  pacer.configure(flows, milliseconds{100},
                  {.packets_per_second = 10'000, .packets_per_second_per_group = 200, .groups = 2},
                  Instant{}, rng);
  (void)pacer.take_deferred();
  std::size_t first = 0;
  for (const auto& [flow, instants] : run(pacer, Instant{}, seconds{10}, rng)) {
    if (flow < 100) {  // want 1,000 per second and get 200
      first += instants.size();
      CHECK(instants.size() >= 18);
      CHECK(instants.size() <= 22);
    } else {
      CHECK(instants.size() >= 99);
      CHECK(instants.size() <= 101);
    }
  }
  CHECK(first >= 1990);
  CHECK(first <= 2004 + 1);  // with what may go out at once
  CHECK(pacer.take_deferred() > 0);
  CHECK(pacer.take_lateness() <= milliseconds{10});  // as much as jitter moves a turn
}

TEST_CASE("a boost does not make a group wait for what was booked before it", "[session]") {
  Rng rng(11);
  Pacer pacer;
  pacer.configure(grouped(100, 0), milliseconds{100},
                  {.packets_per_second = 10'000, .packets_per_second_per_group = 100, .groups = 1},
                  Instant{}, rng);
  (void)run(pacer, Instant{}, seconds{2}, rng);  // all flows have booked: the next second is full
  const Instant begin = Instant{} + seconds{2};
  pacer.boost(std::vector<std::uint16_t>(100, 2), begin + seconds{60}, begin, rng);
  std::size_t total = 0;
  for (const auto& [flow, instants] : run(pacer, begin, milliseconds{500}, rng)) {
    total += instants.size();
  }
  CHECK(total >= 40);
  CHECK(total <= 53);
}

TEST_CASE("packets that are of no flow take from the group as well, behind those that wait",
          "[session]") {
  Rng rng(9);
  Pacer pacer;
  pacer.configure({}, seconds{1},
                  {.packets_per_second = 1000, .packets_per_second_per_group = 50, .groups = 2},
                  Instant{}, rng);
  CHECK(pacer.take_budget(0, Instant{}));
  CHECK_FALSE(pacer.take_budget(0, Instant{}));
  CHECK(pacer.take_budget(1, Instant{}));
  CHECK(pacer.take_budget({}, Instant{}));  // of no group
  CHECK(pacer.take_budget(0, Instant{} + milliseconds{21}));
  // Two flows that want more than there is leave nothing.
  pacer.configure(grouped(2, 0), milliseconds{10},
                  {.packets_per_second = 1000, .packets_per_second_per_group = 50, .groups = 1},
                  Instant{}, rng);
  std::size_t others = 0;
  for (Instant now{}; now < Instant{} + seconds{2}; now += kTick) {
    while (pacer.take(now, rng)) {
    }
    if (now > Instant{} + milliseconds{100} && pacer.take_budget(0, now)) ++others;
  }
  CHECK(others == 0);
}

TEST_CASE("the node's budget bounds all groups together", "[session]") {
  Rng rng(10);
  Pacer pacer;
  auto flows = grouped(50, 0);
  for (const auto& flow : grouped(50, 1)) flows.push_back(flow);
  pacer.configure(flows, milliseconds{100},
                  {.packets_per_second = 100, .packets_per_second_per_group = 80, .groups = 2},
                  Instant{}, rng);
  std::size_t total = 0;
  for (const auto& [flow, instants] : run(pacer, Instant{}, seconds{10}, rng)) {
    total += instants.size();
  }
  CHECK(total >= 980);
  CHECK(total <= 1003);
}

// Flows of so many lanes in turn.
std::vector<Pacer::FlowPace> in_lanes(std::size_t flows, std::uint16_t lanes) {
  std::vector<Pacer::FlowPace> paces(flows);
  for (std::size_t i = 0; i < flows; ++i) paces[i].lane = static_cast<std::uint16_t>(i % lanes);
  return paces;
}

TEST_CASE("a tick serves one lane or two, and turns are as even as ever", "[session]") {
  constexpr std::uint16_t kLanes = 16;
  Rng rng(12);
  Pacer pacer;
  pacer.configure(in_lanes(1000, kLanes), seconds{1}, {.packets_per_second = 2000}, Instant{}, rng);
  (void)run(pacer, Instant{}, seconds{1}, rng, kLaneTick);
  const auto sent = run(pacer, Instant{} + seconds{1}, seconds{10}, rng, kLaneTick);
  CHECK(pacer.take_deferred() == 0);
  CHECK(pacer.take_lateness() < kLaneTick);
  REQUIRE(sent.size() == 1000);
  std::map<Instant, std::map<std::size_t, std::size_t>> lanes_at;
  std::map<std::int64_t, std::size_t> per_second;
  for (const auto& [flow, instants] : sent) {
    CHECK(instants.size() >= 9);
    CHECK(instants.size() <= 11);
    for (const auto at : instants) {
      ++lanes_at[at][flow % kLanes];
      ++per_second[at.time_since_epoch() / seconds{1}];
    }
    for (std::size_t i = 1; i < instants.size(); ++i) {
      // Jitter, the wait for the lane, and a tick.
      CHECK(instants[i] - instants[i - 1] >= milliseconds{1000 - 200 - 160 - 10});
      CHECK(instants[i] - instants[i - 1] <= milliseconds{1000 + 200 + 160 + 10});
    }
  }
  for (const auto& [at, lanes] : lanes_at) CHECK(lanes.size() == 1);
  for (std::int64_t second = 1; second < 11; ++second) {
    CHECK(per_second[second] >= 960);
    CHECK(per_second[second] <= 1040);
  }
}

TEST_CASE("where the interval is short, lanes are fewer or none", "[session]") {
  const auto lanes_per_tick = [](Duration interval) {
    Rng rng(13);
    Pacer pacer;
    pacer.configure(in_lanes(160, 16), interval, {.packets_per_second = 100'000}, Instant{}, rng);
    std::map<Instant, std::map<std::size_t, std::size_t>> lanes_at;
    (void)run(pacer, Instant{}, seconds{1}, rng, kLaneTick);
    for (const auto& [flow, instants] :
         run(pacer, Instant{} + seconds{1}, 10 * interval, rng, kLaneTick)) {
      for (const auto at : instants) ++lanes_at[at][flow % 16];
    }
    std::size_t most = 0;
    for (const auto& [at, lanes] : lanes_at) most = std::max(most, lanes.size());
    return most;
  };
  CHECK(lanes_per_tick(milliseconds{100}) == 4);  // a round of four ticks
  CHECK(lanes_per_tick(milliseconds{60}) == 8);
  CHECK(lanes_per_tick(milliseconds{40}) > 8);
}

TEST_CASE("flows of groups that have little to spend wait for no lane", "[session]") {
  Rng rng(14);
  Pacer pacer;
  auto flows = in_lanes(1000, 16);
  for (auto& flow : flows) flow.group = 0;
  pacer.configure(flows, seconds{1},
                  {.packets_per_second = 2000, .packets_per_second_per_group = 900, .groups = 1},
                  Instant{}, rng);
  std::map<Instant, std::map<std::size_t, std::size_t>> lanes_at;
  for (const auto& [flow, instants] : run(pacer, Instant{}, seconds{5}, rng, kLaneTick)) {
    for (const auto at : instants) ++lanes_at[at][flow % 16];
  }
  std::size_t mixed = 0;
  for (const auto& [at, lanes] : lanes_at) mixed += lanes.size() > 1 ? 1 : 0;
  CHECK(mixed > 10);
}

}  // namespace faultline::session
