// Whatever is configured and however long tests take, the limits hold, nobody starves, and what
// fits is tested once a period.
#include "controller/core/standing_schedule.h"

#include <algorithm>
#include <deque>

#include "tests/support/catch.h"

namespace faultline::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Started {
  StandingPair pair{};
  Instant at{};
  Instant ends{};
};

// A schedule over some virtual time, and what it began.
class StandingRun {
 public:
  StandingRun(std::uint64_t seed, std::size_t tests, std::size_t nodes, Duration every,
              Duration longest)
      : rng_(seed), longest_(longest) {
    for (std::uint32_t test = 0; test < tests; ++test) {
      std::vector<StandingPair> pairs;
      for (std::uint32_t from = 1; from <= nodes; ++from) {
        for (std::uint32_t to = 1; to <= nodes; ++to) {
          if (from == to || uniform_below(rng_, 3) == 0) continue;
          pairs.push_back({.test = test, .from = NodeId{from}, .to = NodeId{to}});
        }
      }
      schedule.set_pairs(test, pairs, every, now, rng_);
      all.insert(all.end(), pairs.begin(), pairs.end());
    }
  }

  void pass(Duration time) {
    const auto until = now + time;
    for (; now < until; now += milliseconds{250}) {
      std::erase_if(under_way_, [&](const Started& test) {
        if (test.ends > now) return false;
        schedule.ended(test.pair);
        return true;
      });
      while (const auto pair = schedule.take(now, [](const StandingPair&) { return true; })) {
        const auto length =
            milliseconds{1 + static_cast<std::int64_t>(uniform_below(
                                 rng_, static_cast<std::uint64_t>(longest_ / milliseconds{1})))};
        started.push_back({*pair, now, now + length});
        under_way_.push_back(started.back());
        check_limits();
      }
    }
  }
  [[nodiscard]] std::size_t runs_of(const StandingPair& pair) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(started, [&](const Started& test) { return test.pair == pair; }));
  }

  StandingSchedule schedule;
  std::vector<StandingPair> all;
  std::vector<Started> started;
  Instant now = Instant{} + seconds{1000};

 private:
  void check_limits() {
    const StandingLimits limits;
    const auto count = [](const auto& tests, auto wanted) {
      return static_cast<std::size_t>(std::ranges::count_if(tests, wanted));
    };
    const auto& last = started.back();
    const auto same_second = [&](const Started& test) { return now - test.at < seconds{1}; };
    CHECK(under_way_.size() <= limits.under_way_max);
    CHECK(under_way_.size() == schedule.under_way());
    CHECK(count(under_way_, [&](const Started& t) { return t.pair.from == last.pair.from; }) == 1);
    CHECK(count(under_way_, [&](const Started& t) { return t.pair.to == last.pair.to; }) <=
          limits.per_target_max);
    CHECK(count(started, same_second) <= limits.per_second_max);
    CHECK(count(started, [&](const Started& t) {
            return same_second(t) && t.pair.to == last.pair.to;
          }) == 1);
  }

  Rng rng_;

  Duration longest_;
  std::vector<Started> under_way_;
};

}  // namespace

TEST_CASE("what fits into a period is tested once in each, evenly", "[standing]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const auto every = std::chrono::minutes{10};
    StandingRun run(seed, 2, 8, every, seconds{2});
    run.pass(5 * every);
    for (const auto& pair : run.all) {
      const auto runs = run.runs_of(pair);
      CHECK(runs >= 4);
      CHECK(runs <= 6);
    }
    CHECK(run.schedule.missed() == 0);
    // In no tenth of a period is more than three times its share.
    for (auto from = Instant{} + seconds{1000}; from < run.now; from += every / 10) {
      const auto begun = std::ranges::count_if(run.started, [&](const Started& test) {
        return test.at >= from && test.at < from + every / 10;
      });
      CHECK(static_cast<std::size_t>(begun) <= 3 * (run.all.size() / 10 + 1));
    }
  }
}

