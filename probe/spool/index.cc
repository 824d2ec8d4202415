#include "probe/spool/index.h"

#include <algorithm>
#include <iterator>

#include "common/base/check.h"

namespace faultline::spool {
namespace {

using Entries = std::deque<Entry>;

// The first entry that ends at or after `sequence`.
auto ends_from(auto& entries, std::uint64_t sequence) {
  return std::partition_point(entries.begin(), entries.end(),
                              [&](const Entry& entry) { return entry.last < sequence; });
}

}  // namespace

std::uint64_t Index::rank_of(BootId boot) {
  const std::uint64_t rank = would_rank(boot);
  if (rank == next_rank_) {
    boots_[rank].id = boot;
    ++next_rank_;
  }
  return rank;
}

std::uint64_t Index::would_rank(BootId boot) const {
  const auto known = std::find_if(boots_.begin(), boots_.end(),
                                  [&](const auto& ranked) { return ranked.second.id == boot; });
  return known == boots_.end() ? next_rank_ : known->first;
}

Entry& Index::put(std::uint64_t rank, const Entry& entry) {
  FAULTLINE_CHECK(entry.first <= entry.last, "an entry ends before it begins");
  Boot& boot = boots_.at(rank);
  const auto from = ends_from(boot.entries, entry.first);
  const auto to = std::find_if(from, boot.entries.end(),
                               [&](const Entry& known) { return known.first > entry.last; });
  const auto place = std::distance(boot.entries.begin(), from);
  erase(rank, boot.entries, from, to);
  ++size_;
  gaps_ += entry.is_gap() ? 1 : 0;
  boot.next_sequence = std::max(boot.next_sequence, entry.last + 1);
  return *boot.entries.insert(boot.entries.begin() + place, entry);
}

void Index::release(BootId boot, std::span<const SequenceInterval> durable) {
  const auto ranked = boots_.find(would_rank(boot));
  if (ranked == boots_.end()) return;
  Entries& entries = ranked->second.entries;
  for (const SequenceInterval& interval : durable) {
    const auto from = std::partition_point(entries.begin(), entries.end(), [&](const Entry& entry) {
      return entry.first < interval.first;
    });
    const auto to = std::partition_point(
        from, entries.end(), [&](const Entry& entry) { return entry.last <= interval.last; });
    erase(ranked->first, entries, from, to);
  }
}

void Index::remove(const EntryKey& key) {
  Entries& entries = boots_.at(key.rank).entries;
  const auto entry = ends_from(entries, key.first);
  FAULTLINE_CHECK(entry != entries.end() && entry->first == key.first, "no such entry");
  erase(key.rank, entries, entry, std::next(entry));
}

std::vector<std::pair<EntryKey, Entry>> Index::holes() const {
  std::vector<std::pair<EntryKey, Entry>> found;
  for (const auto& [rank, boot] : boots_) {
    std::uint64_t expected = 1;
    for (const Entry& entry : boot.entries) {
      if (entry.first != expected) {
        found.push_back({{rank, expected}, {expected, entry.first - 1, 0, {}, 0}});
      }
      expected = entry.last + 1;
    }
  }
  return found;
}

void Index::forget_empty_boots() {
  std::erase_if(boots_, [&](const auto& ranked) {
    return ranked.second.entries.empty() && ranked.first + 1 != next_rank_;
  });
}

Entry* Index::find(const EntryKey& key) {
  const auto ranked = boots_.find(key.rank);
  if (ranked == boots_.end()) return nullptr;
  const auto entry = ends_from(ranked->second.entries, key.first);
  if (entry == ranked->second.entries.end() || entry->first != key.first) return nullptr;
  return &*entry;
}

Entry* Index::before(const EntryKey& key) {
  Entries& entries = boots_.at(key.rank).entries;
  const auto entry = ends_from(entries, key.first);
  return entry == entries.begin() ? nullptr : &*std::prev(entry);
}

void Index::visit_after(std::uint64_t rank, std::uint64_t sequence, const Visitor& visitor) const {
  for (auto ranked = boots_.lower_bound(rank); ranked != boots_.end(); ++ranked) {
    const Entries& entries = ranked->second.entries;
    auto entry = entries.begin();
    if (ranked->first == rank && sequence != 0) entry = ends_from(entries, sequence + 1);
    for (; entry != entries.end(); ++entry) {
      if (!visitor(ranked->first, ranked->second, *entry)) return;
    }
  }
}

std::vector<std::pair<EntryKey, Entry>> Index::in_segment(std::uint64_t segment) const {
  std::vector<std::pair<EntryKey, Entry>> found;
  visit_after(0, 0, [&](std::uint64_t rank, const Boot&, const Entry& entry) {
    if (entry.location.segment == segment) found.push_back({{rank, entry.first}, entry});
    return true;
  });
  return found;
}

void Index::erase(std::uint64_t rank, Entries& entries, Entries::iterator from,
                  Entries::iterator to) {
  for (auto entry = from; entry != to; ++entry) {
    --size_;
    gaps_ -= entry->is_gap() ? 1 : 0;
    removed_({rank, entry->first}, *entry);
  }
  entries.erase(from, to);
}

}  // namespace faultline::spool
