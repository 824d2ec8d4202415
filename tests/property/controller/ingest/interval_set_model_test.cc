// SequenceIntervals against a std::set of single numbers.
#include <set>

#include "common/base/random.h"
#include "controller/ingest/interval_set.h"
#include "tests/support/catch.h"

namespace faultline::ingest {
namespace {

std::vector<SequenceInterval> intervals_of(const std::set<std::uint64_t>& numbers) {
  std::vector<SequenceInterval> intervals;
  for (const std::uint64_t number : numbers) {
    if (!intervals.empty() && intervals.back().last + 1 == number) {
      intervals.back().last = number;
    } else {
      intervals.push_back({number, number});
    }
  }
  return intervals;
}

AddResult expected_result(const std::set<std::uint64_t>& before,
                          const std::set<std::uint64_t>& after, std::uint64_t width) {
  if (after.size() == before.size()) return AddResult::kDuplicate;
  if (intervals_of(after).size() > kSequenceIntervalsMax) return AddResult::kWouldOverflow;
  return after.size() == before.size() + width ? AddResult::kNew : AddResult::kPartial;
}

TEST_CASE("intervals behave like a set of numbers with a bound", "[ingest]") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    SequenceIntervals tested;
    std::set<std::uint64_t> model;
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t first = 1 + uniform_below(rng, 60);
      const std::uint64_t last = first + (uniform(rng) < 0.8 ? 0 : uniform_below(rng, 6));
      std::set<std::uint64_t> after = model;
      for (std::uint64_t number = first; number <= last; ++number) after.insert(number);
      const AddResult expected = expected_result(model, after, last - first + 1);
      REQUIRE(tested.add(first, last) == expected);
      if (expected != AddResult::kWouldOverflow) model = after;
      REQUIRE(tested.intervals() == intervals_of(model));
    }
  }
}

}  // namespace
}  // namespace faultline::ingest
