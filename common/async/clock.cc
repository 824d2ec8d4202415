#include "common/async/clock.h"

#include <time.h>

#include <chrono>

namespace faultline::async {

Instant now_instant() {
  return Instant{
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

WallTime now_wall() {
  return WallTime{
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch())};
}

Duration suspended() {
  const auto look = [](clockid_t clock) {
    timespec time{};
    static_cast<void>(::clock_gettime(clock, &time));  // both are there since Linux 2.6.39
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
  };
  const auto monotonic = look(CLOCK_MONOTONIC);
  return std::chrono::duration_cast<Duration>(look(CLOCK_BOOTTIME) - monotonic);
}

}  // namespace faultline::async
