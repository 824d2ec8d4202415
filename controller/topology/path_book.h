// PathBook: the path that each tracked flow takes now, in each direction.
//
// Why it exists: traces repeat, are cut short by the very fault that is looked for, and miss hops
// that limit their ICMP rate. The localizer needs the path that the packets were sent on; the store
// needs to hear of a path only when it is news; on-call wants to know that a route changed.
//
// Policy. A new trace that agrees with the known path wherever both saw a hop is no change; hops
// that it saw for the first time are filled in. An incomplete trace that agrees is the known path
// cut short (most likely by a fault on it) and never replaces it. A doubtful trace (incomplete, or
// silent right before the far end, which on a lossy path may be the far end unheard) that
// contradicts a path without doubt replaces it only when the same happens kDoubtfulToReplace times
// in a row. Any other contradiction is a route change.
//
// Thread safety: none.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/model/ids.h"
#include "common/model/path.h"

namespace faultline::topology {

inline constexpr std::size_t kPathsMax = 4'194'304;  // beyond it new sessions are refused, counted
inline constexpr std::uint8_t kDoubtfulToReplace = 3;
// Routes kept of a session and direction beside the present one: windows that come late were sent
// on an earlier one.
inline constexpr std::size_t kEarlierPathsMax = 4;

struct PathKey {
  NodeId reporter{};
  NodeId target{};
  std::uint16_t source_port = 0;
  Direction direction = Direction::kForward;

  auto operator<=>(const PathKey&) const = default;
};
[[nodiscard]] PathKey key_of(NodeId reporter, const PathRecord& path);

enum class PathNews : std::uint8_t {
  kFirst,      // store it
  kRefined,    // the same route, now with more hops or its end: store it
  kChanged,    // another route: store it
  kUnchanged,  // nothing to store
  kWithheld,   // doubtful and contradicting: the known path stands for now
  kRefused,    // the book is full, or the trace is older than what is known
};
[[nodiscard]] std::string_view to_string(PathNews news);
[[nodiscard]] constexpr bool worth_storing(PathNews news) {
  return news == PathNews::kFirst || news == PathNews::kRefined || news == PathNews::kChanged;
}

// A path, and a number that is another whenever anything in it is. Null: no trace of it came yet.
struct PathAt {
  const PathRecord* path = nullptr;
  std::uint32_t revision = 0;
};

struct EarlierPath {
  PathRecord path{};
  WallTime since{};
  std::uint32_t revision = 0;

  bool operator==(const EarlierPath&) const = default;
};

struct KnownPath {
  PathRecord path{};           // with what several traces saw; traced_at is the newest that agreed
  WallTime changed_at{};       // since when this route is known
  std::uint32_t changes = 0;   // routes before this one
  std::uint8_t withheld = 0;   // contradicting doubtful traces in a row
  std::uint32_t revision = 0;  // of `path`
  std::vector<EarlierPath> earlier{};  // the last kEarlierPathsMax routes, oldest first

  // The route that was known at `time`; before the first, the first that is kept.
  [[nodiscard]] PathAt at(WallTime time) const;

  bool operator==(const KnownPath&) const = default;
};

class PathBook {
 public:
  PathNews update(NodeId reporter, const PathRecord& traced);

  // Null when no trace of it came yet.
  [[nodiscard]] const KnownPath* find(const PathKey& key) const;
  [[nodiscard]] const std::map<PathKey, KnownPath>& paths() const { return paths_; }

  // Sessions that are no longer planned, or whose node was removed. Returns how many went.
  template <typename Predicate>
  std::size_t forget_if(Predicate forget) {
    return std::erase_if(paths_, [&](const auto& entry) { return forget(entry.first); });
  }

  [[nodiscard]] std::uint64_t route_changes() const { return route_changes_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  std::map<PathKey, KnownPath> paths_;
  std::uint64_t route_changes_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace faultline::topology
