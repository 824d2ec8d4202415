#include "common/async/worker.h"

#include <exception>

#include "common/async/thread_name.h"
#include "common/base/check.h"

namespace faultline::async {

Worker::Worker(WorkerOptions options)
    : name_(std::move(options.name)),
      jobs_({.capacity = options.jobs_max, .policy = OverflowPolicy::kReject, .on_ready = {}}),
      thread_([this] { run(); }) {}

Worker::~Worker() { stop(); }

bool Worker::post(Job job) { return jobs_.push(std::move(job)); }

void Worker::stop() {
  jobs_.close();
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  set_thread_name(name_);
  while (auto job = jobs_.pop_wait()) {
    try {
      (*job)();
    } catch (const std::exception& exception) {
      FAULTLINE_CHECK(false, exception.what());
    }
    finished_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace faultline::async
