// offload(): runs a function on a worker and resumes the coroutine on its own loop with the result.
//
//   const Result<Key> key = co_await offload(worker, [path] { return load_or_create(path); });
//
// is the wrong way to write it with GCC 12 (a capturing lambda inside a co_await expression is
// destroyed twice). Name the function object first:
//
//   auto load = [path] { return load_or_create(path); };
//   auto key = co_await offload(worker, std::move(load));
//
// The function must return a Result<T> (or Status). A full or stopping worker yields kLimit, a
// cancelled wait kUnavailable: the function still runs then, and its result is dropped.
// Thread safety: called on the loop's thread. The worker is stopped before the loop is destroyed,
// and must not be stopped on the loop's thread while its coroutines still wait for it.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "common/async/asio.h"
#include "common/async/worker.h"
#include "common/base/result.h"

namespace faultline::async {

template <typename Function>
[[nodiscard]] awaitable<std::invoke_result_t<Function&>> offload(Worker& worker,
                                                                 Function function) {
  using Outcome = std::invoke_result_t<Function&>;
  // Owned by whoever finishes last: this coroutine, or the loop's handler for the result.
  struct State {
    explicit State(asio::any_io_executor executor)
        : done(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer done;  // never expires; cancelled when there is an outcome
    std::optional<Outcome> outcome;
  };
  const auto executor = co_await asio::this_coro::executor;
  auto state = std::make_shared<State>(executor);
  auto deliver = [state](Outcome outcome) {
    state->outcome.emplace(std::move(outcome));
    state->done.cancel();
  };
  auto job = [executor, deliver = std::move(deliver), function = std::move(function)]() mutable {
    asio::post(executor,
               [deliver, outcome = function()]() mutable { deliver(std::move(outcome)); });
  };
  if (!worker.post(std::move(job))) {
    co_return fail(ErrorCode::kLimit,
                   fmt::format("too much is queued for the {} thread", worker.name()));
  }
  error_code ignored;
  co_await state->done.async_wait(asio::redirect_error(use_awaitable, ignored));
  if (!state->outcome) {
    co_return fail(ErrorCode::kUnavailable,
                   fmt::format("stopped while the {} thread was at work", worker.name()));
  }
  co_return *std::move(state->outcome);
}

}  // namespace faultline::async
