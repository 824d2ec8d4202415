// One flipped byte in a table file must cost the results around it, not the scan.
#include <set>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>

#include "common/base/random.h"
#include "controller/store/database.h"
#include "controller/store/keys.h"
#include "controller/store/rocks_journal.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kWindows = 400;
constexpr double kInIndex = 0.999;  // of such a table: behind its data, before its properties

// Incompressible, so that there are many blocks.
JournalEntry noisy_entry(std::uint64_t sequence) {
  JournalEntry made = entry(1, sequence, 4'000);
  Rng rng{sequence};
  for (std::byte& byte : made.payload) byte = static_cast<std::byte>(rng());
  return made;
}

void fill(const fs::path& directory) {
  auto database = Database::open(directory);
  REQUIRE(database);
  RocksJournal journal{**database};
  std::vector<JournalEntry> entries;
  for (std::uint64_t sequence = 1; sequence <= kWindows; ++sequence) {
    entries.push_back(noisy_entry(sequence));
  }
  REQUIRE(journal.append(entries, {}, {}));
  REQUIRE((*database)->db().Flush({}, (*database)->windows()).ok());
}

fs::path largest_table(const fs::path& directory) {
  fs::path largest;
  for (const auto& file : fs::directory_iterator{directory}) {
    if (file.path().extension() != ".sst") continue;
    if (largest.empty() || file.file_size() > fs::file_size(largest)) largest = file.path();
  }
  return largest;
}

TEST_CASE("a damaged block is reported and stepped over, wherever it is", "[store]") {
  // 0 is the very first block; the last quarter holds the last blocks before the index.
  for (const double position : {0.0001, 0.3, 0.5, 0.95}) {
    CAPTURE(position);
    TemporaryDirectory directory;
    fill(directory.path());
    flip_byte(largest_table(directory.path()), position);
    auto store = open_store(directory.path());
    std::set<std::uint64_t> seen;
    const auto summary =
        store->journal().scan_windows(WallTime::min(), WallTime::max(), [&](const auto& each) {
          CHECK(each == noisy_entry(each.sequence));
          CHECK(seen.insert(each.sequence).second);
          return true;
        });
    REQUIRE(summary);
    CHECK(summary->damaged == 1);
    CHECK(summary->damaged_places.size() == 1);
    CHECK(store->stats().damaged_places == 1);
    CHECK(seen.size() < kWindows);
    CHECK(seen.size() >= kWindows - 12);
  }
}

TEST_CASE("a value of an unknown layout is named by its key and skipped", "[store]") {
  TemporaryDirectory directory;
  const WindowKey bad{window(2), NodeId{1}, BootId{1001}, 2};
  {
    auto database = Database::open(directory.path());
    REQUIRE(database);
    RocksJournal journal{**database};
    REQUIRE(journal.append(std::vector{entry(1, 1), entry(1, 2), entry(1, 3)}, {}, {}));
    REQUIRE((*database)->db().Put({}, (*database)->windows(), encode(bad), "\x02junk").ok());
    REQUIRE((*database)->db().Put({}, (*database)->windows(), window_floor(window(2)), "x").ok());
  }
  auto store = open_store(directory.path());
  std::vector<std::uint64_t> seen;
  const auto summary = store->journal().scan_windows(window(0), window(9), [&](const auto& each) {
    seen.push_back(each.sequence);
    return true;
  });
  REQUIRE(summary);
  CHECK(seen == std::vector<std::uint64_t>{1, 3});
  CHECK(summary->damaged == 2);
  CHECK(summary->damaged_places.back() == to_string(bad));
}

TEST_CASE("a damaged dedup row stops the start: duplicates would be counted", "[store]") {
  TemporaryDirectory directory;
  {
    auto database = Database::open(directory.path());
    REQUIRE(database);
    const std::string key = encode(DedupKey{NodeId{1}, BootId{2}});
    REQUIRE((*database)->db().Put({}, (*database)->dedup(), key, "junk").ok());
  }
  auto store = open_store(directory.path());
  const auto rows = store->journal().load_dedup();
  REQUIRE_FALSE(rows);
  CHECK(rows.error().code == ErrorCode::kCorrupt);
}

TEST_CASE("a table that lost its end is refused by name, and whole again it is read", "[store]") {
  TemporaryDirectory directory;
  fill(directory.path());
  const fs::path table = largest_table(directory.path());
  const fs::path whole = directory.path() / "copy";
  fs::copy_file(table, whole);
  fs::resize_file(table, fs::file_size(table) / 2);
  const auto refused = RocksStore::open(directory.path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kCorrupt);
  CHECK(refused.error().context.find(table.filename().string()) != std::string::npos);
  fs::rename(whole, table);
  CHECK(all_entries(*open_store(directory.path())).size() == kWindows);
}

void forget_what_was_read(Database& database) {
  database.db()
      .GetOptions(database.windows())
      .table_factory->GetOptions<rocksdb::BlockBasedTableOptions>()
      ->block_cache->EraseUnRefEntries();
}

TEST_CASE("a damaged index hides its neighbours: none of them is dropped for it", "[store]") {
  TemporaryDirectory directory;
  fill(directory.path());
  {
    auto database = Database::open(directory.path());
    REQUIRE(database);
    RocksJournal journal{**database};
    REQUIRE(journal.append(std::vector{noisy_entry(kWindows + 1)}, {}, {}));
    REQUIRE((*database)->db().Flush({}, (*database)->windows()).ok());
    const fs::path index = largest_table(directory.path());
    forget_what_was_read(**database);
    flip_byte(index, kInIndex);
    for (int round = 0; round < 3; ++round) {  // each a minute later
      bool done = false;
      for (int slices = 0; !done; ++slices) {
        REQUIRE(slices < 100);
        const auto progress = journal.seal_slice(window(1'000'000));
        REQUIRE(progress);
        CHECK(progress->reports == 0);
        done = progress->done;
      }
    }
    CHECK((*database)->damaged_places() > 0);
    flip_byte(index, kInIndex);
  }
  CHECK(all_entries(*open_store(directory.path())).size() == kWindows + 1);
}

// Left in the write-ahead log: nothing is flushed by the end of so little.
fs::path fill_log(const fs::path& directory) {
  constexpr std::uint64_t kLogged = 50;
  {
    auto store = open_store(directory);
    for (std::uint64_t sequence = 1; sequence <= kLogged; ++sequence) {
      REQUIRE(store->journal().append(std::vector{noisy_entry(sequence)}, {}));
    }
  }
  fs::path log;
  for (const auto& file : fs::directory_iterator{directory}) {
    if (file.path().extension() != ".log") continue;
    if (log.empty() || file.file_size() > fs::file_size(log)) log = file.path();
  }
  REQUIRE(fs::file_size(log) > kLogged * 4'000);
  return log;
}

// Opens the store; `lines` are what it told.
std::unique_ptr<RocksStore> open_told(const fs::path& directory, std::vector<std::string>& lines) {
  auto opened =
      RocksStore::open(directory, [&](const std::string& line) { lines.push_back(line); });
  REQUIRE(opened);
  return std::move(*opened);
}

// What was logged before the damage, and nothing that was not; then the store goes on.
void check_log_begins_well(const fs::path& directory, double position) {
  std::vector<std::string> lines;
  const auto store = open_told(directory, lines);
  REQUIRE_FALSE(lines.empty());
  CHECK_THAT(lines[0], Catch::Contains("write-ahead log was left out"));
  const auto found = all_entries(*store);
  CHECK(found.size() >= static_cast<std::size_t>(50 * position) - 1);
  CHECK(found.size() < 50);
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == noisy_entry(i + 1));
  REQUIRE(store->journal().append(std::vector{noisy_entry(100)}, {}));
  CHECK(all_entries(*store).size() == found.size() + 1);
}

TEST_CASE("of a log that is whole nothing is left out", "[store]") {
  TemporaryDirectory directory;
  fill_log(directory.path());
  std::vector<std::string> lines;
  CHECK(all_entries(*open_told(directory.path(), lines)).size() == 50);
  CHECK(lines.empty());
}

TEST_CASE("a log that is flipped or cut is used up to there, and never beyond", "[store]") {
  for (const double position : {0.1, 0.5, 0.95}) {
    CAPTURE(position);
    {
      TemporaryDirectory directory;
      flip_byte(fill_log(directory.path()), position);
      check_log_begins_well(directory.path(), position);
    }
    TemporaryDirectory directory;
    const fs::path log = fill_log(directory.path());
    fs::resize_file(
        log, static_cast<std::uintmax_t>(position * static_cast<double>(fs::file_size(log))));
    check_log_begins_well(directory.path(), position);
  }
}

}  // namespace
}  // namespace faultline::store
