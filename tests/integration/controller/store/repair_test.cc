// A table that is cut or gone stops the start; the store goes on without it, and loses no more.
#include <algorithm>
#include <set>

#include <rocksdb/db.h>

#include "controller/store/database.h"
#include "controller/store/keys.h"
#include "controller/store/repair.h"
#include "controller/store/rocks_journal.h"
#include "controller/store/rocks_ledger.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kTables = 3;
constexpr std::uint64_t kInTable = 50;  // reports
constexpr std::uint64_t kLogged = 5;    // behind them, in the write-ahead log

fs::path store_in(const TemporaryDirectory& directory) { return directory.path() / "store"; }
fs::path aside_in(const TemporaryDirectory& directory) { return directory.path() / "aside"; }

// Tables of reports 1 to 50, 51 to 100, 101 to 150; and some more.
void fill_tables(const fs::path& store) {
  auto database = Database::open(store);
  REQUIRE(database);
  RocksJournal journal{**database};
  RocksLedger ledger{**database};
  REQUIRE(ledger.commit(std::vector<LedgerWrite>{{Table::kNodes, "1", "{}", 0}}));
  std::uint64_t sequence = 0;
  for (std::uint64_t table = 0; table < kTables; ++table) {
    std::vector<JournalEntry> entries;
    for (std::uint64_t i = 0; i < kInTable; ++i) entries.push_back(entry(1, ++sequence, 200));
    REQUIRE(journal.append(entries, {}, {}));
    REQUIRE((*database)->db().Flush({}, (*database)->windows()).ok());
  }
  for (std::uint64_t i = 0; i < kLogged; ++i) {
    REQUIRE(journal.append(std::vector{entry(1, ++sequence, 200)}, {}, {}));
  }
}

// The table whose first key is that of the report, or any of the ledger.
fs::path table_of(const fs::path& store, const std::string& family, std::uint64_t first = 0) {
  auto database = Database::open(store);
  REQUIRE(database);
  std::vector<rocksdb::LiveFileMetaData> files;
  (*database)->db().GetLiveFilesMetaData(&files);
  for (const auto& file : files) {
    if (file.column_family_name != family) continue;
    if (first == 0) return store / file.relative_filename;
    const auto key = decode_window_key(file.smallestkey);
    if (key && key->sequence == first) return store / file.relative_filename;
  }
  FAIL("there is no such table");
  return {};
}

std::set<std::uint64_t> sequences(const fs::path& store) {
  std::set<std::uint64_t> found;
  for (const auto& each : all_entries(*open_store(store))) found.insert(each.sequence);
  return found;
}

std::set<std::uint64_t> all_but_the_second_table() {
  std::set<std::uint64_t> expected;
  for (std::uint64_t i = 1; i <= kTables * kInTable + kLogged; ++i) {
    if (i <= kInTable || i > 2 * kInTable) expected.insert(i);
  }
  return expected;
}

TEST_CASE("without a table that is cut or gone a store has all that the others hold", "[store]") {
  for (const bool gone : {false, true}) {
    CAPTURE(gone);
    TemporaryDirectory directory;
    const auto store = store_in(directory);
    fill_tables(store);
    const auto table = table_of(store, "windows", kInTable + 1);
    const auto whole = fs::file_size(table);
    if (gone) {
      fs::remove(table);
    } else {
      fs::resize_file(table, whole / 2);
    }
    const auto refused = RocksStore::open(store);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kCorrupt);
    CHECK_THAT(refused.error().context, Catch::Contains("store repair"));

    const auto found = unusable_files(store);
    REQUIRE(found);
    REQUIRE(found->size() == 1);
    const auto& file = found->front();
    CHECK(file.name == table.filename().string());
    CHECK(file.tier == "windows");
    CHECK(file.bytes == whole);
    CHECK(file.results_only);
    const auto key_of = [](std::uint64_t sequence) {
      return to_string(WindowKey{window(static_cast<std::int64_t>(sequence)), NodeId{1},
                                 BootId{1001}, sequence});
    };
    CHECK(file.first == key_of(kInTable + 1));
    CHECK(file.last == key_of(2 * kInTable));
    CHECK_FALSE(RocksStore::open(store));  // only looked at

    CHECK(leave_out_unusable(store, aside_in(directory)) == found);
    CHECK(sequences(store) == all_but_the_second_table());
    CHECK(unusable_files(store) == std::vector<UnusableFile>{});
    const auto kept = aside_in(directory) / file.name;
    CHECK(fs::exists(kept) != gone);
    if (!gone) CHECK(fs::file_size(kept) == whole / 2);
    auto opened = open_store(store);
    CHECK(opened->ledger().list(Table::kNodes)->size() == 1);
    REQUIRE(opened->journal().append(std::vector{entry(1, 1'000)}, {}, {}));
    CHECK(opened->check([](const std::string&) { return Status{}; }));
  }
}

TEST_CASE("a table whose index is damaged is left out, one with damage within is not", "[store]") {
  TemporaryDirectory directory;
  const auto store = store_in(directory);
  fill_tables(store);
  const auto table = table_of(store, "windows", kInTable + 1);
  flip_byte(table, 0.1);
  CHECK(unusable_files(store) == std::vector<UnusableFile>{});
  flip_byte(table, 0.1);
  fs::resize_file(table, fs::file_size(table) - 1);
  std::ofstream(table, std::ios::app | std::ios::binary).put('x');  // the end of its magic number
  const auto found = leave_out_unusable(store, aside_in(directory));
  REQUIRE(found);
  CHECK(found->size() == 1);
  CHECK(sequences(store) == all_but_the_second_table());
}

TEST_CASE("a store that somebody has open is left alone", "[store]") {
  TemporaryDirectory directory;
  const auto store = store_in(directory);
  fill_tables(store);
  const auto opened = open_store(store);
  for (const auto& refused : {unusable_files(store), leave_out_unusable(store, "/nowhere")}) {
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kConflict);
  }
}

TEST_CASE("a store does not go on without a table of its ledger", "[store]") {
  TemporaryDirectory directory;
  const auto store = store_in(directory);
  fill_tables(store);
  {
    auto database = Database::open(store);
    REQUIRE((*database)->db().Flush({}, (*database)->ledger()).ok());
  }
  const auto table = table_of(store, "ledger");
  const auto whole = aside_in(directory);
  fs::copy_file(table, whole);
  fs::resize_file(table, fs::file_size(table) / 2);
  const auto refused = leave_out_unusable(store, directory.path() / "elsewhere");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kUnsupported);
  CHECK_THAT(refused.error().context, Catch::Contains("restore a backup"));
  CHECK_FALSE(fs::exists(directory.path() / "elsewhere"));
  fs::rename(whole, table);
  CHECK(sequences(store).size() == kTables * kInTable + kLogged);
}

}  // namespace
}  // namespace faultline::store
