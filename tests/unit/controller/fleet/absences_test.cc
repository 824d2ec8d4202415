#include "controller/fleet/absences.h"

#include "common/base/random.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/fleet/builders.h"

namespace faultline::fleet {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kWindow = seconds{10};

WallTime time(double second) { return at(second).wall; }

// Whether the window that begins at `second` is left out.
bool excused(const Absences& absences, double second) {
  return is_excused(absences, time(second), kWindow, minutes{5});
}

TEST_CASE("an absence covers every window it touches, and the first full one after it counts",
          "[fleet][absence]") {
  Absences absences;
  REQUIRE(begin_absence(absences, {.from = time(105)}));
  REQUIRE(end_absence(absences, time(123)));
  CHECK_FALSE(excused(absences, 90));
  CHECK(excused(absences, 100));  // it left in the middle
  CHECK(excused(absences, 110));
  CHECK(excused(absences, 120));  // it was back in the middle
  CHECK_FALSE(excused(absences, 130));
}

TEST_CASE(
    "a goodbye just after a window's end covers that window too, a return just before one "
    "the next: clocks differ and sessions need a moment",
    "[fleet][absence]") {
  const Absences absences{{.from = time(100.2), .until = time(119.5) + kReturnSettles}};
  CHECK(excused(absences, 90));
  CHECK_FALSE(excused(absences, 80));
  CHECK(excused(absences, 120));
  CHECK_FALSE(excused(absences, 130));
}

TEST_CASE("an absence without end is excused for its bound, no longer", "[fleet][absence]") {
  Absences absences;
  REQUIRE(begin_absence(absences, {.from = time(100)}));
  CHECK(is_away(absences));
  CHECK(excused(absences, 100));
  CHECK(excused(absences, 390));
  CHECK_FALSE(excused(absences, 400));
  // Coming back later does not stretch it.
  REQUIRE(end_absence(absences, time(1000)));
  CHECK_FALSE(excused(absences, 400));
  CHECK_FALSE(excused(absences, 1000));
}

TEST_CASE("an absence ends once", "[fleet][absence]") {
  Absences absences;
  CHECK_FALSE(end_absence(absences, time(1)));
  REQUIRE(begin_absence(absences, {.from = time(2)}));
  CHECK(end_absence(absences, time(3)));
  CHECK_FALSE(end_absence(absences, time(4)));
  CHECK(absences == Absences{{.from = time(2), .until = time(3) + kReturnSettles}});
}

TEST_CASE("a node is excused so many times an hour, and again an hour later", "[fleet][absence]") {
  Absences absences;
  for (std::size_t i = 0; i < kAbsencesPerHourMax; ++i) {
    const auto second = static_cast<double>(60 * i);
    REQUIRE(begin_absence(absences, {.from = time(second)}));
    end_absence(absences, time(second + 5));
  }
  CHECK_FALSE(begin_absence(absences, {.from = time(1000)}));
  CHECK_FALSE(excused(absences, 1000));
  CHECK(begin_absence(absences, {.from = time(3600)}));
  CHECK_FALSE(begin_absence(absences, {.from = time(3601)}));
}

TEST_CASE("whatever is said, an hour excuses at most so many bounds, and memory stays small",
          "[fleet][absence][property]") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Absences absences;
    std::vector<WallTime> excused_windows;
    double now = 0;
    for (double window = 0; window < 4 * 3600; window += 10) {
      while (now < window + 10) {
        if (uniform_below(rng, 2) == 0) {
          static_cast<void>(begin_absence(absences, {.from = time(now)}));
        } else {
          end_absence(absences, time(now));
        }
        CHECK(absences.size() <= kAbsencesKeptMax);
        now += 0.5 + static_cast<double>(uniform_below(rng, 40'000)) / 1000;
      }
      if (excused(absences, window)) excused_windows.push_back(time(window));
    }
    // Each absence touches at most its bound and the windows at its two ends.
    const auto per_hour_max = kAbsencesPerHourMax * (minutes{5} / kWindow + 2);
    std::size_t first = 0;
    for (std::size_t last = 0; last < excused_windows.size(); ++last) {
      while (excused_windows[last] - excused_windows[first] > std::chrono::minutes{55}) ++first;
      REQUIRE(last - first + 1 <= per_hour_max);
    }
  }
}

}  // namespace
}  // namespace faultline::fleet
