// The audit log's records and what it keeps.
#include "controller/access/audit_record.h"
#include "controller/access/audit_trail.h"
#include "tests/support/catch.h"

namespace faultline::access {
namespace {

using std::chrono::hours;
using Kind = AuditTrail::Kind;
using Entries = std::vector<AuditTrail::Entry>;

const WallTime kWritten = wall_time_from_unix_seconds(1'795'316'400);

AuditRecord example_record() {
  return {.number = 42,
          .at = kWritten,
          .who = "token ops",
          .peer = "192.0.2.7:40112",
          .role = "operator",
          .method = "DELETE",
          .route = "/api/v1/tokens/{id}",
          .subject = "1f0c5a9b22e4",
          .outcome = AuditOutcome::kRefused,
          .status = 404,
          .reason = "",
          .suppressed = 3};
}

// Adds `count` records of a kind, a second apart.
void fill(AuditTrail& trail, Kind kind, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto number = trail.take_number();
    trail.added(kind, {number, 1}, kWritten + std::chrono::seconds{number});
  }
}

}  // namespace

TEST_CASE("an audit record comes back as it was, whatever its outcome", "[access]") {
  for (const auto outcome : {AuditOutcome::kStarted, AuditOutcome::kDone, AuditOutcome::kRefused,
                             AuditOutcome::kFailed, AuditOutcome::kDenied}) {
    auto record = example_record();
    record.outcome = outcome;
    const auto restored = audit_record_from_json(to_json(record));
    REQUIRE(restored);
    CHECK(*restored == record);
  }
}

TEST_CASE("a damaged audit record is refused", "[access]") {
  const auto text = to_json(example_record());
  CHECK_FALSE(audit_record_from_json(""));
  CHECK_FALSE(audit_record_from_json("{}"));
  for (const auto* word : {"\"who\"", "\"at\"", "\"number\"", "\"outcome\"", "\"refused\"",
                           "\"status\"", "\"route\"", "\"version\""}) {
    CAPTURE(word);
    auto changed = text;
    changed.replace(changed.find(word), std::string(word).size(), "\"other\"");
    CHECK_FALSE(audit_record_from_json(changed));
  }
}

TEST_CASE("what a stranger typed is short and harmless in the log", "[access]") {
  CHECK(audit_text("h1") == "h1");
  CHECK(audit_text("a\nb\x1b[31m\xff") == "a?b?[31m?");
  CHECK(audit_text(std::string(10'000, 'x')).size() == kAuditTextMax);
}

TEST_CASE("the status says how a change ended", "[access]") {
  CHECK(outcome_of_status(200) == AuditOutcome::kDone);
  CHECK(outcome_of_status(201) == AuditOutcome::kDone);
  CHECK(outcome_of_status(409) == AuditOutcome::kRefused);
  CHECK(outcome_of_status(503) == AuditOutcome::kFailed);
}

TEST_CASE("the oldest change goes when there are too many", "[access]") {
  AuditTrail trail({.changes_max = 3, .denials_max = 2, .age_max = hours{1}});
  fill(trail, Kind::kChange, 2);
  CHECK(trail.to_erase(Kind::kChange, kWritten, Instant{}).empty());
  fill(trail, Kind::kChange, 1);
  CHECK(trail.to_erase(Kind::kChange, kWritten, Instant{}) == Entries{{1, 1}});
  CHECK(trail.to_erase(Kind::kDenial, kWritten, Instant{}).empty());
}

TEST_CASE("denied attempts push out denied attempts only", "[access]") {
  AuditTrail trail({.changes_max = 3, .denials_max = 2, .age_max = hours{1}});
  fill(trail, Kind::kChange, 3);
  for (int i = 0; i < 100; ++i) {
    for (const auto& entry : trail.to_erase(Kind::kDenial, kWritten, Instant{}))
      trail.erased(entry.number);
    fill(trail, Kind::kDenial, 1);
  }
  CHECK(trail.size() == 5);
  for (const std::uint64_t number : {1, 2, 3}) CHECK(trail.writes_of(number) == 1);
}

TEST_CASE("what is too old goes, a bounded number at once", "[access]") {
  AuditTrail trail({.changes_max = 1000, .denials_max = 1000, .age_max = hours{1}});
  fill(trail, Kind::kChange, 250);
  CHECK(trail.to_erase(Kind::kChange, kWritten + hours{1}, Instant{}).empty());
  int rounds = 0;
  for (auto entries = trail.to_erase(Kind::kChange, kWritten + hours{2}, Instant{});
       !entries.empty(); entries = trail.to_erase(Kind::kChange, kWritten + hours{2}, Instant{})) {
    CHECK(entries.size() <= kAuditErasedAtOnceMax);
    for (const auto& entry : entries) trail.erased(entry.number);
    ++rounds;
  }
  CHECK(rounds == 3);
  CHECK(trail.size() == 0);
  CHECK(trail.take_number() == 251);  // no number is used twice
}

// A year of changes, one a day; the clock boots ten years ahead.
TEST_CASE("a clock that is years ahead does not cost the whole log", "[access]") {
  AuditTrail trail({.changes_max = 1000, .denials_max = 1000, .age_max = hours{24 * 365}});
  constexpr int kDays = 360;
  for (int day = 0; day < kDays; ++day) {
    trail.added(Kind::kChange, {trail.take_number(), 1}, kWritten + hours{24 * day});
  }
  const auto ahead = kWritten + hours{24 * 3'650};
  const auto erase = [&](Instant instant) {
    const auto entries = trail.to_erase(Kind::kDenial, ahead, instant);
    for (const auto& entry : entries) trail.erased(entry.number);
    return entries;
  };
  CHECK(erase(Instant{}) == Entries{{1, 1}, {2, 1}});
  for (int minute = 0; minute < 60; ++minute) {  // however often somebody asks
    CHECK(erase(Instant{} + std::chrono::minutes{minute}).empty());
  }
  CHECK(erase(Instant{} + hours{1}) == Entries{{3, 1}, {4, 1}});
  CHECK(trail.size() == kDays - 4);
  // What is too many goes at once all the same.
  AuditTrail full({.changes_max = 2, .denials_max = 2, .age_max = hours{24 * 365}});
  for (int day = 0; day < 6; day += 2) {
    full.added(Kind::kChange, {full.take_number(), 1}, kWritten + hours{24 * day});
  }
  CHECK(full.to_erase(Kind::kChange, kWritten, Instant{}) == Entries{{1, 1}, {2, 1}});
}

TEST_CASE("how often a record was written is known when it has to go", "[access]") {
  AuditTrail trail({.changes_max = 1, .denials_max = 1, .age_max = hours{1}});
  fill(trail, Kind::kChange, 1);
  trail.rewritten(1);
  CHECK(trail.writes_of(1) == 2);
  CHECK(trail.to_erase(Kind::kChange, kWritten, Instant{}) == Entries{{1, 2}});
}

}  // namespace faultline::access
