// TaskGroup: the coroutines of one loop, started by name and stopped together.
//
// It exists because a coroutine that dies of an exception must never do so in silence: the failure
// is logged, counted, and handed to `on_failure`, which stops the process. Stopping cancels every
// task (each pending wait ends with operation_aborted) and join() waits until all have unwound, so
// what they refer to can be destroyed after it. Thread safety: none; every member is called on the
// loop's thread, or while the loop does not run. Lifetime: the group outlives the run of its loop,
// and its tasks must be joined before it dies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "common/async/asio.h"
#include "common/obs/metrics.h"

namespace faultline::async {

struct TaskCounters {
  obs::Counter spawned;
  obs::Counter failed;  // above zero the process stops
};

class TaskGroup {
 public:
  // Given the task's name and what it died of.
  using FailureHandler = std::function<void(std::string_view name, std::string_view what)>;

  TaskGroup(asio::io_context& loop, FailureHandler on_failure);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // The task starts with the loop's next step. After stop() it is dropped unstarted.
  void spawn(std::string name, awaitable<void> task);
  // Cancels every task. Called again it does nothing.
  void stop();
  // Ends when no task is left. Not to be awaited by a task of this group.
  [[nodiscard]] awaitable<void> join();

  [[nodiscard]] std::size_t running() const { return tasks_.size(); }
  [[nodiscard]] const TaskCounters& counters() const { return counters_; }

 private:
  struct Task {
    std::string name;
    asio::cancellation_signal cancel;
  };

  void finish(std::list<Task>::iterator task, const std::exception_ptr& exception);

  asio::io_context& loop_;
  FailureHandler on_failure_;
  std::list<Task> tasks_;    // a list: a running task refers to its signal
  asio::steady_timer idle_;  // never expires; cancelled when the last task ends
  bool stopping_ = false;
  TaskCounters counters_;
};

}  // namespace faultline::async
