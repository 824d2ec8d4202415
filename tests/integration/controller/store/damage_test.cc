// One flipped byte in a table file must cost the results around it, not the scan.
#include <set>

#include <rocksdb/db.h>

#include "common/base/random.h"
#include "controller/store/database.h"
#include "controller/store/keys.h"
#include "controller/store/rocks_journal.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kWindows = 400;

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

}  // namespace
}  // namespace faultline::store
