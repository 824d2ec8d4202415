// The program's clocks. It does not link common/async, whose threads and coroutines it has no use
// for.
#pragma once

#include "common/base/time.h"

namespace faultline::cli {

[[nodiscard]] Instant now_instant();
[[nodiscard]] WallTime now_wall();

}  // namespace faultline::cli
