#include "controller/core/test_orders.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/ondemand/order_json.h"

namespace faultline::core {
namespace {

bool is_under_way(const OrderedTest& test) { return test.state == TestState::kRunning; }

// "12 s" until the first of them is over, "40 s" until all are: at most.
std::string remaining(std::vector<Duration> left) {
  const auto [first, last] = std::ranges::minmax(left);
  const auto seconds = [](Duration d) {
    return std::chrono::ceil<std::chrono::seconds>(std::max(d, Duration{})).count();
  };
  return fmt::format("they take at most {} s more, and the first of them {} s", seconds(last),
                     seconds(first));
}

}  // namespace

Status TestOrders::check_room(const fleet::Node& node, Instant now) const {
  std::vector<Duration> all;
  std::vector<Duration> here;
  for (const auto& [number, test] : tests_) {
    if (!is_under_way(test)) continue;
    all.push_back(test.give_up_at - now);
    if (test.node == node.record.id) here.push_back(all.back());
  }
  if (here.size() >= kTestsPerNodeMax) {
    return fail(
        ErrorCode::kLimit,
        fmt::format("{} tests are under way on {} already, which is all that a node gets; {}",
                    here.size(), node.record.name, remaining(std::move(here))));
  }
  if (all.size() >= kTestsMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("{} tests are under way in the fleet, which is all; {}", all.size(),
                            remaining(std::move(all))));
  }
  return {};
}

Status TestOrders::check(const fleet::Fleet& fleet, const Request& request, Instant now) const {
  const auto* node = fleet.find(request.node);
  if (node == nullptr) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no node {}", request.node));
  }
  const bool expected =
      node->state == fleet::NodeState::kLive || node->state == fleet::NodeState::kJoined;
  if (!node->introduced && expected) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("the probe of {} has not introduced itself since the controller "
                            "started; try again in some seconds",
                            request.node));
  }
  if (node->state != fleet::NodeState::kLive) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("the probe of {} is not connected: nothing can be tested from there "
                            "(faultline node show {})",
                            request.node, request.node));
  }
  if ((node->capabilities & kCapabilityTest) == 0) {
    return fail(ErrorCode::kConflict,
                fmt::format("the probe of {} ({}) is too old to be ordered a test: upgrade it, or "
                            "run `faultline-probe test` there",
                            request.node, node->software));
  }
  FAULTLINE_TRY_STATUS(check_room(*node, now));
  if (tests_.contains(request.request.test)) {
    return fail(ErrorCode::kConflict, "there is a test of this number already");
  }
  return {};
}

Result<const fleet::Node*> TestOrders::begin(const fleet::Fleet& fleet, const Request& request,
                                             fleet::Moment now) {
  if (auto status = check(fleet, request, now.instant); !status) {
    ++counters_.turned_away;
    return tl::unexpected(std::move(status).error());
  }
  const auto* node = fleet.find(request.node);
  ++counters_.ordered;
  tests_.emplace(request.request.test,
                 OrderedTest{.node = node->record.id,
                             .node_name = request.node,
                             .target = request.target,
                             .ordered_at = now.wall,
                             .give_up_at = now.instant + request.request.lease + kTestAnswerGrace,
                             .watched = request.watched,
                             .looked_at = now.instant,
                             .text = "ordered"});
  return node;
}

void TestOrders::news(NodeId node, TestProgress progress) {
  const auto found = tests_.find(progress.test);
  if (found == tests_.end() || found->second.node != node || !is_under_way(found->second)) return;
  auto& test = found->second;
  test.state = progress.state;
  test.text = std::move(progress.text);
  if (is_under_way(test)) return;
  if (test.state == TestState::kDone) {
    ++counters_.done;
    test.report = std::make_shared<const std::string>(std::move(progress.report));
  } else {
    ++counters_.refused;
  }
  forget_oldest();
}

void TestOrders::restarted(NodeId node) {
  for (auto& [number, test] : tests_) {
    if (test.node != node || !is_under_way(test)) continue;
    give_up(test, fmt::format("the probe of {} restarted before it answered", test.node_name));
  }
  forget_oldest();
}

void TestOrders::looked_at(std::uint64_t test, Instant now) {
  if (const auto found = tests_.find(test); found != tests_.end()) found->second.looked_at = now;
}

void TestOrders::remark(std::uint64_t test, std::string text) {
  if (const auto found = tests_.find(test); found != tests_.end()) {
    found->second.remark = std::move(text);
  }
}

void TestOrders::forget(std::uint64_t test) {
  const auto found = tests_.find(test);
  if (found != tests_.end() && !is_under_way(found->second)) tests_.erase(found);
}

Result<std::optional<TestOrders::Ended>> TestOrders::end(std::uint64_t test, std::string why) {
  const auto found = tests_.find(test);
  if (found == tests_.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no test {:016x}", test));
  }
  if (!is_under_way(found->second)) return std::nullopt;
  auto ended = end(test, found->second, std::move(why));
  forget_oldest();
  return ended;
}

TestOrders::Ended TestOrders::end(std::uint64_t number, OrderedTest& test, std::string why) {
  ++counters_.ended;
  test.state = TestState::kRefused;
  test.text = std::move(why);
  return {
      .node = test.node,
      .order = {.test = number, .lease = kTestLeaseMin, .order = std::string(ondemand::kEndOrder)}};
}

std::vector<TestOrders::Ended> TestOrders::tick(const fleet::Fleet& fleet, Instant now) {
  std::vector<Ended> ended;
  for (auto& [number, test] : tests_) {
    if (!is_under_way(test)) continue;
    const auto* node = fleet.find(test.node);
    if (node == nullptr || node->state != fleet::NodeState::kLive) {
      give_up(test, fmt::format("the probe of {} is gone since the test began", test.node_name));
    } else if (now >= test.give_up_at) {
      give_up(test, fmt::format("the probe of {} did not answer in time", test.node_name));
    } else if (test.watched && now - test.looked_at >= kTestUnwatchedMax) {
      ended.push_back(end(number, test, "ended: who ordered it does not wait for it any more"));
    }
  }
  forget_oldest();
  return ended;
}

void TestOrders::give_up(OrderedTest& test, std::string why) {
  ++counters_.given_up;
  test.state = TestState::kRefused;
  test.text = std::move(why);
}

void TestOrders::forget_oldest() {
  const auto kept = [&] {
    return std::ranges::count_if(tests_,
                                 [](const auto& item) { return !is_under_way(item.second); });
  };
  for (auto count = kept(); count > static_cast<std::ptrdiff_t>(kTestsKept); --count) {
    auto oldest = tests_.end();
    for (auto test = tests_.begin(); test != tests_.end(); ++test) {
      if (is_under_way(test->second)) continue;
      if (oldest == tests_.end() || test->second.ordered_at < oldest->second.ordered_at) {
        oldest = test;
      }
    }
    tests_.erase(oldest);
  }
}

}  // namespace faultline::core
