// Index: what the spool holds, by boot and sequence number, and where each record lies.
//
// Why it exists: the order to send in, coverage by gap records and acknowledgements are pure
// bookkeeping; payloads are not in memory.
//
// Invariant: within a boot the entries are ascending and do not overlap.
// Pure. Thread safety: none; one owner.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "common/model/control.h"

namespace faultline::spool {

// Where a record lies on disk. Segment 0: nowhere yet, it is held in memory.
struct Location {
  std::uint64_t segment = 0;
  std::uint32_t offset = 0;

  bool operator==(const Location&) const = default;
};

struct Entry {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t results = 0;
  Location location;
  std::uint32_t length = 0;  // of the payload; 0 for a gap record

  [[nodiscard]] bool is_gap() const { return length == 0; }
  bool operator==(const Entry&) const = default;
};

// Names an entry while it exists: the rank of its boot (older boots first) and its first sequence.
struct EntryKey {
  std::uint64_t rank = 0;
  std::uint64_t first = 0;

  auto operator<=>(const EntryKey&) const = default;
};

class Index {
 public:
  struct Boot {
    BootId id;
    std::uint64_t next_sequence = 1;
    std::deque<Entry> entries;
  };
  // Told of every entry that leaves the index.
  using Removed = std::function<void(const EntryKey&, const Entry&)>;

  explicit Index(Removed removed) : removed_(std::move(removed)) {}

  // The rank of the boot, given to it when first asked for.
  std::uint64_t rank_of(BootId boot);
  // The rank that the boot has, or would be given now.
  [[nodiscard]] std::uint64_t would_rank(BootId boot) const;
  [[nodiscard]] const Boot& boot(std::uint64_t rank) const { return boots_.at(rank); }

  // Takes the place of all that it overlaps: a later record says what became of earlier ones.
  Entry& put(std::uint64_t rank, const Entry& entry);
  // Removes the entries that lie within one of the intervals.
  void release(BootId boot, std::span<const SequenceInterval> durable);
  void remove(const EntryKey& key);
  // Boots without entries are forgotten, but for the newest: it goes on counting.
  void forget_empty_boots();

  [[nodiscard]] Entry* find(const EntryKey& key);
  // Null when `key` is the first of its boot.
  [[nodiscard]] Entry* before(const EntryKey& key);
  // In order, entries that end after `sequence` in boots of at least `rank`; false ends the visit.
  using Visitor = std::function<bool(std::uint64_t rank, const Boot&, const Entry&)>;
  void visit_after(std::uint64_t rank, std::uint64_t sequence, const Visitor& visitor) const;
  // Gap records, of unknown results, over the sequences missing before and between the entries of
  // each boot.
  [[nodiscard]] std::vector<std::pair<EntryKey, Entry>> holes() const;
  // The entries of one segment, in order.
  [[nodiscard]] std::vector<std::pair<EntryKey, Entry>> in_segment(std::uint64_t segment) const;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t gaps() const { return gaps_; }

 private:
  void erase(std::uint64_t rank, std::deque<Entry>& entries, std::deque<Entry>::iterator from,
             std::deque<Entry>::iterator to);

  Removed removed_;
  std::map<std::uint64_t, Boot> boots_;  // by rank
  std::uint64_t next_rank_ = 1;
  std::size_t size_ = 0;
  std::size_t gaps_ = 0;
};

}  // namespace faultline::spool
