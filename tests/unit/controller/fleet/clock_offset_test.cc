#include "controller/fleet/clock_offset.h"
#include "tests/support/catch.h"

namespace faultline::fleet {
namespace {

using std::chrono::milliseconds;

ClockOffset of(const std::vector<int>& samples) {
  ClockOffset offset;
  for (const int sample : samples) offset.add(milliseconds{sample});
  return offset;
}

TEST_CASE("the largest of the last offsets is believed: the others waited on their way",
          "[fleet]") {
  CHECK(of({}).largest() == Duration{});
  CHECK(of({-300, -2, -900}).largest() == milliseconds{-2});
  CHECK(of({20, -5'000, 19}).largest() == milliseconds{20});  // one may have waited for long
  CHECK(of({5, 1, 1, 1, 1, 1, 1, 1, 1}).largest() == milliseconds{1});
}

TEST_CASE("it is settled when three have come", "[fleet]") {
  CHECK_FALSE(of({1, 2}).settled());
  CHECK(of({1, 2, 3}).settled());
}

TEST_CASE("a clock that was set back is known for it by two, and settled again by three",
          "[fleet]") {
  CHECK(of({20'000, 20'000, 20'000, 1}).largest() == milliseconds{20'000});
  const auto two = of({20'000, 20'000, 20'000, 1, 3});
  CHECK(two.largest() == milliseconds{3});
  CHECK_FALSE(two.settled());
  CHECK(of({20'000, 20'000, 20'000, 1, 3, 2}).settled());
}

TEST_CASE("a clock that was set forward is known for it at once", "[fleet]") {
  CHECK(of({1, 2, 3, 3'600'000}).largest() == milliseconds{3'600'000});
}

TEST_CASE("when our own clock is set, every offset is another one and has to settle again",
          "[fleet]") {
  auto offset = of({1, 2, 3});
  offset.our_clock_was_set(milliseconds{47'000});
  CHECK(offset.largest() == milliseconds{-46'997});
  CHECK_FALSE(offset.settled());
  offset.add(milliseconds{-47'000});
  offset.add(milliseconds{-46'998});
  CHECK(offset.settled());
  CHECK(offset.largest() == milliseconds{-46'997});
  offset.our_clock_was_set(milliseconds{-47'000});
  CHECK(offset.largest() == milliseconds{3});
  // The other machine's clock was set with ours.
  offset.add(milliseconds{-46'998});
  offset.add(milliseconds{-46'999});
  CHECK(offset.largest() == milliseconds{-46'998});
  ClockOffset unknown;
  unknown.our_clock_was_set(milliseconds{1'000});
  CHECK_FALSE(unknown.settled());
}

}  // namespace
}  // namespace faultline::fleet
