// Waiting inside a coroutine. Cancelling the task ends the wait with an exception, as with all of
// Asio.
#pragma once

#include "common/async/asio.h"
#include "common/base/time.h"

namespace faultline::async {

[[nodiscard]] awaitable<void> sleep_for(Duration duration);
// `deadline` is on clock.h's now_instant(); returns at once where it has passed.
[[nodiscard]] awaitable<void> sleep_until(Instant deadline);
// Lets everything else that is ready on the loop, timers included, go first.
[[nodiscard]] awaitable<void> yield();

}  // namespace faultline::async
