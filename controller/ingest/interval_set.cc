#include "controller/ingest/interval_set.h"

#include <algorithm>

#include "common/base/check.h"

namespace faultline::ingest {
namespace {

// Whether `interval` overlaps or touches first..last. Free of overflow at both ends.
bool joins(const SequenceInterval& interval, std::uint64_t first, std::uint64_t last) {
  const bool ends_before = interval.last < first && first - interval.last > 1;
  const bool begins_after = interval.first > last && interval.first - last > 1;
  return !ends_before && !begins_after;
}

bool overlaps(const SequenceInterval& interval, std::uint64_t first, std::uint64_t last) {
  return interval.first <= last && first <= interval.last;
}

}  // namespace

SequenceIntervals::SequenceIntervals(std::span<const SequenceInterval> intervals) {
  for (const SequenceInterval& interval : intervals) {
    if (interval.first <= interval.last) add(interval.first, interval.last);
  }
}

AddResult SequenceIntervals::add(std::uint64_t first, std::uint64_t last) {
  FAULTLINE_CHECK(first <= last, "an interval of sequence numbers ends before it begins");
  if (contains(first, last)) return AddResult::kDuplicate;

  const auto from = std::find_if(intervals_.begin(), intervals_.end(),
                                 [&](const auto& known) { return joins(known, first, last); });
  const auto to = std::find_if(from, intervals_.end(),
                               [&](const auto& known) { return !joins(known, first, last); });
  if (from == intervals_.end() || from == to) {
    if (intervals_.size() == kSequenceIntervalsMax) return AddResult::kWouldOverflow;
    const auto place = std::find_if(intervals_.begin(), intervals_.end(),
                                    [&](const auto& known) { return known.first > last; });
    intervals_.insert(place, SequenceInterval{first, last});
    return AddResult::kNew;
  }
  const bool partial =
      std::any_of(from, to, [&](const auto& known) { return overlaps(known, first, last); });
  from->first = std::min(from->first, first);
  from->last = std::max(std::prev(to)->last, last);
  intervals_.erase(std::next(from), to);
  return partial ? AddResult::kPartial : AddResult::kNew;
}

bool SequenceIntervals::contains(std::uint64_t first, std::uint64_t last) const {
  return std::any_of(intervals_.begin(), intervals_.end(),
                     [&](const auto& known) { return known.first <= first && last <= known.last; });
}

}  // namespace faultline::ingest
