// API tokens and the audit log on a real ledger.
#include "controller/app/access_keeper.h"

#include "controller/store/rocks_store.h"
#include "tests/integration/controller/app/controller_process.h"
#include "tests/support/catch.h"

namespace faultline::app {
namespace {

using access::AuditOutcome;
using access::Role;
using store::Table;

class AccessBench {
 public:
  AccessBench() { open(); }

  // As after a restart.
  void open() {
    keeper.reset();
    store.reset();
    auto opened = store::RocksStore::open(folder.path() / "store");
    REQUIRE(opened);
    store = std::move(*opened);
    keeper = std::make_unique<AccessKeeper>(
        store->ledger(), access::AuditLimits{.changes_max = 3, .denials_max = 2},
        [this](const std::vector<store::LedgerWrite>& writes) -> Status {
          if (full) return fail(ErrorCode::kUnavailable, "No space left on device");
          return store->ledger().commit(writes);
        });
    REQUIRE(keeper->load());
  }
  std::string make_token(const std::string& name, Role role = Role::kViewer) {
    const auto made = keeper->create_api_token({.name = name, .role = role, .created_by = "uid 0"});
    REQUIRE(made);
    return made->secret;
  }
  Result<std::uint64_t> change(const std::string& subject) {
    access::AuditRecord record;
    record.at = std::chrono::time_point_cast<Duration>(now());
    record.who = "uid 0";
    record.subject = subject;
    auto number = keeper->begin_change(record);
    if (!number) return number;
    record.number = *number;
    record.outcome = AuditOutcome::kDone;
    record.status = 200;
    keeper->end_change(record);
    return number;
  }
  void deny(int count) {
    for (int i = 0; i < count; ++i) {
      access::AuditRecord record;
      record.at = now();
      record.who = "nobody";
      keeper->record_denial(record);
    }
  }
  // "subject:outcome" of each record, in their order.
  [[nodiscard]] std::vector<std::string> audit() const {
    const auto list = keeper->audit({});
    REQUIRE(list);
    std::vector<std::string> lines;
    for (const auto& record : list->records) {
      lines.push_back(record.subject + ":" + std::string(to_string(record.outcome)));
    }
    return lines;
  }
  static WallTime now() {
    return wall_time_from_unix_seconds(std::chrono::duration_cast<std::chrono::seconds>(
                                           std::chrono::system_clock::now().time_since_epoch())
                                           .count());
  }

  tests::Folder folder;
  std::unique_ptr<store::RocksStore> store;
  std::unique_ptr<AccessKeeper> keeper;
  bool full = false;
};

using Lines = std::vector<std::string>;

TEST_CASE("what the fleet changes by itself is recorded as done", "[access]") {
  AccessBench bench;
  access::AuditRecord record;
  record.at = AccessBench::now();
  record.subject = "h1";
  record.outcome = AuditOutcome::kDone;
  bench.keeper->record_change(record);
  REQUIRE(bench.change("h2"));
  CHECK(bench.audit() == std::vector<std::string>{"h1:done", "h2:done"});
  bench.full = true;
  bench.keeper->record_change(record);
  CHECK(bench.keeper->counters().audit_failures.value() == 1);
}

TEST_CASE("a token outlives a restart until it is revoked, and only its hash is stored",
          "[access]") {
  AccessBench bench;
  const auto text = bench.make_token("ops", Role::kOperator);
  bench.open();
  const auto who = bench.keeper->authenticate(text);
  REQUIRE(who);
  CHECK(who->name == "token ops");
  CHECK(who->role == Role::kOperator);
  const auto stored = bench.store->ledger().list(Table::kApiTokens);
  REQUIRE(stored);
  REQUIRE(stored->size() == 1);
  CHECK_THAT(stored->front().value, !Catch::Contains(text.substr(17)));
  REQUIRE(bench.keeper->revoke_api_token("ops"));
  CHECK_FALSE(bench.keeper->authenticate(text));
  bench.open();
  CHECK_FALSE(bench.keeper->authenticate(text));
}

TEST_CASE("a token that could not be stored or erased is told as it is", "[access]") {
  AccessBench bench;
  const auto text = bench.make_token("ops");
  bench.full = true;
  CHECK_FALSE(bench.keeper->create_api_token({.name = "other", .created_by = {}}));
  CHECK_FALSE(bench.keeper->revoke_api_token("ops"));
  CHECK(bench.keeper->authenticate(text));  // still valid, as the answer said
  CHECK(bench.keeper->api_tokens()->size() == 1);
  bench.full = false;
  CHECK(bench.keeper->revoke_api_token("ops"));
  CHECK_FALSE(bench.keeper->authenticate(text));
}

TEST_CASE("a stored token that cannot be read opens nothing and prevents no start", "[access]") {
  AccessBench bench;
  const auto text = bench.make_token("ops");
  REQUIRE(bench.store->ledger().commit(
      std::vector<store::LedgerWrite>{{Table::kApiTokens, "0000", "{\"version\":1}", 0}}));
  bench.open();
  CHECK(bench.keeper->authenticate(text));
  CHECK(bench.keeper->api_tokens()->size() == 1);
}

TEST_CASE("the audit log keeps the order across restarts and the newest changes", "[access]") {
  AccessBench bench;
  REQUIRE(bench.change("a"));
  REQUIRE(bench.change("b"));
  bench.open();
  REQUIRE(bench.change("c"));
  CHECK(bench.audit() == Lines{"a:done", "b:done", "c:done"});
  REQUIRE(bench.change("d"));
  bench.open();
  REQUIRE(bench.change("e"));
  CHECK(bench.audit() == Lines{"c:done", "d:done", "e:done"});
  CHECK(bench.store->ledger().list(Table::kAudit)->size() == 3);
}

TEST_CASE("a change cut off by a crash stays in the log as started", "[access]") {
  AccessBench bench;
  access::AuditRecord record;
  record.at = AccessBench::now();
  record.subject = "h1";
  REQUIRE(bench.keeper->begin_change(record));
  bench.open();
  CHECK(bench.audit() == Lines{"h1:started"});
}

TEST_CASE("nothing is begun that cannot be recorded", "[access]") {
  AccessBench bench;
  bench.full = true;
  const auto begun = bench.change("a");
  REQUIRE_FALSE(begun);
  CHECK_THAT(begun.error().context, Catch::Contains("No space left"));
  CHECK(bench.keeper->counters().audit_failures.value() == 1);
  bench.full = false;
  REQUIRE(bench.change("b"));
  CHECK(bench.audit() == Lines{"b:done"});
}

TEST_CASE("denied attempts are recorded at a bounded rate and push out no change", "[access]") {
  AccessBench bench;
  REQUIRE(bench.change("a"));
  bench.deny(200);
  CHECK(bench.audit() == Lines{"a:done", ":denied", ":denied"});
  CHECK(bench.keeper->counters().denials_skipped.value() >= 170);
}

}  // namespace
}  // namespace faultline::app
