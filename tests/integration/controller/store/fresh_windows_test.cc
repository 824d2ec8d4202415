// One node's reports among those of many that are not sealed: none is missed by looking where the
// next one should be.
#include <algorithm>

#include <rocksdb/perf_context.h>
#include <rocksdb/perf_level.h>

#include "common/base/random.h"
#include "common/wire/report_codec.h"
#include "controller/store/fresh_windows.h"
#include "controller/store/window_cursor.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

constexpr std::uint32_t kNodes = 9;
constexpr std::uint32_t kTargets = 3;
constexpr std::uint32_t kOthers = 1000;  // the first target that is not asked for

void pad(Report& report, std::uint32_t flows) {
  for (std::uint32_t target = kOthers; target < kOthers + flows; ++target) {
    report.flows.push_back({.target = NodeId{target},
                            .source_port = 50000,
                            .sent = 10,
                            .rtt_min_ns = 1,
                            .rtt_mean_ns = 2,
                            .rtt_max_ns = 3});
  }
}

Report report_of(WallTime start, Duration window, std::uint64_t plan, std::uint32_t first_target) {
  Report report{.plan = PlanRevision{plan}, .window_start = start, .window = window};
  for (std::uint32_t target = first_target; target < first_target + kTargets; ++target) {
    report.flows.push_back({.target = NodeId{target},
                            .source_port = static_cast<std::uint16_t>(40000 + plan),
                            .sent = 10,
                            .rtt_min_ns = 1,
                            .rtt_mean_ns = 2,
                            .rtt_max_ns = 3});
    stats::Histogram rtt;
    rtt.add(std::uint64_t{1000} * target, 1);
    report.delays.push_back({NodeId{target}, rtt});
  }
  return report;
}

// A life of one node: the plan and with it the length of windows change now and then, in the middle
// of a window too; windows are missing, come in two reports, or are gaps; it starts again.
class Life {
 public:
  Life(std::uint32_t node, std::uint64_t seed, std::uint32_t padding)
      : node_(node), padding_(padding), rng_(seed * 100 + node) {}

  std::vector<JournalEntry> run() {
    WallTime at = window(0);
    while (at < window(200)) {
      at = window_start(at, length_);
      if (uniform(rng_) < 0.1) {
        boot_ += uniform_below(rng_, 2) == 0 ? 100 : -100;
        sequence_ = 0;
      }
      const auto what = uniform(rng_);
      if (what < 0.75) add(at, 1);
      if (what < 0.1) add(at, 1 + kTargets);
      if (what > 0.97) gap(at);
      Duration passed = length_;
      if (uniform(rng_) < 0.05) {
        ++plan_;
        const auto other = std::chrono::seconds{uniform_below(rng_, 2) == 0 ? 5 : 10};
        if (uniform(rng_) < 0.5) passed = other;  // at once
        length_ = other;
      }
      at += passed;
    }
    return std::move(entries_);
  }

 private:
  void add(WallTime at, std::uint32_t first_target) {
    Report report = report_of(at, length_, plan_, first_target);
    pad(report, padding_);
    push(at, wire::encode(report));
  }
  void gap(WallTime at) { push(at, {}); }
  void push(WallTime at, std::vector<std::byte> payload) {
    ++sequence_;
    entries_.push_back({NodeId{node_}, BootId{static_cast<std::uint64_t>(boot_)}, sequence_,
                        sequence_, payload.empty() ? 7U : 0U, at, std::move(payload)});
  }

  std::uint32_t node_;
  std::uint32_t padding_;
  Rng rng_;
  std::vector<JournalEntry> entries_;
  std::int64_t boot_ = 5000;
  std::uint64_t sequence_ = 0;
  std::uint64_t plan_ = 1;
  Duration length_ = std::chrono::seconds{10};
};

using Rows = std::vector<std::tuple<WallTime, Duration, std::vector<FlowWindow>, bool>>;

