// TestOrders: the tests that operators ordered from nodes, from the order to some time after the
// answer.
//
// Why it exists: a test causes traffic at once and outside of any plan, so that who orders how much
// is bounded here: kTestsPerNodeMax under way on a node, kTestsMax in all; each of them is bounded
// by common/ondemand/order.h. Every order comes to an end: what no probe answers is given up.
//
// Thread safety: none; owned by ControllerCore. Reports are shared with snapshots.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/model/address.h"
#include "common/model/control.h"
#include "controller/fleet/fleet.h"

namespace faultline::core {

inline constexpr std::size_t kTestsPerNodeMax = 2;
inline constexpr std::size_t kTestsMax = 32;   // under way
inline constexpr std::size_t kTestsKept = 64;  // that are over; the oldest goes first
// From the end of the lease until nobody expects the answer any more.
inline constexpr Duration kTestAnswerGrace = std::chrono::seconds{5};
// A watched test that nobody has looked at for so long is ended: who ordered it is gone.
inline constexpr Duration kTestUnwatchedMax = std::chrono::seconds{10};

struct OrderedTest {
  NodeId node{};
  std::string node_name{};
  std::string target{};  // as the operator called it
  WallTime ordered_at{};
  Instant give_up_at{};
  bool watched =
      false;            // it is worth nothing to anybody but who ordered it, who looks all the time
  Instant looked_at{};  // of a watched one
  TestState state = TestState::kRunning;
  std::string text{};                           // how far it is, or why there is no report
  std::string remark{};                         // what to know of its report; empty: nothing
  std::shared_ptr<const std::string> report{};  // null unless it is done

  bool operator==(const OrderedTest&) const = default;
};

struct TestOrderCounters {
  std::uint64_t ordered = 0;
  std::uint64_t done = 0;
  std::uint64_t refused = 0;      // by the probe
  std::uint64_t turned_away = 0;  // here: too many, or a node that cannot
  std::uint64_t given_up = 0;     // (*) no answer
  std::uint64_t ended = 0;        // by who ordered it, or because he is gone

  bool operator==(const TestOrderCounters&) const = default;
};

class TestOrders {
 public:
  struct Request {
    TestRequest request{};
    std::string node{};
    std::string target{};
    bool watched = false;
    // Of a test by STAMP of another node: that one, whose reflector is to answer (admissions.h),
    // and where the tester's own is. Else empty.
    std::string admitting{};
    Endpoint reflector{};
  };
  // What the probe is to be told of a test that ended before its time.
  struct Ended {
    NodeId node{};
    TestRequest order{};

    bool operator==(const Ended&) const = default;
  };

  // The node that is to carry it out; or one sentence why not.
  [[nodiscard]] Result<const fleet::Node*> begin(const fleet::Fleet& fleet, const Request& request,
                                                 fleet::Moment now);
  // News of another node's test, or of one that is over, are ignored.
  void news(NodeId node, TestProgress progress);
  // Its process is another one: what the former had not answered, nobody will.
  void restarted(NodeId node);
  // Somebody waits for it still.
  void looked_at(std::uint64_t test, Instant now);
  void remark(std::uint64_t test, std::string text);
  // Of one that is over: who wanted to know has read it.
  void forget(std::uint64_t test);
  // Makes room for others. kNotFound: there is none of this number; empty: it was over already.
  [[nodiscard]] Result<std::optional<Ended>> end(std::uint64_t test, std::string why);
  // What was ended because nobody watches it.
  [[nodiscard]] std::vector<Ended> tick(const fleet::Fleet& fleet, Instant now);

  // By number; those under way and those kept.
  [[nodiscard]] const std::map<std::uint64_t, OrderedTest>& tests() const { return tests_; }
  [[nodiscard]] const TestOrderCounters& counters() const { return counters_; }

 private:
  [[nodiscard]] Status check(const fleet::Fleet& fleet, const Request& request, Instant now) const;
  [[nodiscard]] Status check_room(const fleet::Node& node, Instant now) const;
  Ended end(std::uint64_t number, OrderedTest& test, std::string why);
  void give_up(OrderedTest& test, std::string why);
  void forget_oldest();

  std::map<std::uint64_t, OrderedTest> tests_;
  TestOrderCounters counters_;
};

}  // namespace faultline::core
