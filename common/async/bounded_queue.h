// BoundedQueue<T>: values handed from any number of threads to one or more consumers, with a limit.
//
// It exists because every queue between threads needs the same three answers: how long it may get,
// what happens at the limit, and how often that happened.
// Thread safety: every member may be called on any thread. `on_ready` and the destructors of shed
// values run on the thread that pushes, without the lock.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/obs/metrics.h"

namespace faultline::async {

enum class OverflowPolicy : std::uint8_t {
  kReject,     // push() returns false and the value is gone: the producer knows and may slow down
  kShedOldest  // the oldest value makes room: the newest matters most
};

// Trouble: `rejected` or `shed` grow, the consumer does not keep up.
struct QueueCounters {
  obs::Counter pushed;
  obs::Counter rejected;
  obs::Counter shed;
};

struct QueueOptions {
  std::size_t capacity = 0;
  OverflowPolicy policy = OverflowPolicy::kReject;
  // Called after a push made an empty queue non-empty; typically posts "drain the queue" to a loop.
  // The consumer must then pop until there is nothing left.
  std::function<void()> on_ready = {};
};

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(QueueOptions options) : options_(std::move(options)) {
    FAULTLINE_CHECK(options_.capacity > 0, "a queue needs a capacity");
  }
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // False: the queue is closed, or full under kReject. The value is dropped then.
  bool push(T value) {
    std::optional<T> oldest;
    bool was_empty = false;
    {
      const std::lock_guard lock{mutex_};
      if (closed_ || (full() && options_.policy == OverflowPolicy::kReject)) {
        counters_.rejected.add();
        return false;
      }
      if (full()) {
        oldest.emplace(take_front());
        counters_.shed.add();
      }
      was_empty = values_.empty();
      values_.push_back(std::move(value));
      counters_.pushed.add();
    }
    readable_.notify_one();
    if (was_empty && options_.on_ready) options_.on_ready();
    return true;
  }

  [[nodiscard]] std::optional<T> try_pop() {
    const std::lock_guard lock{mutex_};
    if (values_.empty()) return std::nullopt;
    return take_front();
  }

  // Blocks until there is a value; empty once the queue is closed and drained.
  [[nodiscard]] std::optional<T> pop_wait() {
    std::unique_lock lock{mutex_};
    readable_.wait(lock, [this] { return closed_ || !values_.empty(); });
    if (values_.empty()) return std::nullopt;
    return take_front();
  }

  // No more pushes; what is queued can still be popped.
  void close() {
    {
      const std::lock_guard lock{mutex_};
      closed_ = true;
    }
    readable_.notify_all();
  }

  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock{mutex_};
    return values_.size();
  }
  [[nodiscard]] std::size_t capacity() const { return options_.capacity; }
  [[nodiscard]] const QueueCounters& counters() const { return counters_; }

 private:
  [[nodiscard]] bool full() const { return values_.size() >= options_.capacity; }
  [[nodiscard]] T take_front() {
    T front = std::move(values_.front());
    values_.pop_front();
    return front;
  }

  const QueueOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable readable_;
  std::deque<T> values_;
  bool closed_ = false;
  QueueCounters counters_;
};

}  // namespace faultline::async