Rows expected(const std::vector<JournalEntry>& entries, NodeId node, NodeId target, WallTime from,
              WallTime to) {
  Rows rows;
  for (const auto& entry : entries) {
    if (entry.node != node || entry.is_gap()) continue;
    if (entry.window_start < from || to <= entry.window_start) continue;
    const auto report = wire::decode_report(entry.payload);
    REQUIRE(report);
    std::vector<FlowWindow> flows;
    std::ranges::copy_if(report->flows, std::back_inserter(flows),
                         [&](const FlowWindow& flow) { return flow.target == target; });
    if (!flows.empty()) rows.emplace_back(report->window_start, report->window, flows, true);
  }
  return rows;
}

TEST_CASE("of one node among many nothing is missed and nothing told twice", "[store][fresh]") {
  const std::uint64_t seed = GENERATE(range(1, 13));
  CAPTURE(seed);
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  std::vector<JournalEntry> entries;
  // Of a third of them in a table of the disk, where a block ends after every few reports.
  const bool is_on_disk = seed % 3 == 0;
  for (std::uint32_t node = 1; node <= kNodes; ++node) {
    std::ranges::move(Life(node, seed, is_on_disk ? 60 : 0).run(), std::back_inserter(entries));
  }
  REQUIRE(store->journal().append(entries, {}));
  if (is_on_disk) {
    store.reset();
    store = open_store(directory.path());
  }
  const WallTime from = window(static_cast<std::int64_t>(seed % 3));
  const WallTime to = window(150 + static_cast<std::int64_t>(seed));
  for (std::uint32_t node = 0; node <= kNodes + 1; ++node) {
    for (std::uint32_t target = 1; target <= 2 * kTargets; target += kTargets) {
      CAPTURE(node, target);
      Rows found;
      const auto summary = store->views().scan_pair(
          NodeId{node}, NodeId{target}, from, to, [&](const PairWindow& window) {
            found.emplace_back(window.start, window.window,
                               std::vector(window.flows.begin(), window.flows.end()),
                               window.rtt != nullptr);
            return true;
          });
      REQUIRE(summary);
      CHECK(summary->damaged == 0);
      auto wanted = expected(entries, NodeId{node}, NodeId{target}, from, to);
      const auto by_time = [](Rows& rows) {
        std::ranges::sort(rows, {}, [](const auto& row) {
          return std::tuple(std::get<0>(row), std::get<1>(row),
                            std::get<2>(row).front().source_port);
        });
      };
      CHECK(std::ranges::is_sorted(found, {}, [](const auto& row) { return std::get<0>(row); }));
      by_time(found);
      by_time(wanted);
      CHECK((found == wanted));
    }
  }
}

// Each report fills a block of its own.
JournalEntry large_entry(std::uint32_t node, std::uint64_t boot, std::uint64_t sequence,
                         WallTime start, std::uint64_t plan = 1) {
  Report report = report_of(start, std::chrono::seconds{10}, plan, 1);
  pad(report, 500);
  auto payload = wire::encode(report);
  REQUIRE(payload.size() > 16 * 1024);
  return {NodeId{node}, BootId{boot}, sequence, sequence, 0, start, std::move(payload)};
}

// In a table: what the log of a store holds goes there with the next start.
std::unique_ptr<Database> database_with(const std::filesystem::path& directory,
                                        std::vector<JournalEntry> entries) {
  REQUIRE(open_store(directory)->journal().append(entries, {}));
  auto database = Database::open(directory);
  REQUIRE(database);
  return *std::move(database);
}

using Keys = std::vector<std::tuple<std::uint64_t, std::uint64_t>>;  // boots and sequences

Keys keys_left(WindowCursor& cursor) {
  Keys keys;
  for (; cursor.valid(); cursor.next()) {
    keys.emplace_back(cursor.key().boot.value(), cursor.key().sequence);
  }
  CHECK(cursor.status().ok());
  return keys;
}

