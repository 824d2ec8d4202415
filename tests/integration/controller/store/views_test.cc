#include <algorithm>
#include <map>
#include <tuple>

#include "common/base/random.h"
#include "tests/integration/controller/store/store_fixture.h"

namespace faultline::store {
namespace {

const WallTime kMidnight = wall_time_from_unix_seconds(1'795'305'600);  // 2026-11-22T00:00:00Z
constexpr Duration kHour = std::chrono::hours{1};

StoredPath path(std::uint32_t reporter, std::uint32_t target, WallTime traced_at,
                std::uint32_t hop) {
  return {NodeId{reporter},
          {.target = NodeId{target},
           .source_port = 40'000,
           .direction = Direction::kForward,
           .traced_at = traced_at,
           .complete = true,
           .hops = {Hop{IpAddress::v4(hop)}}}};
}

auto order(const StoredPath& stored) {
  return std::tuple(stored.reporter, stored.path.target, stored.path.source_port,
                    stored.path.direction);
}

std::vector<StoredPath> load(RocksStore& store, WallTime at, std::optional<NodeId> reporter = {}) {
  auto paths = store.views().load_paths(at, reporter);
  REQUIRE(paths);
  std::sort(paths->begin(), paths->end(),
            [](const auto& a, const auto& b) { return order(a) < order(b); });
  return *paths;
}

TEST_CASE("paths are written with the entries they came in and read as of any time", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  const StoredPath old = path(1, 2, kMidnight + kHour, 7);
  const StoredPath current = path(1, 2, kMidnight + 5 * kHour, 8);
  REQUIRE(store->journal().append(std::vector{entry(1, 1)}, {}, std::vector{old, current}));
  CHECK(load(*store, kMidnight).empty());
  CHECK(load(*store, kMidnight + kHour) == std::vector{old});
  CHECK(load(*store, kMidnight + 4 * kHour) == std::vector{old});
  CHECK(load(*store, kMidnight + 5 * kHour) == std::vector{current});
}

TEST_CASE("yesterday's path is known until the end of today, not longer", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  const StoredPath yesterday = path(1, 2, kMidnight - kHour, 7);
  REQUIRE(store->journal().append({}, {}, std::vector{yesterday}));
  CHECK(load(*store, kMidnight + 23 * kHour) == std::vector{yesterday});
  CHECK(load(*store, kMidnight + 24 * kHour).empty());
}

TEST_CASE("the history of paths holds what was known at its beginning and every change after it",
          "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  const StoredPath old = path(1, 2, kMidnight - 2 * kHour, 7);
  const StoredPath before = path(1, 2, kMidnight - kHour, 8);
  const StoredPath late = path(1, 2, kMidnight - kHour / 2, 9);
  const StoredPath next_day = path(1, 2, kMidnight + kHour, 10);
  const StoredPath other = path(3, 2, kMidnight + 2 * kHour, 11);
  const StoredPath too_late = path(1, 2, kMidnight + 5 * kHour, 12);
  REQUIRE(
      store->journal().append({}, {}, std::vector{old, before, late, next_day, other, too_late}));
  const auto history = store->views().load_path_history(kMidnight - kHour, kMidnight + 2 * kHour);
  REQUIRE(history);
  CHECK(*history == std::vector{before, late, next_day, other});
}

TEST_CASE("a path is stored when it changed and once a day when it did not", "[store]") {
  const PathRecord stored = path(1, 2, kMidnight + kHour, 7).path;
  PathRecord traced = stored;
  traced.traced_at = kMidnight + 20 * kHour;
  CHECK_FALSE(needs_storing(stored, traced));
  traced.complete = false;
  CHECK(needs_storing(stored, traced));
  traced = path(1, 2, kMidnight + 2 * kHour, 8).path;
  CHECK(needs_storing(stored, traced));
  traced = stored;
  traced.traced_at = kMidnight + 24 * kHour;
  CHECK(needs_storing(stored, traced));
}

TEST_CASE("loading paths agrees with a naive search at random times", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  Rng rng{5};
  std::vector<StoredPath> all;
  for (std::uint32_t i = 0; i < 600; ++i) {
    const auto minute = static_cast<std::int64_t>(uniform_below(rng, 3 * 24 * 60));
    all.push_back(path(1 + static_cast<std::uint32_t>(uniform_below(rng, 5)),
                       1 + static_cast<std::uint32_t>(uniform_below(rng, 5)),
                       kMidnight + std::chrono::minutes{minute} + Duration{i}, i));
    all.back().path.direction = static_cast<Direction>(uniform_below(rng, 2));
  }
  REQUIRE(store->journal().append({}, {}, all));
  for (int i = 0; i < 100; ++i) {
    const auto minute = static_cast<std::int64_t>(uniform_below(rng, 4 * 24 * 60));
    const WallTime at = kMidnight + std::chrono::minutes{minute};
    const NodeId reporter{1 + static_cast<std::uint32_t>(uniform_below(rng, 5))};
    const WallTime oldest = window_start(at, kPathBucket) - kPathBucket;
    std::map<decltype(order(all[0])), StoredPath> naive;
    for (const StoredPath& each : all) {
      if (each.path.traced_at > at || each.path.traced_at < oldest) continue;
      auto& latest = naive.try_emplace(order(each), each).first->second;
      if (each.path.traced_at > latest.path.traced_at) latest = each;
    }
    std::vector<StoredPath> expected, expected_of_reporter;
    for (const auto& [session, each] : naive) {
      expected.push_back(each);
      if (each.reporter == reporter) expected_of_reporter.push_back(each);
    }
    REQUIRE(load(*store, at) == expected);
    REQUIRE(load(*store, at, reporter) == expected_of_reporter);
  }
}

TEST_CASE("days that ended before the horizon are dropped", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  const StoredPath yesterday = path(1, 2, kMidnight - kHour, 7);
  const StoredPath today = path(1, 3, kMidnight + kHour, 8);
  REQUIRE(store->journal().append({}, {}, std::vector{yesterday, today}));
  REQUIRE(store->views().drop_paths_before(kMidnight - Duration{1}));
  CHECK(load(*store, kMidnight + 2 * kHour) == std::vector{yesterday, today});
  REQUIRE(store->views().drop_paths_before(kMidnight));
  CHECK(load(*store, kMidnight + 2 * kHour) == std::vector{today});
}

TEST_CASE("a path with too many hops is refused with its whole append", "[store]") {
  TemporaryDirectory directory;
  auto store = open_store(directory.path());
  StoredPath endless = path(1, 2, kMidnight, 7);
  endless.path.hops.resize(kPathHopsMax + 1);
  const auto refused = store->journal().append(std::vector{entry(1, 1)}, {}, std::vector{endless});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kLimit);
  CHECK(all_entries(*store).empty());
}

}  // namespace
}  // namespace faultline::store
