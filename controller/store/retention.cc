// RocksJournal's retention: by age, then by size, always by whole ranges (tiers.h).
#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>
#include <vector>

#include "controller/store/keys.h"
#include "controller/store/rocks_journal.h"

namespace faultline::store {
namespace {

// One step of what may go at once: a block, or the bucket of a roll-up.
struct Family {
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  Duration bucket{};
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

// Drops what lies before `wanted`, one step of it at most. What lies years before all the rest,
// like the windows of a machine that boots in 1970, is free: it may not hold up the others.
Result<WallTime> drop_old(WallTime wanted, Duration step_max,
                          const std::function<std::optional<WallTime>()>& first,
                          const std::function<Status(WallTime)>& drop_below) {
  constexpr int kHolesMax = 8;
  constexpr Duration kHoleMin = std::chrono::hours{24 * 365};
  WallTime horizon = wanted;
  for (int holes = 0; holes <= kHolesMax; ++holes) {
    horizon = bounded(wanted, first(), step_max);
    FAULTLINE_TRY_STATUS(drop_below(horizon));
    const auto next = first();
    if (horizon >= wanted || !next || *next < horizon + kHoleMin) break;
  }
  return horizon;
}

}  // namespace

Result<WallTime> RocksJournal::retain(WallTime now, const Retention& retention) {
  const auto drop_raw = [this](WallTime before) -> Status {
    FAULTLINE_TRY_STATUS(drop_before(before));
    return database_.drop_below(database_.blocks(), window_floor(window_start(before, kBlockSpan)));
  };
  FAULTLINE_TRY(const WallTime horizon, drop_old(
                                            now - retention.raw, kRawStepMax,
                                            [this] { return oldest_window(); }, drop_raw));
  const auto share = [&](std::uint64_t percent) { return retention.bytes_max / 100 * percent; };
  const std::uint64_t windows = bytes_of(database_, database_.windows());
  const std::uint64_t raw = share(kRawPercent);
  std::vector<Family> families{// What is not sealed yet is the newest, and counts as raw.
                               {database_.blocks(), kBlockSpan, raw - std::min(raw, windows)}};
  for (const auto& [resolution, keep, step_max, percent] :
       {std::tuple{Resolution::kMinute, retention.minutes, kMinutesStepMax, kMinutesPercent},
        std::tuple{Resolution::kHour, retention.hours, kHoursStepMax, kHoursPercent}}) {
    auto* handle = database_.rollups(resolution);
    const Duration bucket = tier_of(resolution).bucket;
    // The bucket that the horizon lies in stays: some of it is young enough.
    const auto drop = [&](WallTime before) {
      return database_.drop_below(handle, window_floor(window_start(before, bucket)));
    };
    FAULTLINE_TRY_STATUS(drop_old(
        now - keep, step_max, [&] { return database_.first_time(handle); }, drop));
    families.push_back({handle, bucket, share(percent)});
  }
  for (const Family& family : families) {
    const std::uint64_t bytes = bytes_of(database_, family.handle);
    const auto first = database_.first_time(family.handle);
    if (retention.bytes_max == 0 || bytes <= family.bytes_max || !first) continue;
    const WallTime end = end_of_excess(database_, family, bytes - family.bytes_max, *first, now);
    FAULTLINE_TRY_STATUS(database_.drop_below(family.handle, window_floor(end)));
  }
  return horizon;
}

}  // namespace faultline::store
