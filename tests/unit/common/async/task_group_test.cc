#include "common/async/task_group.h"

#include <memory>
#include <stdexcept>
#include <vector>

#include "common/async/clock.h"
#include "common/async/timer.h"
#include "tests/support/catch.h"

namespace faultline::async {
namespace {

using Words = std::vector<std::string>;
constexpr Duration kForever = std::chrono::hours{24};

awaitable<void> say(Words& words, std::string word) {
  words.push_back(std::move(word));
  co_return;
}

awaitable<void> fail_after_a_step() {
  co_await yield();
  throw std::runtime_error{"out of luck"};
}

awaitable<void> throw_a_number() {
  co_await yield();
  throw 7;
}

// `alive` is held by the coroutine's frame: its count tells whether the frame is gone.
awaitable<void> wait_forever(std::shared_ptr<int> alive) {
  co_await sleep_for(kForever);
  *alive = -1;
}

awaitable<void> stop_and_join(TaskGroup& group, bool& joined) {
  co_await yield();
  group.stop();
  co_await group.join();
  joined = true;
}

void ignore(const std::exception_ptr&) {}

struct Failures {
  Words seen;

  [[nodiscard]] TaskGroup::FailureHandler handler() {
    return [this](std::string_view name, std::string_view what) {
      seen.push_back(std::string{name} + ": " + std::string{what});
    };
  }
};

}  // namespace

TEST_CASE("tasks run on the loop and are forgotten when they end", "[async]") {
  asio::io_context loop;
  Failures failures;
  Words words;
  TaskGroup group{loop, failures.handler()};
  group.spawn("first", say(words, "a"));
  group.spawn("second", say(words, "b"));
  CHECK(words.empty());
  CHECK(group.running() == 2);
  loop.run();
  CHECK(words == Words{"a", "b"});
  CHECK(group.running() == 0);
  CHECK(failures.seen.empty());
  CHECK(group.counters().spawned.value() == 2);
}

TEST_CASE("a task that throws is counted and told by name, whatever it throws", "[async]") {
  asio::io_context loop;
  Failures failures;
  TaskGroup group{loop, failures.handler()};
  group.spawn("uplink", fail_after_a_step());
  group.spawn("mesh", throw_a_number());
  loop.run();
  CHECK(failures.seen == Words{"uplink: out of luck", "mesh: an exception of unknown type"});
  CHECK(group.counters().failed.value() == 2);
}

TEST_CASE("stopping cancels every task, and join ends when their frames are gone", "[async]") {
  asio::io_context loop;
  Failures failures;
  const auto alive = std::make_shared<int>(0);
  bool joined = false;
  TaskGroup group{loop, failures.handler()};
  for (int i = 0; i < 10; ++i) group.spawn("waiter", wait_forever(alive));
  asio::co_spawn(loop, stop_and_join(group, joined), ignore);
  loop.run();
  CHECK(joined);
  CHECK(alive.use_count() == 1);
  CHECK(*alive == 0);
  CHECK(failures.seen.empty());
}

TEST_CASE("a task that is cancelled before it began does not begin", "[async]") {
  asio::io_context loop;
  Failures failures;
  Words words;
  TaskGroup group{loop, failures.handler()};
  group.spawn("early", wait_forever(std::make_shared<int>(0)));
  group.stop();
  group.spawn("late", say(words, "never"));
  loop.run();
  CHECK(words.empty());
  CHECK(group.running() == 0);
  CHECK(group.counters().spawned.value() == 1);
}

TEST_CASE("joining an empty group ends at once", "[async]") {
  asio::io_context loop;
  Failures failures;
  bool joined = false;
  TaskGroup group{loop, failures.handler()};
  asio::co_spawn(loop, stop_and_join(group, joined), ignore);
  loop.run();
  CHECK(joined);
}

TEST_CASE("a deadline that has passed does not wait", "[async]") {
  asio::io_context loop;
  Failures failures;
  TaskGroup group{loop, failures.handler()};
  group.spawn("past", sleep_until(now_instant() - kForever));
  loop.run();
  CHECK(group.running() == 0);
}

TEST_CASE("instants do not go back, and wall time is of this century", "[async]") {
  const Instant first = now_instant();
  CHECK(now_instant() >= first);
  CHECK(unix_seconds(now_wall()) > 1'700'000'000);
}

}  // namespace faultline::async
