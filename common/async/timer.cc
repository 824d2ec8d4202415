#include "common/async/timer.h"

namespace faultline::async {

awaitable<void> sleep_for(Duration duration) {
  asio::steady_timer timer{co_await asio::this_coro::executor, duration};
  co_await timer.async_wait(use_awaitable);
}

awaitable<void> sleep_until(Instant deadline) {
  const asio::steady_timer::time_point when{deadline.time_since_epoch()};
  asio::steady_timer timer{co_await asio::this_coro::executor, when};
  co_await timer.async_wait(use_awaitable);
}

awaitable<void> yield() { co_await asio::post(use_awaitable); }

}  // namespace faultline::async
