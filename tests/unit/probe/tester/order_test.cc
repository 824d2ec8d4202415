#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "common/ondemand/admission.h"
#include "common/ondemand/order_json.h"
#include "probe/tester/desk.h"
#include "tests/support/catch.h"

namespace faultline::tester {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What a desk said, gathered from its thread.
class Ear {
 public:
  Desk::NewsHandler handler() {
    return [this](TestProgress news) {
      const std::lock_guard lock(mutex_);
      news_.push_back(std::move(news));
      heard_.notify_all();
    };
  }
  // The end of the test; kRunning when there was none within 20 s.
  TestProgress end_of(std::uint64_t test) {
    std::unique_lock lock(mutex_);
    TestProgress found;
    heard_.wait_for(lock, seconds{20}, [&] {
      for (const auto& news : news_) {
        if (news.test == test && news.state != TestState::kRunning) found = news;
      }
      return found.test != 0;
    });
    return found;
  }

 private:
  std::mutex mutex_;
  std::condition_variable heard_;
  std::vector<TestProgress> news_;
};

TestRequest request(std::uint64_t test, std::string order, Duration lease = seconds{30}) {
  return {.test = test, .lease = lease, .order = std::move(order)};
}
// A port of this machine that nobody listens on: refused at once.
constexpr const char* kRefused =
    R"({"kind":"port","method":"tcp","target":"127.0.0.1","port":1,"count":1})";
// About a second long.
constexpr const char* kLong =
    R"({"kind":"port","method":"tcp","target":"127.0.0.1","port":1,"count":10,"interval_ms":100})";

}  // namespace

TEST_CASE("an order goes over the wire as JSON and comes back as it was", "[ondemand]") {
  const ondemand::TestOrder order{.kind = ondemand::TestKind::kTrace,
                                  .method = ondemand::Method::kStamp,
                                  .target = {IpAddress::v4(0xc0000207), 862},
                                  .source = IpAddress::v4(0xc0000201),
                                  .source_port = 61100,
                                  .count = 3,
                                  .interval = milliseconds{50},
                                  .timeout = milliseconds{900},
                                  .size = 1000,
                                  .dscp = 46,
                                  .flows = 64,
                                  .rate = 200,
                                  .size_max = 1400,
                                  .far_mtu = 1500};
  const auto read = ondemand::order_from_json(ondemand::to_json_text(order));
  REQUIRE(read);
  CHECK(*read == order);
}

TEST_CASE("an order that asks for too much, or for what nobody knows, is refused by name",
          "[ondemand]") {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"kind":"ping","target":"192.0.2.1","flood":true})", "flood"},
      {R"({"kind":"ping","target":"192.0.2.1","count":100000})", "1000 packets"},
      {R"({"kind":"ping","target":"192.0.2.1","interval_ms":1})", "interval"},
      {R"({"kind":"ping","target":"192.0.2.1","dscp":-1})", "dscp"},
      {R"({"kind":"ping","target":"224.0.0.1"})", "one machine"},
      {R"({"kind":"storm","target":"192.0.2.1"})", "kind"},
      {R"([])", "object"},
      {R"({"kind":)", "object"}};
  for (const auto& [text, why] : cases) {
    CAPTURE(text);
    const auto read = ondemand::order_from_json(text);
    REQUIRE_FALSE(read);
    CHECK_THAT(read.error().context, Catch::Contains(why));
  }
}

TEST_CASE("a desk carries out what it is ordered, one after the other, and reports", "[tester]") {
  Ear ear;
  Desk desk(ear.handler());
  REQUIRE(desk.order(request(1, kRefused)));
  REQUIRE(desk.order(request(2, "{}")));
  const auto first = ear.end_of(1);
  CHECK(first.state == TestState::kDone);
  CHECK_THAT(first.report, Catch::Contains("faultline.test/1") && Catch::Contains("refused"));
  const auto second = ear.end_of(2);
  CHECK(second.state == TestState::kRefused);
  CHECK_FALSE(second.text.empty());
}

TEST_CASE("a test that is ended makes room at once, whether it waits or is under way", "[tester]") {
  constexpr const char* kMinutes =
      R"({"kind":"port","method":"tcp","target":"127.0.0.1","port":1,"count":300,"interval_ms":1000})";
  Ear ear;
  Desk desk(ear.handler());
  REQUIRE(desk.order(request(1, kMinutes)));
  for (std::uint64_t test = 2; test <= 4; ++test) REQUIRE(desk.order(request(test, kMinutes)));
  for (std::uint64_t test = 1; test <= 4; ++test) {
    CHECK(desk.order(request(test, std::string(ondemand::kEndOrder))));
  }
  CHECK(desk.order(request(99, std::string(ondemand::kEndOrder))));  // nobody's
  REQUIRE(desk.order(request(5, kRefused)));
  CHECK(ear.end_of(5).state == TestState::kDone);
}

TEST_CASE("a desk takes no more than it has room for, and nothing whose lease is over",
          "[tester]") {
  Ear ear;
  Desk desk(ear.handler());
  REQUIRE(desk.order(request(1, kLong)));
  REQUIRE(desk.order(request(2, kLong, milliseconds{1})));  // over when its turn comes
  std::size_t taken = 0;
  for (std::uint64_t test = 3; test < 20; ++test) taken += desk.order(request(test, "{}")) ? 1 : 0;
  CHECK(taken <= kOrdersWaitingMax);
  const auto late = ear.end_of(2);
  CHECK(late.state == TestState::kRefused);
  CHECK_THAT(late.text, Catch::Contains("time is over"));
}

TEST_CASE("an admission says whom to answer, and nothing else is one", "[tests]") {
  for (const auto* address : {"192.0.2.7", "2001:db8::7"}) {
    const ondemand::Admission admission{.reflector = {*IpAddress::parse(address), 862}};
    CHECK(ondemand::admission_from_json(to_json_text(admission)) == admission);
    // A probe from before refuses it like any order.
    CHECK_FALSE(ondemand::order_from_json(to_json_text(admission)));
  }
  for (const auto* text :
       {"", "[]", R"({"kind":"end"})", R"({"kind":"admit","source":"192.0.2.7"})",
        R"({"kind":"admit","source":"192.0.2.7","port":0})",
        R"({"kind":"admit","source":"192.0.2.7","port":65536})",
        R"({"kind":"admit","source":"192.0.2.7","port":"862"})",
        R"({"kind":"admit","source":"0.0.0.0","port":862})",
        R"({"kind":"admit","source":7,"port":862})",
        R"({"kind":"ping","source":"192.0.2.7","port":862})",
        R"({"kind":"admit","source":"192.0.2.7","port":862,"more":1})"}) {
    CAPTURE(text);
    CHECK_FALSE(ondemand::admission_from_json(text));
  }
}

}  // namespace faultline::tester
