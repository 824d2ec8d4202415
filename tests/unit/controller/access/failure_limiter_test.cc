#include "controller/access/failure_limiter.h"

#include <fmt/format.h>

#include "tests/support/catch.h"

namespace faultline::access {
namespace {

const Instant kStart{std::chrono::hours{1}};

int admitted(FailureLimiter& limiter, const std::string& address, Instant now, int attempts) {
  int count = 0;
  for (int i = 0; i < attempts; ++i) count += limiter.admit(address, now) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("an address has ten failures at once, then one every six seconds", "[access]") {
  FailureLimiter limiter(kStart);
  CHECK(admitted(limiter, "192.0.2.1", kStart, 100) == 10);
  CHECK(admitted(limiter, "192.0.2.1", kStart + kFailureInterval, 100) == 1);
}

TEST_CASE("what one address does is not another's fault", "[access]") {
  FailureLimiter limiter(kStart);
  CHECK(admitted(limiter, "192.0.2.1", kStart, 100) == 10);
  CHECK(admitted(limiter, "192.0.2.2", kStart, 5) == 5);
}

TEST_CASE("addresses beyond the limit share one budget until others were quiet", "[access]") {
  FailureLimiter limiter(kStart);
  for (std::size_t i = 0; i < kFailurePeersMax; ++i) {
    CHECK(limiter.admit(fmt::format("peer {}", i), kStart));
  }
  int others = 0;
  for (int i = 0; i < 100; ++i) others += limiter.admit(fmt::format("late {}", i), kStart) ? 1 : 0;
  CHECK(others == 10);
  CHECK(admitted(limiter, "later", kStart + kFailurePeerForgotten, 100) == 10);
}

}  // namespace faultline::access