TEST_CASE("a node's part of a window has all its boots, and ends before other nodes and windows",
          "[store][fresh]") {
  TemporaryDirectory directory;
  std::vector<JournalEntry> entries;
  for (std::int64_t number = 0; number < 4; ++number) {
    for (std::uint32_t node = 1; node <= 5; ++node) {
      if (number == 1 && node == 3) continue;
      entries.push_back(
          large_entry(node, 50, static_cast<std::uint64_t>(number + 1), window(number)));
    }
  }
  entries.push_back(large_entry(3, 7, 90, window(2)));   // an older boot
  entries.push_back(large_entry(3, 50, 91, window(2)));  // a clock that was set back
  entries.push_back(large_entry(3, 99, 1, window(2)));   // a newer boot
  const auto database = database_with(directory.path(), std::move(entries));
  ScanSummary summary;
  WindowCursor cursor{*database, window(0), window(3), summary};
  const auto part = [](std::int64_t number, std::uint32_t node) {
    return WindowKey{window(number), NodeId{node}, BootId{0}, 0};
  };
  cursor.seek_within(part(2, 3));
  CHECK(keys_left(cursor) == Keys{{7, 90}, {50, 3}, {50, 91}, {99, 1}});
  cursor.seek_within(part(1, 3));
  CHECK(keys_left(cursor).empty());
  cursor.seek_within(part(1, 4));
  CHECK(keys_left(cursor) == Keys{{50, 2}});
  cursor.seek_within(part(3, 3));  // not of what the cursor covers
  CHECK(keys_left(cursor).empty());
  cursor.seek(part(1, 3));  // and on, as if it had never ended
  REQUIRE(cursor.valid());
  CHECK(cursor.key().node != NodeId{3});
  cursor.seek(window(0), 0);
  CHECK(keys_left(cursor).size() == 3 * 5 - 1 + 3);
  CHECK(summary.damaged == 0);
}

TEST_CASE("of a node's reports that follow each other only their own blocks are read",
          "[store][fresh]") {
  constexpr std::int64_t kSparseWindows = 30;
  constexpr std::uint64_t kReports = kSparseWindows + 2;  // of it
  constexpr std::uint32_t kNode = 4;
  TemporaryDirectory directory;
  std::vector<JournalEntry> entries;
  for (std::int64_t number = 0; number < kSparseWindows; ++number) {
    for (std::uint32_t node = 1; node <= 8; ++node) {
      entries.push_back(
          large_entry(node, 50, static_cast<std::uint64_t>(number + 1), window(number)));
    }
  }
  entries.push_back(large_entry(kNode, 40, 700, window(10), 2));
  entries.push_back(large_entry(kNode, 60, 1, window(20), 3));
  const auto database = database_with(directory.path(), std::move(entries));
  std::vector<std::pair<WallTime, PlanRevision>> found;
  const FreshVisitor visit = [&](NodeId, const Report& report) {
    found.emplace_back(report.window_start, report.plan);
    return true;
  };
  ScanSummary summary;
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableCount);
  rocksdb::get_perf_context()->Reset();
  const FreshQuery query{window(0), window(kSparseWindows), NodeId{kNode}, NodeId{1}};
  REQUIRE(scan_fresh(*database, query, nullptr, summary, visit));
  const auto blocks_read = rocksdb::get_perf_context()->block_read_count;
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  CHECK(found.size() == kReports);
  CHECK(std::ranges::count(found, std::pair(window(10), PlanRevision{2})) == 1);
  CHECK(std::ranges::count(found, std::pair(window(20), PlanRevision{3})) == 1);
  // Besides them the index, where the scan begins and ends, and a gap that is searched for each
  // change of the plan. To look at what follows each report would be as many again.
  CHECK(blocks_read >= kReports);
  CHECK(blocks_read <= kReports + 18);
}

}  // namespace
}  // namespace faultline::store
