#include "common/async/bounded_queue.h"

#include <thread>
#include <vector>

#include "tests/support/catch.h"

namespace faultline::async {
namespace {

std::vector<int> drain(BoundedQueue<int>& queue) {
  std::vector<int> values;
  while (const auto value = queue.try_pop()) values.push_back(*value);
  return values;
}

}  // namespace

TEST_CASE("values come out in the order they went in", "[async]") {
  BoundedQueue<int> queue{{.capacity = 3}};
  for (const int value : {1, 2, 3}) CHECK(queue.push(value));
  CHECK(queue.size() == 3);
  CHECK(drain(queue) == std::vector{1, 2, 3});
  CHECK(queue.try_pop() == std::nullopt);
}

TEST_CASE("a full queue that rejects keeps what it has and counts", "[async]") {
  BoundedQueue<int> queue{{.capacity = 2, .policy = OverflowPolicy::kReject}};
  CHECK(queue.push(1));
  CHECK(queue.push(2));
  CHECK_FALSE(queue.push(3));
  CHECK(drain(queue) == std::vector{1, 2});
  CHECK(queue.counters().pushed.value() == 2);
  CHECK(queue.counters().rejected.value() == 1);
  CHECK(queue.counters().shed.value() == 0);
}

TEST_CASE("a full queue that sheds loses the oldest value and counts", "[async]") {
  BoundedQueue<int> queue{{.capacity = 2, .policy = OverflowPolicy::kShedOldest}};
  for (const int value : {1, 2, 3, 4}) CHECK(queue.push(value));
  CHECK(drain(queue) == std::vector{3, 4});
  CHECK(queue.counters().shed.value() == 2);
}

TEST_CASE("the consumer is told once when an empty queue gets a value", "[async]") {
  int told = 0;
  BoundedQueue<int> queue{{.capacity = 2, .on_ready = [&told] { ++told; }}};
  (void)queue.push(1);
  (void)queue.push(2);
  (void)queue.push(3);
  CHECK(told == 1);
  (void)drain(queue);
  (void)queue.push(4);
  CHECK(told == 2);
}

TEST_CASE("a closed queue takes nothing more and gives what it has", "[async]") {
  BoundedQueue<int> queue{{.capacity = 2}};
  CHECK(queue.push(1));
  queue.close();
  CHECK_FALSE(queue.push(2));
  CHECK(queue.pop_wait() == 1);
  CHECK(queue.pop_wait() == std::nullopt);
}

TEST_CASE("a consumer that waits wakes for a value and for the end", "[async]") {
  BoundedQueue<int> queue{{.capacity = 1}};
  std::vector<int> received;
  std::jthread consumer{[&] {
    while (const auto value = queue.pop_wait()) received.push_back(*value);
  }};
  for (int value = 0; value < 100; ++value) {
    while (!queue.push(value)) std::this_thread::yield();
  }
  queue.close();
  consumer.join();
  REQUIRE(received.size() == 100);
  CHECK(received.front() == 0);
  CHECK(received.back() == 99);
}

TEST_CASE("nothing is lost or doubled between several producers and consumers", "[async]") {
  constexpr int kPerProducer = 500;
  BoundedQueue<int> queue{{.capacity = 16}};
  std::vector<std::vector<int>> received(2);
  {
    std::vector<std::jthread> consumers;
    for (auto& mine : received) {
      consumers.emplace_back([&queue, &mine] {
        while (const auto value = queue.pop_wait()) mine.push_back(*value);
      });
    }
    {
      std::vector<std::jthread> producers;
      for (int p = 0; p < 3; ++p) {
        producers.emplace_back([&queue, p] {
          for (int i = 0; i < kPerProducer; ++i) {
            while (!queue.push(p * kPerProducer + i)) std::this_thread::yield();
          }
        });
      }
    }
    queue.close();
  }
  std::vector<int> times(3 * kPerProducer, 0);
  for (const auto& mine : received) {
    for (const int value : mine) ++times[static_cast<std::size_t>(value)];
  }
  CHECK(times == std::vector<int>(3 * kPerProducer, 1));
}

}  // namespace faultline::async
