#include "common/obs/log_limiter.h"

#include "tests/support/catch.h"

namespace faultline::obs {

using std::chrono::seconds;

TEST_CASE("a burst of lines passes, then one per interval tells what was held back", "[obs]") {
  const Instant start{};
  LogLimiter limiter{start, seconds{10}, 2};
  CHECK(limiter.admit(start) == "");
  CHECK(limiter.admit(start) == "");
  CHECK(limiter.admit(start) == std::nullopt);
  CHECK(limiter.admit(start + seconds{9}) == std::nullopt);
  CHECK(limiter.admit(start + seconds{10}) == " (2 more suppressed)");
  CHECK(limiter.admit(start + seconds{20}) == "");
}

}  // namespace faultline::obs
