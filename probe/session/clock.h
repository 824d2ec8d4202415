// Now: both clocks, read together by the shell. Monotonic time orders and times out; wall time
// names windows and stamps packets.
#pragma once

#include "common/base/time.h"

namespace faultline::session {

struct Now {
  Instant instant{};
  WallTime wall{};
};

}  // namespace faultline::session
