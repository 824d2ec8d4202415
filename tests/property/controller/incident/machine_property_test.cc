// Random faults on a random small fabric: whatever comes, the story that is told makes sense.
#include <map>
#include <set>

#include "common/base/random.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/incident/story.h"

namespace faultline::incident {
namespace {

constexpr std::uint64_t kSeeds = 20;
constexpr int kWindows = 300;

const std::vector<std::string> kComponents = {"a>b", "b>a", "a=b",   "a",     "b",
                                              "a>c", "c>d", "c>d#2", "d!down"};

std::string random_window(Rng& rng) {
  if (uniform(rng) < 0.1) return "?";
  std::string text;
  for (const auto& component : kComponents) {
    if (uniform(rng) > 0.15) continue;
    text += fmt::format("{}:{:.2f}@{:.3f} ", component.substr(0, component.find('!')),
                        0.4 + 0.6 * uniform(rng), 0.001 + 0.2 * uniform(rng));
  }
  return text;
}

// What a receiver of the events knows.
struct Receiver {
  std::set<std::string> open;
  std::map<std::string, std::uint32_t> revision;

  void hear(const Event& event) {
    const auto& incident = event.incident;
    REQUIRE(incident.revision == revision[incident.id] + 1);
    revision[incident.id] = incident.revision;
    switch (event.kind) {
      case EventKind::kOpened:
        REQUIRE(open.insert(incident.id).second);
        REQUIRE(incident.is_open());
        break;
      case EventKind::kUpdated:
      case EventKind::kAcknowledged:
        REQUIRE(open.contains(incident.id));
        break;
      case EventKind::kResolved:
        REQUIRE(open.erase(incident.id) == 1);
        REQUIRE(incident.state == State::kResolved);
        break;
    }
  }
};

TEST_CASE("every incident opens before it resolves, and all resolve in the end", "[incident]") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    Machine machine{{}};
    Receiver receiver;
    int number = 0;
    while (number < kWindows) {
      const auto outcome = machine.judge(window_of(number++, random_window(rng)), rng);
      for (const auto& event : outcome.events) receiver.hear(event);
      REQUIRE(machine.open_count() == receiver.open.size());
    }
    const auto quiet_windows = static_cast<int>(kResolveWindowsMax) + 3;
    for (int i = 0; i < quiet_windows; ++i) {
      for (const auto& event : machine.judge(window_of(number++, ""), rng).events) {
        receiver.hear(event);
      }
    }
    REQUIRE(receiver.open.empty());
    const auto& counters = machine.counters();
    REQUIRE(counters.opened + counters.reopened == counters.resolved);
  }
}

// A random operator: he acknowledges, resolves, silences, announces work, and ends it.
Outcome operate(Machine& machine, Rng& rng, WallTime now, int number) {
  const double choice = uniform(rng);
  if (choice < 0.1) {
    const auto kind = choice < 0.05 ? SilenceKind::kMaintenance : SilenceKind::kSilence;
    const auto& component = kComponents[rng() % kComponents.size()];
    return machine
        .add_silence({.id = fmt::format("{}{}", id_prefix(kind), number),
                      .kind = kind,
                      .selector = {{"component", {component.substr(0, component.find('!'))}}},
                      .author = "ada",
                      .comment = "why",
                      .starts_at = {},
                      .ends_at = now + kWindow * (1 + static_cast<int>(rng() % 30))},
                     now)
        .value_or(Outcome{});
  }
  if (machine.incidents().empty()) return {};
  const auto id = machine.incidents()[rng() % machine.incidents().size()].id;
  if (choice < 0.2) return machine.acknowledge(id, "ada", now).value_or(Outcome{});
  if (choice < 0.23) return machine.resolve(id, "ada", "done", now).value_or(Outcome{});
  if (choice < 0.28 && !machine.silences().all().empty()) {
    const auto silence = machine.silences().all().begin()->first;
    return machine.end_silence(silence, "ada", now).value_or(Outcome{});
  }
  return {};
}

TEST_CASE(
    "whatever operators do and however often it restarts, who is told of an opening hears one "
    "end",
    "[incident]") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    Receiver receiver;
    Machine machine{{}};
    std::map<std::string, std::string> incidents;
    std::map<std::string, std::string> silences;
    const auto take = [&](const Outcome& outcome) {
      for (const auto& event : outcome.events) receiver.hear(event);
      for (const auto& incident : outcome.changed) incidents[incident.id] = to_json(incident);
      for (const auto& id : outcome.erased) incidents.erase(id);
      for (const auto& silence : outcome.silences) silences[silence.id] = to_json(silence);
      for (const auto& id : outcome.silences_erased) silences.erase(id);
    };
    const auto restart = [&](WallTime now) {
      std::vector<Incident> stored;
      std::vector<Silence> stored_silences;
      for (const auto& [id, text] : incidents) stored.push_back(incident_from_json(text).value());
      for (const auto& [id, text] : silences) {
        stored_silences.push_back(silence_from_json(text).value());
      }
      machine = Machine{{}};
      machine.restore_silences(std::move(stored_silences));
      REQUIRE(machine.restore(std::move(stored), now));
    };
    const auto quiet_windows = 2 * static_cast<int>(kResolveWindowsMax);
    for (int number = 0; number < kWindows + quiet_windows; ++number) {
      const auto window = window_of(number, number < kWindows ? random_window(rng) : "");
      if (number < kWindows) take(operate(machine, rng, window.end, number));
      if (uniform(rng) < 0.1) restart(window.end - std::chrono::seconds{1});
      take(machine.judge(window, rng));
      std::set<std::string> announced;
      for (const auto& incident : machine.incidents()) {
        REQUIRE((!incident.announced || incident.is_open()));
        if (incident.announced) announced.insert(incident.id);
      }
      REQUIRE(announced == receiver.open);
    }
    REQUIRE(receiver.open.empty());
    REQUIRE(machine.open_count() == 0);
  }
}

TEST_CASE("no two open incidents are about the same component", "[incident]") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    Machine machine{{}};
    for (int number = 0; number < kWindows; ++number) {
      machine.judge(window_of(number, random_window(rng)), rng);
      std::set<std::string> components;
      for (const auto& incident : machine.incidents()) {
        if (incident.is_open()) REQUIRE(components.insert(incident.suspect.id).second);
      }
    }
  }
}

TEST_CASE("the ledger alone continues the story", "[incident]") {
  for (std::uint64_t seed = 1; seed <= kSeeds / 4; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    Rng ids_of_one{seed};
    Rng ids_of_other{seed};
    Machine steady{{}};
    Machine restarted{{}};
    std::map<std::string, std::string> ledger;
    for (int number = 0; number < kWindows / 3; ++number) {
      const auto window = window_of(number, random_window(rng));
      const auto expected = steady.judge(window, ids_of_one);
      std::vector<Incident> stored;
      for (const auto& [id, text] : ledger) stored.push_back(incident_from_json(text).value());
      restarted = Machine{{}};
      REQUIRE(restarted.restore(stored, window.end - std::chrono::seconds{1}));
      const auto outcome = restarted.judge(window, ids_of_other);
      for (const auto& incident : outcome.changed) ledger[incident.id] = to_json(incident);
      for (const auto& id : outcome.erased) ledger.erase(id);
      REQUIRE(said(outcome) == said(expected));
    }
  }
}

}  // namespace
}  // namespace faultline::incident
