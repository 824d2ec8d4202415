#include <set>

#include "tests/support/catch.h"
#include "tests/unit/controller/incident/story.h"

namespace faultline::incident {
namespace {

// Judges the windows one after the other and returns what came of the last one.
Outcome judge_all(Machine& machine, const std::vector<std::string>& windows, Rng& rng,
                  int first = 0) {
  Outcome last;
  for (const auto& text : windows) last = machine.judge(window_of(first++, text), rng);
  return last;
}

TEST_CASE("an opened incident is whole: who, how bad, since when", "[incident]") {
  Machine machine{{}};
  Rng rng{1};
  auto window = window_of(1, "a>b");
  window.suspects[0].since = window_end(-3);
  window.suspects[0].affected = {"h1", "h2"};
  machine.judge(window, rng);
  window.end = window_end(2);
  const auto outcome = machine.judge(window, rng);
  REQUIRE(outcome.events.size() == 1);
  const auto& incident = outcome.events[0].incident;
  CHECK(incident.state == State::kOpen);
  CHECK(incident.severity == Severity::kError);
  CHECK(incident.suspect == window.suspects[0]);
  CHECK(incident.since == window_end(-3));
  CHECK(incident.opened_at == window_end(2));
  CHECK(incident.revision == 1);
  CHECK(incident.components == std::vector{Component{"a>b", "a", "b"}});
  CHECK(outcome.changed == std::vector{incident});
  CHECK(machine.open_count() == 1);
}

TEST_CASE("an incident keeps its id through rename, resolve and reopening", "[incident]") {
  Machine machine{{}};
  Rng rng{1};
  const auto opened = judge_all(machine, {"a>b", "a>b"}, rng).events.at(0).incident;
  const auto renamed = judge_all(machine, {"a", "a"}, rng, 2).events.at(0);
  CHECK(renamed.reason == "now a, before a>b");
  const auto resolved = judge_all(machine, {"", "", ""}, rng, 4).events.at(0).incident;
  CHECK(resolved.resolution == "healed");
  CHECK(resolved.resolved_at == window_end(6));
  const auto reopened = judge_all(machine, {"a>c", "a>c"}, rng, 7).events.at(0);
  CHECK(reopened.reason == "opened again");
  CHECK(reopened.incident.reopened == 1);
  CHECK(!reopened.incident.resolved_at);
  CHECK(reopened.incident.opened_at == opened.opened_at);
  for (const auto& incident : {renamed.incident, resolved, reopened.incident}) {
    CHECK(incident.id == opened.id);
  }
  CHECK(reopened.incident.revision == 4);
}

TEST_CASE("long after its end the same fault is a new incident", "[incident]") {
  Machine machine{{.reopen_within = std::chrono::minutes{1}}};
  Rng rng{1};
  const auto first = judge_all(machine, {"a>b", "a>b", "", "", ""}, rng).events.at(0).incident;
  const auto second = judge_all(machine, {"a>b", "a>b"}, rng, 20).events.at(0).incident;
  CHECK(second.id != first.id);
  CHECK(second.reopened == 0);
  CHECK(machine.incidents().size() == 1);
}

TEST_CASE("a pending incident that comes to nothing is erased from the ledger", "[incident]") {
  Machine machine{{}};
  Rng rng{1};
  const auto pending = machine.judge(window_of(0, "a>b"), rng).changed.at(0);
  CHECK(pending.state == State::kPending);
  const auto outcome = judge_all(machine, {"", "", ""}, rng, 1);
  CHECK(outcome.erased == std::vector{pending.id});
  CHECK(outcome.changed.empty());
  CHECK(machine.incidents().empty());
  CHECK(machine.counters().dissolved == 1);
}

TEST_CASE("a merged incident says into which", "[incident]") {
  Machine machine{{}};
  Rng rng{1};
  judge_all(machine, {"a>b a>c", "a>b a>c"}, rng);
  const auto events = judge_all(machine, {"a", "a"}, rng, 2).events;
  REQUIRE(events.size() == 2);
  CHECK(events[1].incident.resolution == "merged into " + events[0].incident.id);
  CHECK(machine.open_count() == 1);
}

TEST_CASE("flap damping doubles the wait up to its bound", "[incident]") {
  Machine machine{{}};
  Rng rng{1};
  int number = 0;
  std::vector<int> waits;
  for (int round = 0; round < 7; ++round) {
    for (int i = 0; i < 2; ++i) machine.judge(window_of(number++, "a>b"), rng);
    int wait = 0;
    while (machine.open_count() > 0) {
      machine.judge(window_of(number++, ""), rng);
      ++wait;
    }
    waits.push_back(wait);
  }
  CHECK(waits == std::vector<int>{3, 6, 12, 24, 48, 48, 48});
  CHECK(machine.counters().opened == 1);
  CHECK(machine.counters().reopened == 6);
}

TEST_CASE("a window is judged once", "[incident]") {
  Machine machine{{}};
  Rng rng{1};
  machine.judge(window_of(1, "a>b"), rng);
  CHECK(machine.judge(window_of(1, "a>b"), rng) == Outcome{});
  CHECK(machine.judge(window_of(0, "a>b"), rng) == Outcome{});
  CHECK(machine.open_count() == 0);
  CHECK(machine.counters().windows_repeated == 2);
}

TEST_CASE("a component that nobody could measure is not healed by that", "[incident]") {
  Machine machine{{}};
  Rng rng{1};
  REQUIRE(said(judge_all(machine, {"a>b", "a>b"}, rng)) == "opened a>b");
  for (int number = 3; number <= 9; ++number) {
    auto window = window_of(number, "");
    window.unmeasured = {"c>d", "a>b"};
    CHECK(said(machine.judge(window, rng)).empty());
  }
  CHECK(said(judge_all(machine, {"", ""}, rng, 10)).empty());
  CHECK(said(judge_all(machine, {""}, rng, 12)) == "resolved a>b");
}

TEST_CASE("acknowledging says that somebody is on it and silences nothing", "[incident]") {
  Machine machine{{}};
  Rng rng{1};
  const auto id = judge_all(machine, {"a>b", "a>b"}, rng).events.at(0).incident.id;
  const auto outcome = machine.acknowledge(id, "ada", window_end(3)).value();
  REQUIRE(outcome.changed.size() == 1);
  CHECK(outcome.changed[0].state == State::kAcknowledged);
  CHECK(outcome.changed[0].acknowledged_by == "ada");
  CHECK(machine.acknowledge(id, "bob", window_end(4)).value() == Outcome{});
  CHECK(machine.find(id)->acknowledged_by == "ada");
  CHECK(said(judge_all(machine, {"a>b@0.2"}, rng, 5)) == "updated a>b");
  CHECK(said(judge_all(machine, {"", "", ""}, rng, 6)) == "resolved a>b");
  CHECK(machine.acknowledge(id, "bob", window_end(9)).error().code == ErrorCode::kConflict);
  CHECK(machine.acknowledge("i-0", "bob", window_end(9)).error().code == ErrorCode::kNotFound);
  const auto again = judge_all(machine, {"a>b", "a>b"}, rng, 10).events.at(0).incident;
  CHECK(again.state == State::kOpen);
  CHECK(again.acknowledged_by.empty());
}

TEST_CASE("incidents are bounded, and what is not taken up is counted", "[incident]") {
  Machine machine{{}};
  Rng rng{1};
  JudgedWindow window{.end = window_end(0), .enough_data = true, .suspects = {}};
  for (std::size_t i = 0; i < kIncidentsMax + 5; ++i) {
    window.suspects.push_back(suspect_of(fmt::format("a{}>b{}", i, i)));
  }
  machine.judge(window, rng);
  CHECK(machine.incidents().size() == kIncidentsMax);
  CHECK(machine.counters().suspects_over_limit == 5);
  std::set<std::string> ids;
  for (const auto& incident : machine.incidents()) ids.insert(incident.id);
  CHECK(ids.size() == kIncidentsMax);
}

TEST_CASE("history is not taken back into memory, and doubles are refused", "[incident]") {
  Machine donor{{}};
  Rng rng{1};
  const auto resolved = judge_all(donor, {"a>b", "a>b", "", "", ""}, rng).events.at(0).incident;
  const auto restored = [&](std::vector<Incident> stored, WallTime now) {
    Machine machine{{}};
    const auto status = machine.restore(std::move(stored), now);
    return std::pair(status.has_value(), machine.incidents().size());
  };
  CHECK(restored({resolved}, window_end(5)) == std::pair(true, std::size_t{1}));
  CHECK(restored({resolved}, window_end(500)) == std::pair(true, std::size_t{0}));
  auto merged = resolved;
  merged.resolution = "merged into i-1";
  CHECK(restored({merged}, window_end(5)) == std::pair(true, std::size_t{0}));
  CHECK(!restored({resolved, resolved}, window_end(5)).first);
}

TEST_CASE("a clock that was set back does not silence a restarted machine", "[incident]") {
  Machine donor{{}};
  Rng rng{1};
  const auto open = judge_all(donor, {"a>b", "a>b"}, rng, 1000).events.at(0).incident;
  Machine machine{{}};
  REQUIRE(machine.restore({open}, window_end(5)));
  CHECK(said(judge_all(machine, {"", "", ""}, rng, 6)) == "resolved a>b");
}

TEST_CASE("a fault that outlasts its pending time is dated by its onset, not by the horizon",
          "[incident]") {
  Machine machine{{.confirm_windows = 3}};
  Rng rng{1};
  for (int i = 0; i < 3; ++i) {
    auto window = window_of(i, "a>b");
    window.suspects[0].since = window_end(i);  // the horizon moves on
    machine.judge(window, rng);
  }
  REQUIRE(machine.open_count() == 1);
  CHECK(machine.incidents()[0].since == window_end(0));
}

TEST_CASE("an incident that nobody knows cannot be silenced", "[incident]") {
  Machine machine{{}};
  SilenceRequest request;
  request.selector = {{"incident", {"i-nope"}}};
  const auto refused = machine.add_silence(request, window_end(0));
  REQUIRE(!refused);
  CHECK(refused.error().context == "no incident i-nope is open");
}

TEST_CASE("a config that cannot work is refused by the name of its field", "[incident]") {
  CHECK(validate({}));
  const std::pair<MachineConfig, const char*> cases[] = {
      {{.confirm_posterior = 0}, "confirm_posterior"},
      {{.confirm_posterior = 1.1}, "confirm_posterior"},
      {{.keep_posterior = 0.95}, "keep_posterior"},
      {{.confirm_windows = 4}, "confirm_windows"},
      {{.confirm_of = 33}, "confirm_of"},
      {{.congestion_windows = 6}, "congestion_windows"},
      {{.congestion_of = 33}, "congestion_of"},
      {{.resolve_windows = 0}, "resolve_windows"},
      {{.reopen_within = Duration{-1}}, "reopen_within"},
      {{.quiet_after_resolve = Duration{-1}}, "quiet_after_resolve"},
  };
  for (const auto& [config, field] : cases) {
    const auto status = validate(config);
    REQUIRE(!status);
    CHECK(status.error().context.find(field) == 0);
  }
}

TEST_CASE("a clock that is set back does not silence the machine", "[incident]") {
  Machine machine{{}};
  Rng rng{1};
  const auto opened = judge_all(machine, {"a>b", "a>b"}, rng, 20).events.at(0).incident;
  CHECK(judge_all(machine, {"", "", ""}, rng, 3).events.empty());  // repeated, it thinks
  CHECK(machine.counters().windows_repeated == 3);
  machine.set_back(window_end(3));
  const auto resolved = judge_all(machine, {"", "", ""}, rng, 4).events;
  REQUIRE(resolved.size() == 1);
  CHECK(resolved[0].kind == EventKind::kResolved);
  CHECK(resolved[0].incident.id == opened.id);
  CHECK(machine.counters().windows_repeated == 3);
  machine.set_back(window_end(50));  // that is ahead: nothing
  CHECK(judge_all(machine, {"a>b"}, rng, 6).changed.empty());
}

}  // namespace
}  // namespace faultline::incident
