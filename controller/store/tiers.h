// Tiers: in which forms results are kept, for how long, and what each may take of the disk. Every
// policy of the store's time is in this one place.
//
//   windows  reports as they came       until kFreshFor has passed: then they are sealed into
//   blocks   columns, lossless          retention.raw
//   minutes  roll-ups of a minute       retention.minutes
//   hours    roll-ups of an hour        retention.hours
//
// All keys begin with the time, so that what is too old, or too much, goes as one range.
#pragma once

#include <array>
#include <cstdint>

#include "common/base/time.h"
#include "controller/store/history.h"

namespace faultline::store {

// One block holds so much of a pair: longer is smaller and reads less for one pair, shorter reads
// less for one moment of all pairs. Stored in keys: changing it is a new format.
inline constexpr Duration kBlockSpan = std::chrono::minutes{20};

// Reports are sealed when their block ended so long ago: what comes late still finds its place
// beside the others, and what a restarted localizer looks back at (half an hour) is read as it
// came. Longer makes questions about a pair's last hour slower, for a block is read by pair.
inline constexpr Duration kFreshFor = std::chrono::minutes{35};

struct RollupTier {
  Resolution resolution = Resolution::kMinute;
  Duration step{};
  Duration bucket{};  // of time that one key holds; both are stored: changing them is a new format
};
inline constexpr std::array kRollupTiers{
    RollupTier{Resolution::kMinute, std::chrono::minutes{1}, std::chrono::hours{1}},
    RollupTier{Resolution::kHour, std::chrono::hours{1}, std::chrono::hours{24}}};

[[nodiscard]] constexpr const RollupTier& tier_of(Resolution resolution) {
  return kRollupTiers[resolution == Resolution::kMinute ? 0 : 1];
}

struct Retention {
  Duration raw = std::chrono::hours{24 * 7};
  Duration minutes = std::chrono::hours{24 * 30};
  Duration hours = std::chrono::hours{24 * 365 * 3};
  // Of all tiers together, bytes; 0: no bound. What a tier takes above its share is dropped, the
  // oldest bucket first.
  std::uint64_t bytes_max = 0;

  bool operator==(const Retention&) const = default;
};

// What one call drops of a tier by age, from its oldest on. A machine that boots with a clock that
// is years ahead would else drop everything at once; so it loses a step an hour, and there is time
// for an alarm. After a real absence it takes as many calls to catch up.
inline constexpr Duration kRawStepMax = std::chrono::hours{24};
inline constexpr Duration kMinutesStepMax = std::chrono::hours{24};
inline constexpr Duration kHoursStepMax = std::chrono::hours{24 * 30};

// Percent of bytes_max: raw results are by far the most, hours last for years in little.
inline constexpr std::uint64_t kRawPercent = 60;  // windows and blocks
inline constexpr std::uint64_t kMinutesPercent = 25;
inline constexpr std::uint64_t kHoursPercent = 15;

}  // namespace faultline::store