TEST_CASE("more than the limits allow is shared: everybody has a turn, and what is missed shows",
          "[standing]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    StandingRun run(seed, 4, 8, seconds{10}, seconds{30});
    run.pass(std::chrono::minutes{40});
    for (const auto& pair : run.all) CHECK(run.runs_of(pair) >= 1);
    CHECK(run.schedule.missed() > 0);
  }
}

TEST_CASE("a pair that is taken out has no turn any more, and one that stays keeps its own",
          "[standing]") {
  const auto at = Instant{} + seconds{1000};
  const std::vector<StandingPair> both{{.from = NodeId{1}, .to = NodeId{2}},
                                       {.from = NodeId{3}, .to = NodeId{4}}};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const auto times = [&](bool with_change) {
      Rng rng(seed);
      StandingSchedule schedule;
      schedule.set_pairs(0, both, seconds{60}, at, rng);
      if (with_change) schedule.set_pairs(0, {both[1]}, seconds{60}, at + seconds{0}, rng);
      std::vector<std::pair<NodeId, Instant>> found;
      for (auto now = at; now < at + seconds{300}; now += milliseconds{250}) {
        while (const auto pair = schedule.take(now, [](const StandingPair&) { return true; })) {
          found.emplace_back(pair->from, now);
          schedule.ended(*pair);
        }
      }
      return found;
    };
    auto expected = times(false);
    std::erase_if(expected, [](const auto& test) { return test.first == NodeId{1}; });
    REQUIRE(expected.size() >= 4);
    CHECK(times(true) == expected);
  }
}

TEST_CASE("of tests that make routers answer two go on at a time; who is held begins none",
          "[standing]") {
  Rng rng(5);
  StandingSchedule schedule({}, {0});
  auto now = Instant{} + seconds{1000};
  const auto pairs_of_test = [](std::uint32_t test) {
    std::vector<StandingPair> pairs;
    for (std::uint32_t from = 1; from <= 6; ++from) {
      pairs.push_back(
          {.test = test, .from = NodeId{10 * test + from}, .to = NodeId{100 + 10 * test + from}});
    }
    return pairs;
  };
  for (const std::uint32_t test : {0U, 1U}) {
    schedule.set_pairs(test, pairs_of_test(test), seconds{60}, now, rng);
  }
  schedule.hold({NodeId{11}});
  std::vector<StandingPair> begun;
  const auto run = [&] {
    for (const auto until = now + seconds{120}; now < until; now += milliseconds{250}) {
      while (const auto pair = schedule.take(now, [](const StandingPair&) { return true; })) {
        begun.push_back(*pair);  // and never ends
      }
    }
  };
  run();
  CHECK(std::ranges::count(begun, 0U, &StandingPair::test) == 2);
  CHECK(std::ranges::count(begun, 1U, &StandingPair::test) == 5);
  CHECK(std::ranges::count(begun, NodeId{11}, &StandingPair::from) == 0);
  schedule.hold({});
  run();
  CHECK(std::ranges::count(begun, NodeId{11}, &StandingPair::from) == 1);
  CHECK(std::ranges::count(begun, 0U, &StandingPair::test) == 2);
}

TEST_CASE("who is away has his turns skipped and counted, and holds up nobody", "[standing]") {
  Rng rng(3);
  StandingSchedule schedule;
  const auto at = Instant{} + seconds{1000};
  schedule.set_pairs(0,
                     {{.from = NodeId{1}, .to = NodeId{2}}, {.from = NodeId{3}, .to = NodeId{4}}},
                     seconds{60}, at, rng);
  std::size_t taken = 0;
  for (auto now = at; now < at + seconds{600}; now += milliseconds{250}) {
    const auto pair =
        schedule.take(now, [](const StandingPair& it) { return it.from != NodeId{1}; });
    if (!pair) continue;
    CHECK(pair->from == NodeId{3});
    schedule.ended(*pair);
    ++taken;
  }
  CHECK(taken == 10);
  CHECK(schedule.skipped() == 10);
}

}  // namespace faultline::core
