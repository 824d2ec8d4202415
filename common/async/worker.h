// Worker: one named thread that runs jobs in order, from a bounded queue.
//
// It exists for everything that may block (fsync, RocksDB reads, child processes, compression), so
// that no loop ever does. An exception that leaves a job is a bug: it is logged and aborts.
// Thread safety: post() may be called on any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "common/async/bounded_queue.h"

namespace faultline::async {

struct WorkerOptions {
  std::string name;  // of the thread; at most 15 characters
  std::size_t jobs_max = 1024;
};

class Worker {
 public:
  using Job = std::function<void()>;

  explicit Worker(WorkerOptions options);
  // Runs what is queued, then joins. What the jobs touch must outlive it.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // False where the queue is full or the worker is stopping: the job will not run.
  [[nodiscard]] bool post(Job job);
  // Refuses further jobs, runs what is queued, joins. Called again it does nothing.
  void stop();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::size_t queued() const { return jobs_.size(); }
  [[nodiscard]] const QueueCounters& counters() const { return jobs_.counters(); }
  // Jobs run to their end. Fewer than counters().pushed: one runs or waits.
  [[nodiscard]] std::uint64_t finished() const { return finished_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool has_work() const { return finished() < counters().pushed.value(); }

 private:
  void run();

  const std::string name_;
  BoundedQueue<Job> jobs_;
  std::atomic<std::uint64_t> finished_{0};
  std::thread thread_;
};

}  // namespace faultline::async
