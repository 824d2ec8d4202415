// Service levels over a period, as values: what `faultline slo` and /api/v1/slo answer.
//
// Availability: the share of pair-minutes in which less than kSloLossMax of the packets between two
// nodes were lost, both directions together. A pair-minute is an ordered pair of nodes that
// measured in that minute; what nobody measured counts neither way. A pair belongs to the groups of
// both its ends, once where they are the same. In steps of an hour, which is how a month of a large
// fleet is read in time, an hour is good or bad as a whole and counts as sixty minutes.
//
// Units are in the names; an empty optional was not measured.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"

namespace faultline::api {

inline constexpr double kSloLossMax = 0.05;
inline constexpr Duration kSloSpanMax = std::chrono::hours{24 * 92};
inline constexpr Duration kSloSpanDefault = std::chrono::hours{24};
// Up to it steps of a minute unless asked otherwise, beyond it of an hour.
inline constexpr Duration kSloByMinutesMax = std::chrono::hours{48};
inline constexpr std::size_t kSloGroupsMax = 2048;  // what more there are is one group, "(others)"

enum class SloGrouping : std::uint8_t {
  kZone,
  kRack,
  kClass,  // host-host, host-vm, vm-vm, wan: as detection has them (detect/limits.h)
};
[[nodiscard]] std::string_view to_string(SloGrouping grouping);

struct SloRequest {
  SloGrouping by = SloGrouping::kZone;
  Duration since = kSloSpanDefault;
  std::optional<WallTime> at{};    // end of the period; empty: now
  std::optional<Duration> step{};  // a minute or an hour
};

struct SloRow {
  std::string group;
  std::uint64_t pair_minutes = 0;
  std::uint64_t pair_minutes_bad = 0;
  std::optional<double> availability;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;  // in either direction
  // Of the pair-minutes: loss that so many of them do not exceed.
  std::optional<double> loss_p50;
  std::optional<double> loss_p95;
  std::optional<double> loss_p99;
  // Round trips.
  std::optional<double> rtt_p50_us;
  std::optional<double> rtt_p95_us;
  std::optional<double> rtt_p99_us;

  bool operator==(const SloRow&) const = default;
};

struct SloView {
  SloGrouping by = SloGrouping::kZone;
  WallTime from{};
  WallTime to{};
  Duration step = std::chrono::minutes{1};
  std::optional<WallTime> measured_from;  // the oldest result of the period
  SloRow all;
  std::vector<SloRow> rows;  // by name

  bool operator==(const SloView&) const = default;
};

[[nodiscard]] std::string slo_json(const SloView& view);

}  // namespace faultline::api
