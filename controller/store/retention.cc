// RocksJournal's retention: by age, then by size, always by whole ranges (tiers.h).
#include <algorithm>
#include <array>
#include <optional>

#include "controller/store/keys.h"
#include "controller/store/rocks_journal.h"

namespace faultline::store {
namespace {

// One step of what may go at once: a block, or the bucket of a roll-up.
struct Family {
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  Duration bucket{};
  WallTime horizon{};  // what lies before it is too old
  std::uint64_t bytes_max = 0;
};

// Counted from what is there, not from the calendar: one window of a clock that was decades behind
// is one step.
WallTime bounded(WallTime wanted, std::optional<WallTime> first, Duration step_max) {
  return first ? std::min(wanted, *first + step_max) : wanted;
}

std::uint64_t bytes_of(const Database& database, rocksdb::ColumnFamilyHandle* family) {
  std::uint64_t bytes = 0;
  const bool known =
      database.db().GetIntProperty(family, rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
  return known ? bytes : 0;
}

std::uint64_t bytes_below(const Database& database, rocksdb::ColumnFamilyHandle* family,
                          WallTime end) {
  const std::string limit = window_floor(end);
  const rocksdb::Range range{"", limit};
  std::uint64_t bytes = 0;
  const auto status = database.db().GetApproximateSizes(family, &range, 1, &bytes);
  return status.ok() ? bytes : 0;
}

// The end of the range to drop so that `excess` bytes go: found by halving, not by reading.
WallTime end_of_excess(const Database& database, const Family& family, std::uint64_t excess,
                       WallTime first, WallTime now) {
  std::int64_t low = 1;
  std::int64_t high = std::max<std::int64_t>((now - first) / family.bucket, 1);
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (bytes_below(database, family.handle, first + middle * family.bucket) >= excess) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return first + low * family.bucket;
}

}  // namespace

Result<WallTime> RocksJournal::retain(WallTime now, const Retention& retention) {
  const WallTime horizon = bounded(now - retention.raw, oldest_window(), kRawStepMax);
  FAULTLINE_TRY_STATUS(drop_before(horizon));
  const auto share = [&](std::uint64_t percent) { return retention.bytes_max / 100 * percent; };
  const std::uint64_t windows = bytes_of(database_, database_.windows());
  const std::uint64_t raw = share(kRawPercent);
  const auto rollup = [&](Resolution resolution, Duration keep, Duration step_max,
                          std::uint64_t percent) {
    auto* handle = database_.rollups(resolution);
    return Family{handle, tier_of(resolution).bucket,
                  bounded(now - keep, database_.first_time(handle), step_max), share(percent)};
  };
  const std::array families{
      // What is not sealed yet is the newest, and counts as raw.
      Family{database_.blocks(), kBlockSpan, horizon, raw - std::min(raw, windows)},
      rollup(Resolution::kMinute, retention.minutes, kMinutesStepMax, kMinutesPercent),
      rollup(Resolution::kHour, retention.hours, kHoursStepMax, kHoursPercent)};
  for (const Family& family : families) {
    // The bucket that the horizon lies in stays: some of it is young enough.
    const WallTime end_of_old = window_start(family.horizon, family.bucket);
    FAULTLINE_TRY_STATUS(database_.drop_below(family.handle, window_floor(end_of_old)));
    const std::uint64_t bytes = bytes_of(database_, family.handle);
    const auto first = database_.first_time(family.handle);
    if (retention.bytes_max == 0 || bytes <= family.bytes_max || !first) continue;
    const WallTime end = end_of_excess(database_, family, bytes - family.bytes_max, *first, now);
    FAULTLINE_TRY_STATUS(database_.drop_below(family.handle, window_floor(end)));
  }
  return horizon;
}

}  // namespace faultline::store
