#include "common/service/vigil.h"

#include <array>

#include "tests/support/catch.h"

namespace faultline::service {
namespace {

using std::chrono::seconds;

constexpr Instant kStart{seconds{1'000}};

std::array<Part, 1> writer(std::uint64_t done, bool has_work) {
  return {Part{.name = "writer", .done = done, .has_work = has_work, .patience = seconds{10}}};
}

TEST_CASE("a part that gets on with its work is not stuck, however long it goes on", "[service]") {
  Vigil vigil;
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(vigil.check(kStart + seconds{9 * i}, writer(static_cast<std::uint64_t>(i), true)));
  }
}

TEST_CASE("a part with work that does not move is stuck once its patience is over", "[service]") {
  Vigil vigil;
  CHECK_FALSE(vigil.check(kStart, writer(7, true)));
  CHECK_FALSE(vigil.check(kStart + seconds{9}, writer(7, true)));
  CHECK(vigil.check(kStart + seconds{10}, writer(7, true)) ==
        "the writer thread has not moved for 10s");
  CHECK(vigil.check(kStart + seconds{200}, writer(7, true)) ==
        "the writer thread has not moved for 200s");
  CHECK_FALSE(vigil.check(kStart + seconds{201}, writer(8, true)));
}

TEST_CASE("a part that rests is not stuck, and its patience begins when it has work",
          "[service]") {
  Vigil vigil;
  CHECK_FALSE(vigil.check(kStart, writer(7, false)));
  CHECK_FALSE(vigil.check(kStart + seconds{1'000}, writer(7, false)));
  CHECK_FALSE(vigil.check(kStart + seconds{1'005}, writer(7, true)));
  CHECK_FALSE(vigil.check(kStart + seconds{1'009}, writer(7, true)));
  CHECK(vigil.check(kStart + seconds{1'010}, writer(7, true)));
}

TEST_CASE("a loop that hung and comes back is not held against its threads", "[service]") {
  Vigil vigil;
  CHECK_FALSE(vigil.check(kStart, writer(7, true)));
  // Nobody looked for long; the thread worked meanwhile.
  CHECK_FALSE(vigil.check(kStart + seconds{300}, writer(40, true)));
}

TEST_CASE("of several parts the stuck one is named, and all are watched meanwhile", "[service]") {
  Vigil vigil;
  const auto parts = [](std::uint64_t writer_done, std::uint64_t solver_done) {
    return std::array<Part, 2>{
        Part{.name = "writer", .done = writer_done, .patience = seconds{10}},
        Part{.name = "solver", .done = solver_done, .patience = seconds{30}}};
  };
  CHECK_FALSE(vigil.check(kStart, parts(1, 1)));
  CHECK_FALSE(vigil.check(kStart + seconds{20}, parts(2, 1)));
  CHECK(vigil.check(kStart + seconds{30}, parts(3, 1)) ==
        "the solver thread has not moved for 30s");
  CHECK(vigil.check(kStart + seconds{40}, parts(3, 1)) ==
        "the writer thread has not moved for 10s");
  CHECK_FALSE(vigil.check(kStart + seconds{41}, parts(4, 2)));
}

}  // namespace
}  // namespace faultline::service
