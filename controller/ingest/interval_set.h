// SequenceIntervals: which sequence numbers of one (node, boot) are known, as a few closed
// intervals.
//
// Why it exists: a probe resends until it is acknowledged, so the controller must remember what it
// has; batches arrive nearly in order, so at most kSequenceIntervalsMax intervals say all of it in
// bounded space. A batch that would need one more is refused: it is sent again later, when the
// holes before it have been filled.
//
// Thread safety: none. No failures besides the returned AddResult.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/model/control.h"

namespace faultline::ingest {

enum class AddResult : std::uint8_t {
  kNew,           // none of it was there; now all of it is
  kPartial,       // some of it was there (a gap record over batches that did arrive); now all is
  kDuplicate,     // all of it was there; nothing changed
  kWouldOverflow  // it would need another interval than the bound allows; nothing changed
};

class SequenceIntervals {
 public:
  SequenceIntervals() = default;
  // Adds each interval. Empty-handed input (first > last, beyond the bound) is left out: rows come
  // from a file.
  explicit SequenceIntervals(std::span<const SequenceInterval> intervals);

  // Precondition: first <= last. Touching intervals join.
  AddResult add(std::uint64_t first, std::uint64_t last);

  [[nodiscard]] bool contains(std::uint64_t first, std::uint64_t last) const;
  // Ascending, disjoint, not touching, at most kSequenceIntervalsMax.
  [[nodiscard]] const std::vector<SequenceInterval>& intervals() const { return intervals_; }

  bool operator==(const SequenceIntervals&) const = default;

 private:
  std::vector<SequenceInterval> intervals_;
};

}  // namespace faultline::ingest
