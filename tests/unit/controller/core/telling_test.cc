#include "controller/core/telling.h"

#include <set>

#include "controller/core/documents.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr WallTime kWall{seconds{1'790'000'000}};
constexpr Instant kBegin{seconds{1000}};

using Names = std::vector<std::string>;

incident::Event event_of(incident::EventKind kind, incident::Severity severity) {
  incident::Event event;
  event.kind = kind;
  event.incident.id = "i-1";
  event.incident.state = incident::State::kOpen;
  event.incident.severity = severity;
  event.incident.revision = 1;
  event.incident.suspect.kind = "link";
  event.incident.suspect.id = "leaf1>spine2";
  return event;
}

// Errors go to the pager, all else to the chat.
TellingOptions by_severity() {
  TellingOptions options;
  options.routes = {{notify::AlertSeverity::kError, {}, {"pager"}, false},
                    {notify::AlertSeverity::kInfo, {}, {"chat"}, false}};
  return options;
}

struct Teller {
  fleet::Fleet fleet{seconds{5}, minutes{5}};
  TellingOptions options;
  Telling telling;
  std::map<std::string, std::string> ledger;

  explicit Teller(TellingOptions with, std::map<std::string, std::string> stored = {})
      : options(std::move(with)), telling(options, {"chat", "pager"}), ledger(std::move(stored)) {
    std::map<std::string, std::string> records;
    std::vector<notify::OutboxEntry> entries;
    for (const auto& [key, value] : ledger) {
      if (key.starts_with(kToldPrefix) || key == kWatchdogKey) {
        records[key] = value;
      } else {
        entries.push_back(notify::from_record(value).value());
      }
    }
    telling.restore(std::move(entries), records);
  }

  void store(const std::vector<DocumentWrite>& writes) {
    for (const auto& write : writes) {
      if (write.value) {
        ledger[write.key] = *write.value;
      } else {
        ledger.erase(write.key);
      }
    }
  }
  void tell(incident::EventKind kind, incident::Severity severity) {
    std::string summary;
    store(telling.tell(event_of(kind, severity), fleet, kWall, summary));
  }
  // "pager i-1-1-opened" for all that waits.
  [[nodiscard]] Names waiting() const {
    Names names;
    for (const auto& entry : telling.outbox().waiting_entries(99)) {
      names.push_back(entry.receiver + " " + entry.idempotency_key);
    }
    return names;
  }
};

}  // namespace

TEST_CASE("a resolve goes to whoever was told, whatever its severity is by then", "[core]") {
  using incident::EventKind;
  using incident::Severity;
  Teller bench(by_severity());
  bench.tell(EventKind::kOpened, Severity::kCritical);
  CHECK(bench.waiting() == Names{"pager i-1-1-opened"});
  bench.tell(EventKind::kUpdated, Severity::kWarning);
  Teller after(by_severity(), bench.ledger);  // a restart
  after.tell(EventKind::kResolved, Severity::kWarning);
  CHECK(after.waiting() ==
        Names{"chat i-1-1-resolved", "pager i-1-1-opened", "pager i-1-1-resolved"});
  CHECK(after.ledger.size() == 3);  // nothing is remembered of an incident that is over
}

TEST_CASE("an acknowledgement goes to who was told, and holds up no update", "[core]") {
  using incident::EventKind;
  using incident::Severity;
  Teller bench(by_severity());
  bench.tell(EventKind::kAcknowledged, Severity::kCritical);
  CHECK(bench.waiting().empty());
  bench.tell(EventKind::kOpened, Severity::kCritical);
  bench.tell(EventKind::kUpdated, Severity::kCritical);
  bench.tell(EventKind::kAcknowledged, Severity::kWarning);
  CHECK(bench.waiting() ==
        Names{"pager i-1-1-opened", "pager i-1-1-updated", "pager i-1-1-acknowledged"});
}

TEST_CASE("an alert that one window makes and supersedes is written once, as gone", "[core]") {
  using incident::EventKind;
  using incident::Severity;
  Teller bench(by_severity());
  std::string summary;
  auto writes = bench.telling.tell(event_of(EventKind::kUpdated, Severity::kError), bench.fleet,
                                   kWall, summary);
  std::ranges::move(bench.telling.tell(event_of(EventKind::kResolved, Severity::kError),
                                       bench.fleet, kWall, summary),
                    std::back_inserter(writes));
  Documents documents;
  RecordedEffects effects;
  documents.commit(std::move(writes), {}, effects);
  std::set<std::string> keys;
  for (const auto& write : effects.commits.front().writes) {
    CHECK(keys.insert(write.key).second);
    const bool kept = write.value.has_value();
    CHECK(kept == (write.key.back() == '2'));  // only the resolve
  }
  CHECK(keys.size() == 3);
}

TEST_CASE("a receiver that forgets is reminded of what is open and of nothing else", "[core]") {
  TellingOptions options;
  options.reminders = {{"chat", minutes{5}}};
  Teller bench(options);
  bench.tell(incident::EventKind::kOpened, incident::Severity::kError);
  auto open = event_of(incident::EventKind::kOpened, incident::Severity::kError).incident;
  auto over = open;
  over.id = "i-2";
  over.state = incident::State::kResolved;
  const std::vector<incident::Incident> incidents{open, over};
  CHECK(bench.telling.remind(incidents, bench.fleet, kBegin, kWall).empty());
  CHECK(bench.telling.remind(incidents, bench.fleet, kBegin + minutes{4}, kWall).empty());
  bench.store(bench.telling.remind(incidents, bench.fleet, kBegin + minutes{5}, kWall));
  CHECK(bench.waiting() == Names{"chat i-1-1-opened", "chat i-1-1-updated", "pager i-1-1-opened"});
  bench.store(bench.telling.remind(incidents, bench.fleet, kBegin + minutes{10}, kWall));
  CHECK(bench.waiting().size() == 3);  // the newer reminder superseded the older
}

TEST_CASE("a stuck receiver's alarm goes to the others, and survives a restart", "[core]") {
  Teller bench({});
  notify::Vitals vitals;
  vitals.oldest_waiting = {{"pager", minutes{9}}};
  bench.store(bench.telling.watch(vitals, kBegin, kWall));
  bench.store(bench.telling.watch(vitals, kBegin + notify::kRaiseAfter, kWall));
  CHECK(bench.waiting() == Names{"chat product-outbox_stuck:pager-1790000000-1-opened"});
  CHECK_FALSE(bench.telling.watchdog().fit());
  Teller after({}, bench.ledger);
  vitals.oldest_waiting.clear();
  CHECK(after.telling.watch(vitals, kBegin, kWall).empty());
  after.store(after.telling.watch(vitals, kBegin + notify::kEndAfter, kWall));
  CHECK(after.waiting().size() == 2);
  CHECK(after.telling.watchdog().fit());
}

TEST_CASE("an alert carries a link where the configuration has one", "[core]") {
  TellingOptions options;
  options.link = notify::Template::parse("https://wiki/${incident}").value();
  Teller bench(options);
  bench.tell(incident::EventKind::kOpened, incident::Severity::kError);
  const auto body = bench.telling.outbox().waiting_entries(1).at(0).body;
  CHECK(notify::alert_from_json(body)->link == "https://wiki/i-1");
}

}  // namespace faultline::core
