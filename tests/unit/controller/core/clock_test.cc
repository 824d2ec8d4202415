// What becomes of the core when somebody sets this machine's clock.
#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

using std::chrono::minutes;

void set_clock(Bench& bench, Duration by) {
  bench.now.wall += by;
  bench.pass(std::chrono::milliseconds{250});
}

SolveDone healthy(WallTime window, bool enough_data = true) {
  Solution solution;
  solution.window_start = window;
  solution.window = seconds{10};
  solution.verdict.enough_data = enough_data;
  return {std::move(solution)};
}

ClockWatch::Seen set_by(Duration by) { return {.set = by, .slept = {}}; }

TEST_CASE("a step of the wall clock is told from time that passes", "[core][clock]") {
  ClockWatch watch(std::chrono::milliseconds{2500});
  fleet::Moment now{Instant{} + seconds{5}, wall_time_from_unix_seconds(1'790'000'000)};
  const auto look = [&](Duration passed, Duration set) {
    now.instant += passed;
    now.wall += passed + set;
    return watch.look(now);
  };
  CHECK(look({}, {}) == std::nullopt);  // the first
  CHECK(look(minutes{60}, {}) == std::nullopt);
  CHECK(look(seconds{1}, std::chrono::milliseconds{2500}) == std::nullopt);
  CHECK(look(seconds{1}, std::chrono::milliseconds{-2501}) ==
        set_by(std::chrono::milliseconds{-2501}));
  CHECK(look(seconds{1}, {}) == std::nullopt);
  CHECK(look({}, minutes{60}) == set_by(minutes{60}));
}

TEST_CASE("a sleep of the machine is told from a step of its clock", "[core][clock]") {
  ClockWatch watch(std::chrono::milliseconds{2500});
  fleet::Moment now{Instant{} + seconds{5}, wall_time_from_unix_seconds(1'790'000'000)};
  const auto look = [&](Duration slept, Duration set) {
    now.instant += seconds{1};
    now.wall += seconds{1} + slept + set;
    now.slept += slept;
    return watch.look(now);
  };
  CHECK(look(minutes{10}, {}) == std::nullopt);  // before the first
  CHECK(look(minutes{60}, {}) == ClockWatch::Seen{.set = {}, .slept = minutes{60}});
  CHECK(look({}, {}) == std::nullopt);
  CHECK(look(minutes{60}, -minutes{5}) ==
        ClockWatch::Seen{.set = -minutes{5}, .slept = minutes{60}});
}

TEST_CASE("after a sleep nodes' clocks are trusted as before, and nothing is over for it",
          "[core][clock]") {
  Bench bench;
  bench.enroll(1);
  const auto offset = bench.core.fleet().find("h1")->clock_offset;
  bench.pass(std::chrono::milliseconds{250});
  bench.now.wall += minutes{1};
  bench.now.slept += minutes{1};
  bench.pass(std::chrono::milliseconds{250});
  CHECK(bench.core.counters().machine_sleeps == 1);
  CHECK(bench.core.counters().clock_steps == 0);
  CHECK(bench.core.fleet().find("h1")->clock_offset == offset);
  CHECK(bench.core.fleet().find("h1")->clock_settled);
  CHECK(std::ranges::count(bench.effects.lines,
                           "this machine slept for 1m: nothing was judged meanwhile") == 1);
  for (int i = 0; i < 5; ++i) {
    bench.pass(seconds{10});
    bench.step(healthy(bench.now.wall));
  }
  CHECK(bench.core.incidents().counters().windows_without_data == 5);
}

TEST_CASE("a step is counted and logged, and nodes' clocks are judged anew", "[core][clock]") {
  Bench bench;
  bench.enroll(1);
  REQUIRE(bench.core.fleet().find("h1")->clock_settled);
  set_clock(bench, seconds{2});
  CHECK(bench.core.counters().clock_steps == 0);
  set_clock(bench, seconds{47});
  CHECK(bench.core.counters().clock_steps == 1);
  CHECK(bench.core.fleet().find("h1")->clock_offset == -seconds{47});
  CHECK_FALSE(bench.core.fleet().find("h1")->clock_settled);
  CHECK(std::ranges::any_of(bench.effects.lines, [](const std::string& line) {
    return line == "the clock of this machine was set ahead by 47s";
  }));
}

TEST_CASE("a clock that is set back voids the job under way, and the past is recalled again",
          "[core][clock]") {
  Bench bench;
  const auto node = bench.enroll(1);
  const auto window = window_start(bench.now.wall, seconds{10}) - seconds{10};
  const auto report =
      std::make_shared<const Report>(Report{.window_start = window, .window = seconds{10}});
  bench.say(
      node,
      Batch{.boot = BootId{1}, .first_sequence = 1, .sequence = 1, .payload = {std::byte{1}}});
  bench.finish_decode(report);
  bench.finish_append();
  bench.pass(seconds{30});
  REQUIRE(bench.effects.solves.size() == 1);
  CHECK_FALSE(bench.effects.solves.back().clock_set.back);
  set_clock(bench, -minutes{10});
  CHECK(bench.core.is_recalling());
  CHECK(bench.core.windows().last_judged() < bench.now.wall);
  bench.step(healthy(window));
  CHECK(bench.core.counters().windows_judged == 0);
  bench.pass(seconds{1});
  REQUIRE(bench.effects.recalls.size() == 1);
  const auto& recall = bench.effects.recalls.front();
  CHECK(recall.clock_set.back);
  CHECK(recall.clock_set.by == -minutes{10});
  CHECK(recall.again);
  CHECK(is_recalled(recall, NodeId{1}, BootId{1}, 1));
  CHECK(recall.window_start < bench.now.wall);
  bench.step(RecallDone{});
  bench.pass(seconds{1});
  CHECK_FALSE(bench.effects.recalls.back().clock_set.back);
}

// It was judged again, by what came late alone, and what it had shown was forgotten.
TEST_CASE("after a small step back the window that was judged stays so, and is recalled",
          "[core][clock]") {
  for (const auto into : {seconds{2}, seconds{5}, seconds{11}}) {  // where the clock is then
    CAPTURE(format_duration(into));
    Bench bench;
    const auto node = bench.enroll(1);
    const auto window = window_start(bench.now.wall, seconds{10}) + seconds{10};
    bench.pass(window + seconds{13} - bench.now.wall);
    bench.say(
        node,
        Batch{.boot = BootId{1}, .first_sequence = 1, .sequence = 1, .payload = {std::byte{1}}});
    bench.finish_decode(
        std::make_shared<const Report>(Report{.window_start = window, .window = seconds{10}}));
    bench.finish_append();
    bench.pass(seconds{11});
    REQUIRE(bench.effects.solves.size() == 1);
    bench.step(healthy(window));
    set_clock(bench, window + into - bench.now.wall);
    REQUIRE(bench.core.counters().clock_steps == 1);
    CHECK(bench.core.windows().last_judged() == window);
    bench.pass(std::chrono::milliseconds{1});
    REQUIRE(bench.effects.recalls.size() == 1);
    const auto& recall = bench.effects.recalls.front();
    CHECK(recall.window_start == window);
    CHECK(is_recalled(recall, NodeId{1}, BootId{1}, 1));
  }
}

TEST_CASE("until as much is measured anew as a step took away, nothing is over", "[core][clock]") {
  Bench bench;
  const auto judge = [&](int windows) {
    for (int i = 0; i < windows; ++i) {
      bench.pass(seconds{10});
      bench.step(healthy(bench.now.wall));
    }
  };
  judge(1);
  set_clock(bench, minutes{1});
  judge(5);
  CHECK(bench.core.incidents().counters().windows_without_data == 5);
  judge(3);
  CHECK(bench.core.incidents().counters().windows_without_data == 5);
}

}  // namespace
}  // namespace faultline::core
