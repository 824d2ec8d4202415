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
// Copies are cheap: what was learned of one reporter is one part, which copies share until one of
// them changes it. The loop hands out snapshots all the time, and would else copy 400,000 paths
// (124 ms) at the first trace after each.
//
// Thread safety: none for one book; copies of it may be used by different threads.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
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
  using Part = std::map<PathKey, KnownPath>;  // of one reporter; never empty
  using Parts = std::map<NodeId, std::shared_ptr<const Part>>;

 public:
  // All paths in the order of their keys, like a map's. Valid until the book changes.
  class Paths {
   public:
    class Iterator {
     public:
      using iterator_category = std::forward_iterator_tag;
      using value_type = Part::value_type;
      using difference_type = std::ptrdiff_t;
      using pointer = const value_type*;
      using reference = const value_type&;

      Iterator() = default;
      reference operator*() const { return *at_; }
      pointer operator->() const { return &*at_; }
      Iterator& operator++() {
        if (++at_ == part_->second->end()) enter(std::next(part_));
        return *this;
      }
      Iterator operator++(int) {
        auto before = *this;
        ++*this;
        return before;
      }
      bool operator==(const Iterator& other) const {
        return part_ == other.part_ && (part_ == end_ || at_ == other.at_);
      }

     private:
      friend class Paths;
      Iterator(Parts::const_iterator part, Parts::const_iterator end) : end_(end) { enter(part); }
      void enter(Parts::const_iterator part) {
        part_ = part;
        if (part_ != end_) at_ = part_->second->begin();
      }

      Parts::const_iterator part_;
      Parts::const_iterator end_;
      Part::const_iterator at_;
    };

    explicit Paths(const Parts& parts) : parts_(&parts) {}
    [[nodiscard]] Iterator begin() const { return {parts_->begin(), parts_->end()}; }
    [[nodiscard]] Iterator end() const { return {parts_->end(), parts_->end()}; }
    [[nodiscard]] Iterator find(const PathKey& key) const;
    [[nodiscard]] Iterator lower_bound(const PathKey& key) const;

   private:
    const Parts* parts_;
  };

  PathNews update(NodeId reporter, const PathRecord& traced);
  // The clock was set back: no path was traced after `now`, else new traces were taken for old
  // ones.
  void set_back(WallTime now);

  // Null when no trace of it came yet.
  [[nodiscard]] const KnownPath* find(const PathKey& key) const;
  [[nodiscard]] Paths paths() const { return Paths(parts_); }
  [[nodiscard]] std::size_t size() const { return size_; }

  // Sessions that are no longer planned, or whose node was removed. Returns how many went.
  template <typename Predicate>
  std::size_t forget_if(Predicate forget) {
    std::size_t gone = 0;
    for (auto part = parts_.begin(); part != parts_.end();) {
      const auto unwanted = [&](const auto& entry) { return forget(entry.first); };
      if (std::ranges::any_of(*part->second, unwanted)) {
        auto rest = std::make_shared<Part>(*part->second);
        gone += std::erase_if(*rest, unwanted);
        part->second = std::move(rest);
      }
      part = part->second->empty() ? parts_.erase(part) : std::next(part);
    }
    size_ -= gone;
    return gone;
  }

  [[nodiscard]] std::uint64_t route_changes() const { return route_changes_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  PathNews update_known(KnownPath& known, const PathRecord& path);
  [[nodiscard]] Part& part_to_change(NodeId reporter);

  Parts parts_;
  std::size_t size_ = 0;
  std::uint64_t route_changes_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace faultline::topology
