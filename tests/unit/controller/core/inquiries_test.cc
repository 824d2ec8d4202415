#include "controller/core/inquiries.h"

#include <functional>
#include <set>

#include "common/ondemand/order_json.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/core/bench.h"

namespace faultline::core {
namespace {

using ondemand::Method;
using ondemand::TestOrder;

constexpr Duration kTick = std::chrono::milliseconds{250};
constexpr std::uint8_t kSilentNode = 1;

// Five nodes, of which the first is not heard any more; what the others see of it is the test's.
struct Question : Bench {
  // The outcome of a ping that node `asker` sends by `order`; empty: it never answers the order.
  using Answer = std::function<std::string(std::uint8_t asker, const TestOrder& order)>;

  Question() {
    for (std::uint8_t node = 1; node <= 5; ++node) keys.push_back(enroll(node));
    heartbeats();
    pass(seconds{1});
    pass(seconds{1});
    finish_commits();
    effects.sent.clear();
  }

  void heartbeats() {
    for (std::uint8_t node = 1; node <= 5; ++node) {
      if (node != kSilentNode || is_heard) say(keys[node - 1], Heartbeat{.sequence = ++sequence});
    }
  }
  void run(Duration length, const Answer& answer) {
    for (Duration passed{}; passed < length; passed += kTick) {
      if (passed % seconds{5} == Duration{}) heartbeats();
      pass(kTick);
      finish_commits();
      const auto sent = std::exchange(effects.sent, {});
      for (const auto& [key, message] : sent) {
        const auto* request = std::get_if<TestRequest>(&message);
        if (request != nullptr) reply(key, *request, answer);
      }
    }
  }
  void reply(const PublicKey& asker, const TestRequest& request, const Answer& answer) {
    ++ordered;
    const auto order = ondemand::order_from_json(request.order).value();
    methods.insert(order.method);
    const auto outcome = answer(asker.bytes[0], order);
    if (outcome.empty()) return;
    say(asker, TestProgress{.test = request.test,
                            .state = TestState::kDone,
                            .report = R"({"pings":[{"outcome":")" + outcome + R"(","from":")" +
                                      order.target.address.to_string() + R"("}]})"});
  }
  [[nodiscard]] static bool is_about_it(const TestOrder& order) {
    return order.target.address == profile(kSilentNode).address;
  }
  [[nodiscard]] const Reachability& known() const {
    const auto* found = core.inquiries().of(NodeId{kSilentNode});
    REQUIRE(found != nullptr);
    return *found;
  }
  [[nodiscard]] std::multiset<Sight> sights() const {
    std::multiset<Sight> seen;
    for (const auto& witness : known().witnesses) seen.insert(witness.sight);
    return seen;
  }

  std::vector<PublicKey> keys;
  std::uint64_t sequence = 0;
  bool is_heard = false;
  std::uint64_t ordered = 0;
  std::set<Method> methods;
};

std::string refuse(std::uint8_t, const TestOrder&) { return "refused"; }
std::string lose(std::uint8_t, const TestOrder& order) {
  return Question::is_about_it(order) ? "lost" : "refused";
}

TEST_CASE("nobody is asked about a node that is heard", "[core][reach]") {
  Question question;
  question.is_heard = true;
  question.run(std::chrono::minutes{2}, refuse);
  CHECK(question.ordered == 0);
  CHECK(question.core.inquiries().counts().empty());
}

TEST_CASE("a host that refuses all has a probe that is down, and ICMP is not needed",
          "[core][reach]") {
  Question question;
  question.run(seconds{14}, refuse);
  CHECK(question.known().condition == Condition::kProbeDown);
  CHECK(question.sights() ==
        std::multiset<Sight>{Sight::kHost, Sight::kHost, Sight::kHost, Sight::kHost});
  CHECK(question.methods == std::set<Method>{Method::kTcp, Method::kStamp});
  CHECK(question.known().witnesses.front().text == "tcp 7401 refused, stamp refused");
}

TEST_CASE("who reaches neither the node nor a third one says nothing of it", "[core][reach]") {
  Question question;
  question.run(seconds{14}, [](std::uint8_t asker, const TestOrder& order) {
    return asker == 2 || Question::is_about_it(order) ? "lost" : "answered";
  });
  CHECK(question.known().condition == Condition::kNodeDown);
  CHECK(question.sights() ==
        std::multiset<Sight>{Sight::kNothing, Sight::kNothing, Sight::kNothing, Sight::kOwnUplink});
}

TEST_CASE("nothing is concluded where nobody answers, and others are asked again",
          "[core][reach]") {
  Question question;
  question.run(seconds{90}, [](std::uint8_t, const TestOrder&) { return std::string(); });
  CHECK(question.known().condition == Condition::kUnknown);
  CHECK(question.core.inquiries().counters().rounds >= 2);
  CHECK(question.core.inquiries().counters().rounds_unknown ==
        question.core.inquiries().counters().rounds);
  CHECK_FALSE(question.core.inquiries().is_undecided(NodeId{kSilentNode}, question.now.instant));
  CHECK(question.core.inquiries().probes_down(question.core.fleet()).empty());
}

TEST_CASE("a verdict stands when nobody answers any more, and follows what they say",
          "[core][reach]") {
  Question question;
  question.run(seconds{14}, refuse);
  question.run(seconds{60}, [](std::uint8_t, const TestOrder&) { return std::string(); });
  CHECK(question.known().condition == Condition::kProbeDown);
  question.run(seconds{60}, lose);
  CHECK(question.known().condition == Condition::kNodeDown);
  CHECK(question.core.inquiries().probes_down(question.core.fleet()).empty());
}

TEST_CASE("while its probe is down what is measured to it is excused, and then no more",
          "[core][reach]") {
  Question question;
  const auto heard = question.core.fleet().find(NodeId{kSilentNode})->heard.wall;
  question.run(seconds{40}, refuse);
  const auto back = question.now.wall;
  question.is_heard = true;
  question.run(seconds{20}, refuse);
  const auto& inquiries = question.core.inquiries();
  CHECK(inquiries.counts().empty());
  const auto excused = [&](WallTime start) { return inquiries.excused(start, seconds{10}).size(); };
  CHECK(excused(heard - seconds{20}) == 0);
  CHECK(excused(heard) == 1);
  CHECK(excused(back - seconds{5}) == 1);
  CHECK(excused(back + seconds{15}) == 0);
}

TEST_CASE("a node that said goodbye is not asked about while it is excused", "[core][reach]") {
  Question question;
  question.say(question.keys[0], Goodbye{.boot = BootId{1}, .stopped_at = question.now.wall});
  question.run(seconds{60}, refuse);
  CHECK(question.ordered == 0);
}

}  // namespace
}  // namespace faultline::core
