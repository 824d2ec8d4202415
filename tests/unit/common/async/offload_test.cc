#include "common/async/offload.h"

#include <latch>
#include <memory>
#include <string>
#include <thread>

#include "common/async/task_group.h"
#include "common/async/timer.h"
#include "tests/support/catch.h"

namespace faultline::async {
namespace {

// A function object with state whose copies are counted by shared_ptr: a double destruction of it
// (the compiler's bug that offload.h warns of) shows as a wrong count, and in AddressSanitizer.
struct Answer {
  std::shared_ptr<int> value;
  std::thread::id* ran_on;

  Result<int> operator()() const {
    *ran_on = std::this_thread::get_id();
    return *value;
  }
};

awaitable<void> ask(Worker& worker, Answer answer, Result<int>& result,
                    std::thread::id& resumed_on) {
  result = co_await offload(worker, std::move(answer));
  resumed_on = std::this_thread::get_id();
}

struct Blocked {
  std::latch& release;

  Status operator()() const {
    release.wait();
    return {};
  }
};

awaitable<void> ask_status(Worker& worker, Blocked job, Status& status) {
  status = co_await offload(worker, std::move(job));
}

void abort_test(std::string_view name, std::string_view what) {
  FAIL(std::string{name} + ": " + std::string{what});
}

}  // namespace

TEST_CASE("an offloaded function runs on the worker, its caller resumes on the loop", "[async]") {
  asio::io_context loop;
  Worker worker{{.name = "worker"}};
  TaskGroup tasks{loop, abort_test};
  std::thread::id ran_on;
  std::thread::id resumed_on;
  const auto value = std::make_shared<int>(42);
  Result<int> result = fail(ErrorCode::kInternal, "never asked");
  tasks.spawn("ask", ask(worker, Answer{value, &ran_on}, result, resumed_on));
  loop.run();
  CHECK(result == 42);
  CHECK(resumed_on == std::this_thread::get_id());
  CHECK(ran_on != std::this_thread::get_id());
  worker.stop();
  CHECK(value.use_count() == 1);
}

TEST_CASE("a worker whose queue is full says so instead of waiting", "[async]") {
  asio::io_context loop;
  std::latch release{1};
  std::latch started{1};
  Worker worker{{.name = "busy", .jobs_max = 1}};
  REQUIRE(worker.post([&] {
    started.count_down();
    release.wait();
  }));
  started.wait();
  REQUIRE(worker.post([] {}));
  TaskGroup tasks{loop, abort_test};
  Status status;
  tasks.spawn("ask", ask_status(worker, Blocked{release}, status));
  loop.run();
  release.count_down();
  REQUIRE_FALSE(status);
  CHECK(status.error() == Error{ErrorCode::kLimit, "too much is queued for the busy thread"});
  CHECK(worker.counters().rejected.value() == 1);
}

TEST_CASE("a cancelled wait ends before the function does, which still ends well", "[async]") {
  asio::io_context loop;
  std::latch release{1};
  Worker worker{{.name = "slow"}};
  TaskGroup tasks{loop, abort_test};
  Status status;
  tasks.spawn("ask", ask_status(worker, Blocked{release}, status));
  loop.poll();
  CHECK(tasks.running() == 1);
  tasks.stop();
  loop.poll();
  CHECK(tasks.running() == 0);
  release.count_down();
  worker.stop();
  loop.restart();
  loop.run();
}

TEST_CASE("a stopped worker runs what was queued and refuses more", "[async]") {
  int ran = 0;
  Worker worker{{.name = "worker"}};
  for (int i = 0; i < 10; ++i) {
    REQUIRE(worker.post([&ran] { ++ran; }));
  }
  worker.stop();
  CHECK(ran == 10);
  CHECK_FALSE(worker.post([&ran] { ++ran; }));
  worker.stop();
  CHECK(ran == 10);
}

}  // namespace faultline::async
