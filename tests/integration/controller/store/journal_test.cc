#include <algorithm>

#include "common/base/random.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

TEST_CASE("what was appended is read back in the order of windows, also after a restart",
          "[store]") {
  TemporaryDirectory directory;
  const std::vector<JournalEntry> entries{entry(1, 3), entry(2, 1), entry(1, 2)};
  const std::vector<JournalEntry> expected{entry(2, 1), entry(1, 2), entry(1, 3)};
  {
    auto store = open_store(directory.path());
    REQUIRE(store->journal().append(entries, {}));
    CHECK(all_entries(*store) == expected);
  }
  auto store = open_store(directory.path());
  CHECK(all_entries(*store) == expected);
}

TEST_CASE("a scan covers from its first window up to but without its last", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  REQUIRE(store->journal().append(std::vector{entry(1, 1), entry(1, 2), entry(1, 3)}, {}));
  CHECK(all_entries(*store, window(1), window(3)) == std::vector{entry(1, 1), entry(1, 2)});
  CHECK(all_entries(*store, window(4), window(9)).empty());
}

TEST_CASE("a visitor ends the scan when it has enough", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  REQUIRE(store->journal().append(std::vector{entry(1, 1), entry(1, 2)}, {}));
  const auto summary = store->journal().scan_windows(window(0), window(9),
                                                     [](const JournalEntry&) { return false; });
  CHECK(summary == ScanSummary{.visited = 1, .damaged = 0, .damaged_places = {}});
}

TEST_CASE("the same batch appended again is there once", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  for (int i = 0; i < 3; ++i) REQUIRE(store->journal().append(std::vector{entry(1, 1)}, {}));
  CHECK(all_entries(*store) == std::vector{entry(1, 1)});
}

TEST_CASE("gap records keep what they say", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  const JournalEntry gap{NodeId{1}, BootId{2}, 5, 90, 1234, window(3), {}};
  REQUIRE(store->journal().append(std::vector{gap}, {}));
  CHECK(all_entries(*store) == std::vector{gap});
  CHECK(all_entries(*store).front().is_gap());
}

TEST_CASE("dedup rows are written with the entries, replaced and removed", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  const ingest::DedupRow first{NodeId{1}, BootId{2}, {{1, 1}}, window(1)};
  const ingest::DedupRow grown{NodeId{1}, BootId{2}, {{1, 4}, {6, 6}}, window(2)};
  const ingest::DedupRow other{NodeId{2}, BootId{9}, {{1, 1}}, window(2)};
  REQUIRE(store->journal().append({}, std::vector{first}));
  CHECK(store->journal().load_dedup() == std::vector{first});
  REQUIRE(store->journal().append({}, std::vector{grown, other}));
  auto rows = store->journal().load_dedup();
  REQUIRE(rows);
  std::sort(rows->begin(), rows->end(),
            [](const auto& a, const auto& b) { return a.node < b.node; });
  CHECK(*rows == std::vector{grown, other});
  ingest::DedupRow removed = other;
  removed.durable.clear();
  REQUIRE(store->journal().append({}, std::vector{removed}));
  CHECK(store->journal().load_dedup() == std::vector{grown});
}

TEST_CASE("an append with one entry over the bound writes nothing at all", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  const ingest::DedupRow row{NodeId{1}, BootId{2}, {{1, 2}}, window(1)};
  const auto refused = store->journal().append(
      std::vector{entry(1, 1), entry(1, 2, kBatchPayloadMax + 1)}, std::vector{row});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kLimit);
  CHECK(all_entries(*store).empty());
  CHECK(store->journal().load_dedup() == std::vector<ingest::DedupRow>{});
}

TEST_CASE("retention drops what is older and only that, again and again", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  for (std::uint64_t sequence = 1; sequence <= 60; ++sequence) {
    REQUIRE(store->journal().append(std::vector{entry(1, sequence, 50'000)}, {}));
  }
  for (const std::int64_t horizon : {0, 1, 20, 20, 45}) {
    CAPTURE(horizon);
    REQUIRE(store->journal().drop_before(window(horizon)));
    const auto left = all_entries(*store);
    REQUIRE(left.size() == static_cast<std::size_t>(61 - std::max<std::int64_t>(horizon, 1)));
    CHECK(left.front().window_start >= window(horizon));
    CHECK(store->stats().oldest_window == left.front().window_start);
  }
  store.reset();
  store = open_store(directory.path());
  CHECK(all_entries(*store).size() == 16);
  REQUIRE(store->journal().drop_before(window(1'000)));
  CHECK(all_entries(*store).empty());
  CHECK_FALSE(store->stats().oldest_window);
}

TEST_CASE("a scan sees the state of its beginning while the writer goes on", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  REQUIRE(store->journal().append(std::vector{entry(1, 1), entry(1, 2)}, {}));
  std::vector<std::uint64_t> seen;
  const auto summary =
      store->journal().scan_windows(window(0), window(99), [&](const JournalEntry& each) {
        seen.push_back(each.sequence);
        REQUIRE(store->journal().append(std::vector{entry(1, each.sequence + 10)}, {}));
        REQUIRE(store->journal().drop_before(window(2)));
        return true;
      });
  REQUIRE(summary);
  CHECK(seen == std::vector<std::uint64_t>{1, 2});
  CHECK(all_entries(*store).size() == 3);
}

}  // namespace
}  // namespace faultline::store
