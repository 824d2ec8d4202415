#include "controller/ingest/interval_set.h"

#include <limits>

#include "tests/support/catch.h"

namespace faultline::ingest {
namespace {

using Intervals = std::vector<SequenceInterval>;
constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();

TEST_CASE("sequences that touch join into one interval", "[ingest]") {
  SequenceIntervals set;
  CHECK(set.add(1, 1) == AddResult::kNew);
  CHECK(set.add(3, 3) == AddResult::kNew);
  CHECK(set.intervals() == Intervals{{1, 1}, {3, 3}});
  CHECK(set.add(2, 2) == AddResult::kNew);
  CHECK(set.intervals() == Intervals{{1, 3}});
}

TEST_CASE("what is there already is a duplicate and changes nothing", "[ingest]") {
  SequenceIntervals set;
  set.add(1, 10);
  CHECK(set.add(4, 6) == AddResult::kDuplicate);
  CHECK(set.add(10, 10) == AddResult::kDuplicate);
  CHECK(set.intervals() == Intervals{{1, 10}});
}

TEST_CASE("a gap over batches that did arrive is partial and swallows them", "[ingest]") {
  SequenceIntervals set;
  set.add(3, 4);
  set.add(7, 7);
  CHECK(set.add(1, 9) == AddResult::kPartial);
  CHECK(set.intervals() == Intervals{{1, 9}});
}

TEST_CASE("a ninth interval is refused, a batch that joins two is not", "[ingest]") {
  SequenceIntervals set;
  for (std::uint64_t i = 0; i < kSequenceIntervalsMax; ++i) set.add(2 * i + 1, 2 * i + 1);
  const SequenceIntervals full = set;
  CHECK(set.add(100, 100) == AddResult::kWouldOverflow);
  CHECK(set == full);
  CHECK(set.add(2, 2) == AddResult::kNew);
  CHECK(set.add(100, 100) == AddResult::kNew);
  CHECK(set.intervals().size() == kSequenceIntervalsMax);
}

TEST_CASE("the ends of the number range neither wrap nor join", "[ingest]") {
  SequenceIntervals set;
  CHECK(set.add(kLast, kLast) == AddResult::kNew);
  CHECK(set.add(0, 0) == AddResult::kNew);
  CHECK(set.intervals() == Intervals{{0, 0}, {kLast, kLast}});
  CHECK(set.add(kLast - 1, kLast - 1) == AddResult::kNew);
  CHECK(set.add(0, kLast) == AddResult::kPartial);
  CHECK(set.intervals() == Intervals{{0, kLast}});
}

TEST_CASE("nonsense in a stored row is left out", "[ingest]") {
  const Intervals stored{{5, 2}, {7, 9}, {8, 12}};
  CHECK(SequenceIntervals{stored}.intervals() == Intervals{{7, 12}});
}

}  // namespace
}  // namespace faultline::ingest
