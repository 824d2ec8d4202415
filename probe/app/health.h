// Health: what a probe writes down about itself every few seconds, and what that is worth.
//
// Why it exists: a probe serves nothing that could be asked, and yet deployments must know whether
// it works (`faultline-probe --health`). The record is `health.json` in the state directory.
//
// Pure. Thread safety: none needed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"

namespace faultline::probe_app {

inline constexpr Duration kHealthInterval = std::chrono::seconds{3};
// A record that is older says nothing any more: the process, its loop or its disk hangs.
inline constexpr Duration kHealthAgeMax = 5 * kHealthInterval;

struct HealthRecord {
  WallTime written_at{};
  WallTime started_at{};
  std::int64_t pid = 0;
  std::string software{};
  std::uint32_t node = 0;  // 0: has not joined
  std::string name{};
  bool welcomed = false;            // by a controller
  WallTime link_since{};            // since when it is welcomed, or is not
  std::uint64_t plan_revision = 0;  // 0: there is no plan yet
  std::uint64_t sessions = 0;       // of the plan
  bool measuring = false;
  std::optional<WallTime> lease_end{};  // of the plan that is measured
  std::uint64_t windows = 0;            // reported since the start
  std::uint64_t spool_batches = 0;
  std::uint64_t spool_bytes = 0;
  std::uint64_t results_dropped = 0;
  std::string stuck{};  // a sentence; empty: all threads get on

  bool operator==(const HealthRecord&) const = default;
};

// One JSON object on one line.
[[nodiscard]] std::string to_json(const HealthRecord& record);
// `name` stands for the file in messages.
[[nodiscard]] Result<HealthRecord> parse_health(std::string_view json, std::string name);

struct HealthVerdict {
  bool healthy = false;
  bool measuring = false;  // with a controller that knows, and results to show for it
  std::string text{};      // one line, without a full stop

  bool operator==(const HealthVerdict&) const = default;
};

// Healthy: the process lives and is not stuck, and it measures by a plan whose lease runs, welcomed
// by a controller or spooling until one is back.
[[nodiscard]] HealthVerdict judge(const HealthRecord& record, WallTime now, bool process_lives);

}  // namespace faultline::probe_app
