#include "common/stats/token_bucket.h"

#include "tests/support/catch.h"

namespace faultline::stats {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

int take_all(TokenBucket& bucket, Instant now) {
  int taken = 0;
  while (bucket.take(now)) ++taken;
  return taken;
}

TEST_CASE("a token bucket starts full and refills at its rate up to its burst", "[stats]") {
  const Instant start{seconds{5}};
  TokenBucket bucket(10, 4, start);
  CHECK(take_all(bucket, start) == 4);
  CHECK(take_all(bucket, start + milliseconds{99}) == 0);
  CHECK(take_all(bucket, start + milliseconds{201}) == 2);
  CHECK(take_all(bucket, start + seconds{100}) == 4);
}

TEST_CASE("a token bucket with a new rate has no more tokens than it had", "[stats]") {
  const Instant start{seconds{5}};
  TokenBucket bucket(10, 4, start);
  REQUIRE(bucket.take(start, 3));
  bucket.set_rate(100, 20, start);
  CHECK(take_all(bucket, start) == 1);
  CHECK(take_all(bucket, start + seconds{1}) == 20);
  bucket.set_rate(100, 2, start + seconds{2});
  CHECK(take_all(bucket, start + seconds{2}) == 2);
}

TEST_CASE("over a long time a token bucket never exceeds rate and burst", "[stats]") {
  const Instant start{};
  TokenBucket bucket(100, 5, start);
  int taken = 0;
  for (int i = 0; i <= 100'000; ++i) taken += take_all(bucket, start + i * milliseconds{1} / 10);
  CHECK(taken >= 1000);
  CHECK(taken <= 1000 + 5);
}

TEST_CASE("a token is there at the time that next() names, and not before", "[stats]") {
  const Instant start{};
  TokenBucket bucket(3, 1, start);
  CHECK(bucket.next(start) == start);
  REQUIRE(bucket.take(start));
  const auto next = bucket.next(start);
  CHECK_FALSE(bucket.take(next - milliseconds{1}));
  CHECK(bucket.take(next));
}

TEST_CASE("a clock that stands still or steps back adds no tokens", "[stats]") {
  const Instant start{seconds{5}};
  TokenBucket bucket(10, 1, start);
  REQUIRE(bucket.take(start));
  CHECK_FALSE(bucket.take(start));
  CHECK_FALSE(bucket.take(start - seconds{1}));
  CHECK_FALSE(bucket.take(start + milliseconds{50}));
}

}  // namespace
}  // namespace faultline::stats
