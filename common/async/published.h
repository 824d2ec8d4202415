// Published<T>: the newest version of an immutable value, written by one thread and read by many.
//
// It exists to hand snapshots (trust table, plan, configuration) to other threads without sharing
// mutable state. A mutex and not std::atomic<shared_ptr>: GCC 12's trips ThreadSanitizer, and the
// lock is held for one pointer copy.
// Thread safety: every member may be called on any thread.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace faultline::async {

template <typename T>
class Published {
 public:
  // Readers find a default-made T until the first publish().
  Published() : Published(T{}) {}
  explicit Published(T first) : current_(std::make_shared<const T>(std::move(first))) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  void publish(T next) {
    auto fresh = std::make_shared<const T>(std::move(next));  // outlives the lock: the old value
    const std::lock_guard lock{mutex_};                       // is destroyed without holding it
    current_.swap(fresh);
  }

  // Never null; the snapshot stays as it is for as long as the caller keeps it.
  [[nodiscard]] std::shared_ptr<const T> snapshot() const {
    const std::lock_guard lock{mutex_};
    return current_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
};

}  // namespace faultline::async
