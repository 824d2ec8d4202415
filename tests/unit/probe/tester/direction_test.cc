// Which way pings were lost, as a reflector's own count tells.
#include <set>

#include "probe/ping/direction.h"
#include "tests/support/catch.h"

namespace faultline::ping {
namespace {

using Numbers = std::set<std::uint32_t>;

// Twenty pings, of which some do not arrive and others' replies do not. The reflector's count has
// `begun` at the first; a stateless one (empty) copies.
std::optional<session::Loss> loss_of(const Numbers& forward, const Numbers& returning,
                                     std::optional<std::uint32_t> begun) {
  constexpr std::uint32_t kCount = 20;
  const Instant start{std::chrono::hours{1}};
  Series series({.count = kCount});
  Directions directions(kCount);
  std::uint32_t arrived = 0;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    series.sent(start);
    if (forward.contains(i)) continue;
    const Answer answer{.sequence = i, .reflector_sequence = begun ? *begun + arrived : i};
    ++arrived;
    if (returning.contains(i)) continue;
    directions.heard(answer);
    series.answer(answer, start);
  }
  (void)series.expire(start + std::chrono::seconds{2});
  return directions.loss(series);
}

}  // namespace

TEST_CASE("a reflector that counts tells which way a ping was lost", "[ping]") {
  CHECK(loss_of({5, 9}, {}, 1000) == session::Loss{.forward = 2});
  CHECK(loss_of({}, {5, 9}, 1000) == session::Loss{.returning = 2});
  CHECK(loss_of({5}, {9, 10}, 1000) == session::Loss{.forward = 1, .returning = 2});
  CHECK(loss_of({}, {}, 1000) == session::Loss{});
}

TEST_CASE("pings lost before the first answer or after the last have no direction", "[ping]") {
  CHECK(loss_of({0, 1}, {19}, 1000) == session::Loss{.undetermined = 3});
}

TEST_CASE("a reflector that may not count gives no direction", "[ping]") {
  CHECK(loss_of({5, 9}, {}, std::nullopt) == std::nullopt);
  CHECK(loss_of({}, {5, 9}, std::nullopt) == std::nullopt);
  // It counts from zero, so its numbers are the sender's as long as all arrive.
  CHECK(loss_of({}, {5, 9}, 0) == std::nullopt);
  Series series({.count = 1});
  CHECK(Directions(1).loss(series) == std::nullopt);
}

TEST_CASE("a reflector that may have been restarted in between gives no direction", "[ping]") {
  CHECK(loss_of({5}, {}, 0) == session::Loss{.undetermined = 1});
}

TEST_CASE("what no ping was sent for is not counted", "[ping]") {
  Directions directions(2);
  directions.heard({.sequence = 7, .reflector_sequence = 3});
  directions.heard({.sequence = 1});
  CHECK(directions.loss(Series({.count = 2})) == std::nullopt);
}

// A target that answers pings ahead of their turn made the count be believed with nothing to count
// from, and the probe stopped.
TEST_CASE("an answer to a ping that was not sent yet gives no direction", "[ping]") {
  const Instant start{std::chrono::hours{1}};
  Series series({.count = 3});
  Directions directions(3);
  series.sent(start);
  directions.heard({.sequence = 2, .reflector_sequence = 7});
  (void)series.expire(start + std::chrono::seconds{2});
  CHECK(directions.loss(series) == std::nullopt);
}

}  // namespace faultline::ping
