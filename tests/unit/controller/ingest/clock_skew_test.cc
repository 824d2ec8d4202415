// Where a window belongs whose prober's clock is wrong.
#include "controller/ingest/clock_skew.h"
#include "tests/support/catch.h"

namespace faultline::ingest {
namespace {

constexpr Duration kWindow = std::chrono::seconds{10};
const WallTime kNow = wall_time_from_unix_seconds(1'800'000'003);
// The window that ended three seconds ago.
const WallTime kNewest = wall_time_from_unix_seconds(1'799'999'990);

Skew settled(Duration offset) { return {offset, true}; }

Report of(WallTime start) { return {.window_start = start, .window = kWindow}; }

TEST_CASE("a clock within a quarter of a window is trusted", "[ingest]") {
  for (const Duration offset : {std::chrono::milliseconds{0}, std::chrono::milliseconds{2500},
                                std::chrono::milliseconds{-2500}}) {
    CHECK(timing_of(of(kNewest), settled(offset), kNow) == Timing::kTrusted);
  }
}

TEST_CASE("a newest window is moved back to where it was measured", "[ingest]") {
  for (const Duration offset :
       {std::chrono::milliseconds{2501}, std::chrono::milliseconds{-4'000},
        std::chrono::milliseconds{47'000}, std::chrono::milliseconds{-47'000},
        std::chrono::milliseconds{3'600'000}, std::chrono::milliseconds{-3'600'000}}) {
    CAPTURE(format_duration(offset));
    // As its prober named it: aligned by a clock that is so far ahead.
    const auto report = of(window_start(kNewest + kWindow / 2 + offset, kWindow));
    REQUIRE(timing_of(report, settled(offset), kNow) == Timing::kMoved);
    const auto right = moved(report, offset);
    CHECK(std::chrono::abs(right.window_start - kNewest) <= kWindow);
    CHECK(window_start(right.window_start, kWindow) == right.window_start);
    CHECK(right.health.clock_offset_ns == offset.count());
  }
}

TEST_CASE("what was spooled before the clock was set wrong stays where it is", "[ingest]") {
  for (const Duration offset : {std::chrono::seconds{90}, std::chrono::seconds{-90}}) {
    CHECK(timing_of(of(kNewest - std::chrono::minutes{30}), settled(offset), kNow) ==
          Timing::kTrusted);
  }
  // Moved by an hour ahead it would be of the future.
  CHECK(timing_of(of(kNewest), settled(std::chrono::seconds{-3'600}), kNow) == Timing::kTrusted);
}

TEST_CASE("what was spooled by a clock that was ahead all the time is moved", "[ingest]") {
  const auto report = of(kNewest + std::chrono::minutes{30});
  CHECK(timing_of(report, settled(std::chrono::minutes{60}), kNow) == Timing::kMoved);
  CHECK(moved(report, std::chrono::minutes{60}).window_start == kNewest - std::chrono::minutes{30});
}

TEST_CASE("a window of the future waits until the offset is known", "[ingest]") {
  CHECK(timing_of(of(kNewest), std::nullopt, kNow) == Timing::kTrusted);
  CHECK(timing_of(of(kNewest + std::chrono::seconds{20}), std::nullopt, kNow) == Timing::kDoubtful);
  // The clock was set right since: nobody can tell how far it was ahead.
  CHECK(timing_of(of(kNewest + std::chrono::minutes{5}), settled(std::chrono::milliseconds{1}),
                  kNow) == Timing::kTrusted);
}

// One that was behind was trusted for its first fifteen seconds, and not marked.
TEST_CASE("a clock that is known to be wrong, but not how wrong, is not trusted yet", "[ingest]") {
  for (const Duration offset : {std::chrono::seconds{20}, std::chrono::seconds{-20}}) {
    const auto report = of(window_start(kNewest + offset, kWindow));
    CHECK(timing_of(report, Skew{offset, false}, kNow) == Timing::kDoubtful);
    CHECK(timing_of(report, settled(offset), kNow) == Timing::kMoved);
  }
  const Skew small{std::chrono::seconds{-2}, false};
  CHECK(timing_of(of(kNewest), small, kNow) == Timing::kTrusted);
  CHECK(timing_of(of(kNewest + std::chrono::seconds{20}), small, kNow) == Timing::kDoubtful);
}

TEST_CASE("paths are moved with their window, to the nanosecond", "[ingest]") {
  Report report = of(kNewest + std::chrono::minutes{1});
  report.paths.push_back({.traced_at = kNewest + std::chrono::minutes{1}});
  const auto right = moved(report, std::chrono::minutes{1} + std::chrono::milliseconds{1});
  CHECK(right.window_start == kNewest);
  CHECK(right.paths[0].traced_at == kNewest - std::chrono::milliseconds{1});
}

}  // namespace
}  // namespace faultline::ingest
