// GroupSeries: what groups of nodes measured of each other since the start, for /metrics.
//
// Why it exists: one series for each pair of hosts would be a second, worse store (a million of
// them for a thousand hosts); a dashboard wants zones, racks and classes of pair.
//
// Bounded: of zones and racks together at most Options::groups_max groups, those seen first, so
// that the names of series stay; what would be one more is counted into its grouping's "other" for
// good.
//
// Pure. Thread safety: none; owned by the solver's thread, as the LiveLocalizer is.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/core/solve.h"

namespace faultline::core {

enum class Grouping : std::uint8_t {
  kZone,   // from a zone to a zone
  kRack,   // from a rack to a rack
  kClass,  // host-host, host-vm, vm-vm, wan; `to` is empty
};
[[nodiscard]] std::string_view to_string(Grouping grouping);
[[nodiscard]] std::optional<Grouping> parse_grouping(std::string_view name);

inline constexpr std::uint32_t kGroupsMax = 1000;

struct Group {
  Grouping grouping = Grouping::kZone;
  std::string from;
  std::string to;

  auto operator<=>(const Group&) const = default;
};

inline constexpr std::array<std::uint64_t, 8> kGroupRttBoundsNs{
    100'000, 250'000, 500'000, 1'000'000, 2'500'000, 10'000'000, 50'000'000, 250'000'000};

// Sums since the start: they only grow.
struct GroupSums {
  std::uint64_t sent = 0;
  std::uint64_t lost_forward = 0;
  std::uint64_t lost_return = 0;
  std::uint64_t lost_undetermined = 0;
  // Answered packets by round trip: up to each bound, then longer ones. A packet counts with the
  // upper edge of its bucket in the histogram that the probe reports, an eighth too high at most.
  std::array<std::uint64_t, kGroupRttBoundsNs.size() + 1> rtt{};
  double rtt_sum_ns = 0;

  bool operator==(const GroupSums&) const = default;
};

// The classes of pair are there from the start, so that their series are.
struct GroupTable {
  std::map<Group, GroupSums> groups{};
  std::uint64_t rows_folded = 0;  // targets of reports that were counted into "other"
};
[[nodiscard]] GroupTable empty_groups(const std::set<Grouping>& groupings);

class Places;

class GroupSeries {
 public:
  struct Options {
    std::set<Grouping> groupings{Grouping::kZone, Grouping::kClass};
    std::uint32_t groups_max = 200;  // without classes and the "other" of each grouping
  };
  explicit GroupSeries(Options options)
      : options_(std::move(options)), table_(empty_groups(options_.groupings)) {}

  // Takes every report of the job, late ones too, for each comes once; what was observed to or from
  // nodes that were away is left out. Puts the sums so far into the solution.
  void judge(const SolveJob& job, Solution& solution);
  // Any thread.
  [[nodiscard]] const std::set<Grouping>& groupings() const { return options_.groupings; }

 private:
  using Window = std::vector<NodeReport>;
  void take(const Window& window, const SolveJob& job, Places& places);
  [[nodiscard]] GroupSums& sums_of(Group group);

  const Options options_;
  GroupTable table_;
  std::size_t named_ = 0;  // groups but classes and the "other" ones
};

}  // namespace faultline::core
