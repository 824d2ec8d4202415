#include "controller/cli/clock.h"

#include <chrono>

namespace faultline::cli {

Instant now_instant() { return Instant{std::chrono::steady_clock::now().time_since_epoch()}; }

WallTime now_wall() { return WallTime{std::chrono::system_clock::now().time_since_epoch()}; }

}  // namespace faultline::cli
