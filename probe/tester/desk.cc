#include "probe/tester/desk.h"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/async/clock.h"
#include "common/ondemand/order_json.h"
#include "probe/tester/run.h"

namespace faultline::tester {
namespace {

TestProgress refusal(std::uint64_t test, std::string why) {
  if (why.size() > kTestTextMax) why.resize(kTestTextMax);
  return {.test = test, .state = TestState::kRefused, .text = std::move(why)};
}

}  // namespace

Desk::Desk(NewsHandler on_news)
    : on_news_(std::move(on_news)), thread_([this](const std::stop_token& stop) { work(stop); }) {}

Desk::~Desk() = default;

bool Desk::order(TestRequest request) {
  const std::lock_guard lock(mutex_);
  if (request.order == ondemand::kEndOrder) {
    end(request.test);
    return true;
  }
  if (waiting_.size() >= kOrdersWaitingMax) return false;
  const auto ends_at = async::now_instant() + request.lease;
  waiting_.push_back({.request = std::move(request), .ends_at = ends_at});
  wake_.notify_one();
  return true;
}

void Desk::end(std::uint64_t test) {
  std::erase_if(waiting_, [&](const Waiting& each) { return each.request.test == test; });
  if (under_way_ == test) end_.request_stop();
}

void Desk::work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Waiting next;
    // The test hears of the end of its lease, of an order to end it, and of the process's end, by
    // one token.
    std::stop_source end;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
      under_way_ = next.request.test;
      end_ = end;
    }
    const std::stop_callback stopped(stop, [&end] { end.request_stop(); });
    carry_out(next, end);
    const std::lock_guard lock(mutex_);
    under_way_ = 0;
  }
}

void Desk::carry_out(const Waiting& waiting, std::stop_source& end) {
  const auto test = waiting.request.test;
  if (async::now_instant() >= waiting.ends_at) {
    return on_news_(refusal(test, "other tests took so long that this one's time is over"));
  }
  const auto order = ondemand::order_from_json(waiting.request.order);
  if (!order) return on_news_(refusal(test, order.error().context));
  const auto report = run_test(
      *order, {.stop = end.get_token(), .progress = [&](std::string_view line) {
                 if (async::now_instant() >= waiting.ends_at) end.request_stop();
                 on_news_({.test = test, .text = std::string(line.substr(0, kTestTextMax))});
               }});
  if (!report) return on_news_(refusal(test, report.error().context));
  auto text = report->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > kTestReportBytesMax) {
    return on_news_(
        refusal(test, "the report is too long to send; ask for fewer packets or flows"));
  }
  on_news_({.test = test, .state = TestState::kDone, .report = std::move(text)});
}

}  // namespace faultline::tester
