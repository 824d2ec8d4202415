// Clock skew: where a window belongs whose prober's clock is wrong.
//
// Why it exists: windows are named by the prober's clock. One that is an hour ahead would report
// the future, and one a minute behind would blame its losses on a minute in which all was well. So
// each node's offset is measured by its greeting and heartbeats, a window is moved by the nearest
// number of whole windows, and what was done is noted in it (ProberHealth::clock_offset_ns). Of
// what was measured before the clock was set, and lies in a spool since, nobody knows the offset:
// it stays where it is, unless it is of the future (then the offset of now is the best guess). So
// does the window in which the clock was set.
//
// Pure. Thread safety: none needed.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/time.h"
#include "common/model/report.h"

namespace faultline::ingest {

// An offset of up to this share of a window changes nothing: such a window is trusted as it is.
inline constexpr std::int64_t kTrustedSkewParts = 4;
// A window that would end so long ago is none of those that are measured just now.
inline constexpr std::int64_t kRecentWindows = 3;

enum class Timing : std::uint8_t {
  kTrusted,   // as it is
  kMoved,     // it was, and says so
  kDoubtful,  // its clock is wrong, and nobody knows yet by how much: not to be taken in yet
};

struct Skew {
  Duration offset{};     // node's clock minus ours
  bool settled = false;  // told often enough to act on; else it says only that something is wrong
};
// Without `skew` nothing is known of the node's clock.
[[nodiscard]] Timing timing_of(const Report& report, std::optional<Skew> skew, WallTime now);
// The report as our clock would have named it. Precondition: timing_of() says kMoved.
[[nodiscard]] Report moved(Report report, Duration offset);

}  // namespace faultline::ingest
