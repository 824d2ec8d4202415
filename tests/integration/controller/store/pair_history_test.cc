// One pair's days: read in pieces, several at a time, and told in order.
#include <algorithm>
#include <filesystem>
#include <vector>

#include "common/wire/report_codec.h"
#include "tests/integration/controller/store/store_fixture.h"
#include "tests/support/fleet_reports.h"

namespace faultline::store {
namespace {

constexpr WallTime kPairBegin = wall_time_from_unix_seconds(1'795'316'400);
constexpr Duration kPairWindow = std::chrono::seconds{30};
constexpr std::int64_t kPairWindows = 30 * 120;  // 30 hours
const NodeId kPairSource{1};
const NodeId kPairTarget{2};

struct Told {
  std::vector<WallTime> starts;
  std::vector<FlowWindow> flows;

  bool operator==(const Told&) const = default;
};

// What was reported of the pair; the last half hour is not sealed.
Told fill_pair(RocksStore& store) {
  tests::FleetReports fleet{
      {.nodes = 3, .targets_per_node = 2, .flows_per_target = 4, .window = kPairWindow}, 1};
  Told told;
  std::vector<JournalEntry> entries;
  for (std::int64_t i = 0; i < kPairWindows; ++i) {
    const auto report = fleet.make(kPairSource.value(), kPairBegin + i * kPairWindow);
    const auto sequence = static_cast<std::uint64_t>(i + 1);
    entries.push_back({.node = kPairSource,
                       .boot = BootId{7},
                       .first_sequence = sequence,
                       .sequence = sequence,
                       .results_dropped = 0,
                       .window_start = report.window_start,
                       .payload = wire::encode(report)});
    told.starts.push_back(report.window_start);
    for (const auto& flow : report.flows) {
      if (flow.target == kPairTarget) told.flows.push_back(flow);
    }
  }
  REQUIRE(store.journal().append(entries, {}, {}));
  const WallTime sealed = kPairBegin + kPairWindows * kPairWindow - std::chrono::minutes{30};
  for (bool done = false; !done;) {
    const auto progress = store.journal().seal_slice(sealed);
    REQUIRE(progress);
    done = progress->done;
  }
  return told;
}

struct Asked {
  Told told;
  ScanSummary summary;
};

Asked ask(RocksStore& store, WallTime from, WallTime to, std::size_t windows_max = 1 << 20) {
  Asked asked;
  const auto summary =
      store.views().scan_pair(kPairSource, kPairTarget, from, to, [&](const PairWindow& window) {
        asked.told.starts.push_back(window.start);
        asked.told.flows.insert(asked.told.flows.end(), window.flows.begin(), window.flows.end());
        return asked.told.starts.size() < windows_max;
      });
  REQUIRE(summary);
  asked.summary = *summary;
  return asked;
}

}  // namespace

TEST_CASE("a pair's days are told in order, whatever is asked for, until enough was told",
          "[store][pair]") {
  TemporaryDirectory directory;
  const auto store = open_store(directory.path());
  const Told told = fill_pair(*store);
  const WallTime end = kPairBegin + kPairWindows * kPairWindow;

  const auto day = ask(*store, kPairBegin, end);
  CHECK((day.told == told));
  CHECK(day.summary.visited == told.starts.size());
  // An interval that is mostly empty costs no pieces.
  CHECK((ask(*store, WallTime{}, end + std::chrono::hours{24 * 365 * 50}).told == told));

  const auto part = ask(*store, kPairBegin + 101 * kPairWindow, end - 11 * kPairWindow);
  CHECK(part.told.starts == std::vector(told.starts.begin() + 101, told.starts.end() - 11));
  const auto few = ask(*store, kPairBegin, end, 5);
  CHECK(few.told.starts == std::vector(told.starts.begin(), told.starts.begin() + 5));
  CHECK(few.summary.visited == 5);
}

TEST_CASE("damage in a pair's days leaves out what is damaged, wherever it is", "[store][pair]") {
  const double position = GENERATE(0.001, 0.3, 0.7);
  TemporaryDirectory directory;
  Told told;
  {
    const auto store = open_store(directory.path());
    told = fill_pair(*store);
    REQUIRE(store->compact());
  }
  std::filesystem::path largest;
  for (const auto& file : std::filesystem::directory_iterator{directory.path()}) {
    if (file.path().extension() != ".sst") continue;
    if (largest.empty() || file.file_size() > std::filesystem::file_size(largest)) {
      largest = file.path();
    }
  }
  flip_byte(largest, position);
  const auto store = open_store(directory.path());
  const auto found = ask(*store, kPairBegin, kPairBegin + kPairWindows * kPairWindow);
  CHECK(found.summary.damaged > 0);
  CHECK(std::ranges::is_sorted(found.told.starts));
  CHECK(std::ranges::includes(told.starts, found.told.starts));
  CHECK(found.told.starts.size() > 60);  // what is not sealed, at least
  CHECK(found.told.starts.size() < told.starts.size());
}

}  // namespace faultline::store
