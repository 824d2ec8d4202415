#include "controller/notify/watchdog.h"

#include "tests/support/catch.h"

namespace faultline::notify {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr WallTime kWall{seconds{1'790'000'000}};

Vitals well() {
  return {.window = seconds{10},
          .nodes = 10,
          .nodes_silent = 1,
          .sessions_planned = 80,
          .verdict_age = seconds{15},
          .disk_free_bytes = 50ULL << 30,
          .clock_offset_max = std::chrono::milliseconds{3},
          .store_trouble = {},
          .oldest_waiting = {{"pager", seconds{2}}},
          .dead_letters = 0,
          .alerts_shed = 0,
          .overloaded = {},
          .results_lost = 0,
          .windows_skipped = 0};
}

// A watchdog that looks every five seconds.
struct Watch {
  Watchdog watchdog;
  Instant now{seconds{1000}};
  WallTime wall = kWall;
  std::vector<std::string> told;  // "opened probes_silent"

  void look(const Vitals& vitals, Duration length) {
    for (const auto end = now + length; now < end; now += seconds{5}, wall += seconds{5}) {
      for (const auto& alert : watchdog.judge(vitals, now, wall)) {
        told.push_back(std::string(to_string(alert.event)) + " " + alert.fault_class);
      }
    }
  }
};

using Told = std::vector<std::string>;

std::vector<std::string> raised_by(const Vitals& vitals, Duration length = minutes{3}) {
  Watch watch;
  watch.look(vitals, length);
  return watch.watchdog.raised();
}

}  // namespace

TEST_CASE("a product that is well says nothing and beats", "[notify]") {
  Watch watch;
  watch.look(well(), std::chrono::hours{1});
  CHECK(watch.told.empty());
  CHECK(watch.watchdog.fit());
}

TEST_CASE("each trouble has its own alarm", "[notify]") {
  auto silent = well();
  silent.nodes_silent = 3;
  CHECK(raised_by(silent) == Told{"probes_silent"});
  auto lagging = well();
  lagging.verdict_age = seconds{61};
  CHECK(raised_by(lagging) == Told{"ingest_lagging"});
  auto filling = well();
  filling.disk_free_bytes = 1ULL << 30;
  CHECK(raised_by(filling) == Told{"disk_filling"});
  auto unwritable = well();
  unwritable.store_trouble = "the store cannot be written";
  CHECK(raised_by(unwritable) == Told{"store_unwritable"});
  auto clock = well();
  clock.clock_offset_max = seconds{3};
  CHECK(raised_by(clock, minutes{34}).empty());  // a time service may be at work
  CHECK(raised_by(clock, minutes{36}) == Told{"clock_off"});
  auto set = well();
  set.clock_steps = 1;
  CHECK(raised_by(set, seconds{10}) == Told{"clock_set"});
  auto stuck = well();
  stuck.oldest_waiting = {{"chat", minutes{6}}, {"pager", seconds{1}}};
  CHECK(raised_by(stuck) == Told{"outbox_stuck:chat"});
  auto dead = well();
  dead.dead_letters = 1;
  CHECK(raised_by(dead) == Told{"dead_letters"});
}

TEST_CASE("long windows make a verdict old later, and an empty fleet never", "[notify]") {
  auto vitals = well();
  vitals.window = seconds{60};
  vitals.verdict_age = seconds{350};
  CHECK(raised_by(vitals).empty());
  vitals.verdict_age = seconds{361};
  CHECK(raised_by(vitals).size() == 1);
  vitals.sessions_planned = 0;
  CHECK(raised_by(vitals).empty());
}

TEST_CASE("a busy minute is no alarm, and a flapping trouble is one", "[notify]") {
  auto bad = well();
  bad.nodes_silent = 5;
  Watch watch;
  watch.look(bad, seconds{100});
  watch.look(well(), minutes{1});
  CHECK(watch.told.empty());
  watch.look(bad, minutes{3});
  for (int i = 0; i < 10; ++i) {
    watch.look(well(), minutes{1});
    watch.look(bad, minutes{1});
  }
  CHECK(watch.told == Told{"opened probes_silent"});
  watch.look(well(), minutes{3});
  CHECK(watch.told == Told{"opened probes_silent", "resolved probes_silent"});
  CHECK(watch.watchdog.raised().empty());
}

TEST_CASE("a dead letter is told at once, and ends after its time", "[notify]") {
  auto dead = well();
  dead.dead_letters = 1;
  Watch watch;
  watch.look(dead, seconds{5});
  CHECK(watch.told == Told{"opened dead_letters"});
  watch.look(dead, minutes{70});
  CHECK(watch.told == Told{"opened dead_letters", "resolved dead_letters"});
}

TEST_CASE("what was lost is told at once, and not again while nothing more is", "[notify]") {
  auto lost = well();
  lost.results_lost = 400;
  lost.alerts_shed = 2;
  Watch watch;
  watch.look(lost, seconds{5});
  CHECK(watch.told == Told{"opened alerts_shed", "opened results_lost"});
  watch.look(lost, minutes{30});
  lost.results_lost = 500;
  watch.look(lost, minutes{50});  // alerts_shed has ended, results_lost begun anew
  CHECK(watch.told == Told{"opened alerts_shed", "opened results_lost", "resolved alerts_shed"});
  watch.look(lost, minutes{15});
  CHECK(watch.told.back() == "resolved results_lost");
}

TEST_CASE("a prober that is overloaded is told of after a quarter of an hour", "[notify]") {
  auto busy = well();
  busy.overloaded = {"h7"};
  Watch watch;
  for (int i = 0; i < 5; ++i) {
    watch.look(busy, minutes{10});
    watch.look(well(), minutes{3});
  }
  CHECK(watch.told.empty());
  watch.look(busy, minutes{16});
  CHECK(watch.told == Told{"opened probes_overloaded"});
  CHECK(watch.watchdog.fit());
}

TEST_CASE("a localizer that skips windows again and again is behind", "[notify]") {
  auto behind = well();
  Watch watch;
  behind.windows_skipped = 3;
  watch.look(behind, minutes{10});  // once
  CHECK(watch.told.empty());
  for (int i = 0; i < 20; ++i) {
    ++behind.windows_skipped;
    watch.look(behind, seconds{20});
  }
  CHECK(watch.told == Told{"opened localizer_behind"});
  watch.look(behind, minutes{4});
  CHECK(watch.told.back() == "resolved localizer_behind");
}

TEST_CASE("the heartbeat stays away when faults cannot be seen, kept or told", "[notify]") {
  for (auto vitals : {[] {
                        auto v = well();
                        v.verdict_age = minutes{5};
                        return v;
                      }(),
                      [] {
                        auto v = well();
                        v.store_trouble = "full";
                        return v;
                      }(),
                      [] {
                        auto v = well();
                        v.oldest_waiting["chat"] = minutes{9};
                        return v;
                      }()}) {
    Watch watch;
    watch.look(vitals, minutes{3});
    CHECK_FALSE(watch.watchdog.fit());
    watch.look(well(), minutes{3});
    CHECK(watch.watchdog.fit());
  }
}

TEST_CASE("a restart continues what was told", "[notify]") {
  auto bad = well();
  bad.nodes_silent = 5;
  Watch before;
  before.look(bad, minutes{3});
  Watch after;
  REQUIRE(after.watchdog.restore(before.watchdog.to_record()));
  after.wall = before.wall;
  after.look(bad, minutes{5});
  CHECK(after.told.empty());
  after.look(well(), minutes{3});
  CHECK(after.told == Told{"resolved probes_silent"});
  CHECK_FALSE(after.watchdog.restore("{"));
}

TEST_CASE("an alarm's alerts share one incident, which names the check", "[notify]") {
  auto bad = well();
  bad.oldest_waiting["chat"] = minutes{9};
  Watchdog watchdog;
  Instant now{seconds{0}};
  (void)watchdog.judge(bad, now, kWall);
  const auto opened = watchdog.judge(bad, now + kRaiseAfter, kWall);
  (void)watchdog.judge(well(), now + kRaiseAfter, kWall);
  const auto resolved = watchdog.judge(well(), now + kRaiseAfter + kEndAfter, kWall + minutes{9});
  REQUIRE(opened.size() == 1);
  REQUIRE(resolved.size() == 1);
  CHECK(opened[0].incident == "product-outbox_stuck:chat-1790000000");
  CHECK(resolved[0].incident == opened[0].incident);
  CHECK(stuck_receiver(opened[0]) == "chat");
  CHECK(is_about_product(opened[0].incident));
}

}  // namespace faultline::notify
