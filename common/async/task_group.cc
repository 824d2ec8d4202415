#include "common/async/task_group.h"

#include <exception>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/obs/log.h"

namespace faultline::async {
namespace {

// Empty where the task ended in an orderly way: by itself, or because it was cancelled.
std::optional<std::string> failure_of(const std::exception_ptr& exception, bool stopping) {
  if (!exception) return std::nullopt;
  try {
    std::rethrow_exception(exception);
  } catch (const boost::system::system_error& error) {
    if (stopping && error.code() == asio::error::operation_aborted) return std::nullopt;
    return error.what();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

}  // namespace

TaskGroup::TaskGroup(asio::io_context& loop, FailureHandler on_failure)
    : loop_(loop),
      on_failure_(std::move(on_failure)),
      idle_(loop, asio::steady_timer::time_point::max()) {}

TaskGroup::~TaskGroup() {
  FAULTLINE_CHECK(tasks_.empty(), "tasks are joined before their group is destroyed");
}

void TaskGroup::spawn(std::string name, awaitable<void> task) {
  if (stopping_) return;
  counters_.spawned.add();
  tasks_.emplace_back().name = std::move(name);
  const auto entry = std::prev(tasks_.end());
  auto on_end = [this, entry](const std::exception_ptr& exception) { finish(entry, exception); };
  asio::co_spawn(loop_, std::move(task),
                 asio::bind_cancellation_slot(entry->cancel.slot(), std::move(on_end)));
}

void TaskGroup::finish(std::list<Task>::iterator task, const std::exception_ptr& exception) {
  const auto failure = failure_of(exception, stopping_);
  const std::string name = std::move(task->name);
  tasks_.erase(task);
  if (failure) {
    counters_.failed.add();
    obs::log_error("task", "{} failed: {}", name, *failure);
    on_failure_(name, *failure);
  }
  if (tasks_.empty()) idle_.cancel();
}

void TaskGroup::stop() {
  if (std::exchange(stopping_, true)) return;
  // Cancelling may end tasks at once, so every next one is found before its predecessor is told.
  for (auto task = tasks_.begin(); task != tasks_.end();) {
    const auto current = task++;
    current->cancel.emit(asio::cancellation_type::terminal);
  }
}

awaitable<void> TaskGroup::join() {
  while (!tasks_.empty()) {
    error_code ignored;
    co_await idle_.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
}

}  // namespace faultline::async
