// Admissions: before a node tests another one by STAMP, that one's reflector is told to answer it.
//
// Why it exists: a reflector answers the peers of its plan and whom its own configuration allows.
// Between two nodes that are neither, silence would say nothing of the network. So the far end is
// asked first (common/ondemand/admission.h), and the test is held until it has agreed, refused (it
// is too old), or kAdmissionWaitMax has passed; then the test goes anyway, with a remark. When the
// test is over, the far end is told. Also between nodes that are peers: a plan is on its way to one
// end before it is to the other.
//
// Bounds: one for each test that is under way. Thread safety: none; owned by ControllerCore.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/model/test.h"
#include "controller/core/test_orders.h"
#include "controller/fleet/fleet.h"

namespace faultline::core {

// Less than kTestAnswerGrace: what is held so long is still answered in time.
inline constexpr Duration kAdmissionWaitMax = std::chrono::seconds{2};

struct TestMessage {
  NodeId to{};
  TestRequest request{};

  bool operator==(const TestMessage&) const = default;
};

class Admissions {
 public:
  // What is to be sent of a test that has just begun on `from`: itself, or its admission.
  [[nodiscard]] TestMessage begin(const fleet::Fleet& fleet, const TestOrders::Request& request,
                                  NodeId from, Instant now, TestOrders& tests);
  // What the far end says; what is to be sent now, if it is news of an admission that was waited
  // for.
  [[nodiscard]] std::optional<TestMessage> news(NodeId node, const TestProgress& progress,
                                                TestOrders& tests);
  // Tests that have waited long enough, and the ends of those that are over.
  [[nodiscard]] std::vector<TestMessage> tend(TestOrders& tests, Instant now);

 private:
  struct Admission {
    NodeId at{};
    std::string at_name{};
    std::optional<TestMessage> held{};  // the test, until it is sent
    Instant held_until{};
  };

  std::map<std::uint64_t, Admission> admissions_;  // by the test's number
};

}  // namespace faultline::core
