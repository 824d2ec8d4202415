// Desk: carries out ordered tests on a thread of its own, one after another.
//
// Why it exists: a test blocks its thread for seconds, and neither the engine nor the loop may wait
// for it. Bounded: kOrdersWaitingMax orders wait, more are refused; an order whose lease has run
// out while it waited is refused, and one that is under way then is stopped. ondemand::kEndOrder
// ends the test of its number, waiting or under way; of one that never was nothing happens.
//
// Thread safety: order() from any one thread; `on_news` is called on the desk's own. The destructor
// stops the test that is under way and waits for it, at most about 100 ms.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "common/base/time.h"
#include "common/model/test.h"

namespace faultline::tester {

// A controller gives a node two tests of operators and two questions about others at most, and ends
// a standing one for them: of five, one is under way.
inline constexpr std::size_t kOrdersWaitingMax = 4;

class Desk {
 public:
  using NewsHandler = std::function<void(TestProgress)>;

  explicit Desk(NewsHandler on_news);
  ~Desk();
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // False when too many wait: nothing was taken, and nothing will be said of it.
  [[nodiscard]] bool order(TestRequest request);

 private:
  struct Waiting {
    TestRequest request;
    Instant ends_at{};
  };
  void work(const std::stop_token& stop);
  void carry_out(const Waiting& waiting, std::stop_source& end);
  void end(std::uint64_t test);  // mutex_ is held

  NewsHandler on_news_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Waiting> waiting_;
  std::uint64_t under_way_ = 0;  // its number; 0: none is
  std::stop_source end_{};       // of that one
  std::jthread thread_;          // the last member: it uses the others
};

}  // namespace faultline::tester
