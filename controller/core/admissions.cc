#include "controller/core/admissions.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/ondemand/admission.h"
#include "common/ondemand/order_json.h"

namespace faultline::core {
namespace {

std::string not_admitted(std::string_view at, std::string_view why) {
  return fmt::format(
      "{}: unless the two are peers of a plan, or {} allows the address as a stranger, silence "
      "says "
      "nothing of the network; ICMP needs no admission",
      why, at);
}

bool is_running(const TestOrders& tests, std::uint64_t number) {
  const auto test = tests.tests().find(number);
  return test != tests.tests().end() && test->second.state == TestState::kRunning;
}

}  // namespace

TestMessage Admissions::begin(const fleet::Fleet& fleet, const TestOrders::Request& request,
                              NodeId from, Instant now, TestOrders& tests) {
  const TestMessage test{.to = from, .request = request.request};
  const auto* at = request.admitting.empty() ? nullptr : fleet.find(request.admitting);
  if (at == nullptr || at->record.id == from) return test;
  const auto& name = at->record.name;
  if (at->state != fleet::NodeState::kLive || (at->capabilities & kCapabilityTest) == 0) {
    tests.remark(request.request.test,
                 not_admitted(name, fmt::format("the probe of {} could not be told to answer {}",
                                                name, request.node)));
    return test;
  }
  admissions_[request.request.test] = {
      .at = at->record.id, .at_name = name, .held = test, .held_until = now + kAdmissionWaitMax};
  const auto lease = std::min(request.request.lease + kTestAnswerGrace, kTestLeaseMax);
  return {.to = at->record.id,
          .request = {.test = request.request.test,
                      .lease = lease,
                      .order = to_json_text(ondemand::Admission{.reflector = request.reflector})}};
}

std::optional<TestMessage> Admissions::news(NodeId node, const TestProgress& progress,
                                            TestOrders& tests) {
  const auto found = admissions_.find(progress.test);
  if (found == admissions_.end() || found->second.at != node || !found->second.held) {
    return std::nullopt;
  }
  if (progress.state == TestState::kRunning || !is_running(tests, progress.test)) {
    return std::nullopt;
  }
  if (progress.state == TestState::kRefused) {
    tests.remark(progress.test,
                 not_admitted(found->second.at_name,
                              fmt::format("the probe of {} does not admit tests, it is too old or "
                                          "busy",
                                          found->second.at_name)));
  }
  return std::exchange(found->second.held, std::nullopt);
}

std::vector<TestMessage> Admissions::tend(TestOrders& tests, Instant now) {
  std::vector<TestMessage> messages;
  for (auto each = admissions_.begin(); each != admissions_.end();) {
    auto& [number, admission] = *each;
    if (!is_running(tests, number)) {
      messages.push_back(
          {.to = admission.at,
           .request = {
               .test = number, .lease = kTestLeaseMin, .order = std::string(ondemand::kEndOrder)}});
      each = admissions_.erase(each);
      continue;
    }
    if (admission.held && now >= admission.held_until) {
      tests.remark(number, not_admitted(admission.at_name,
                                        fmt::format("the probe of {} did not say in time that it "
                                                    "will answer",
                                                    admission.at_name)));
      messages.push_back(*std::exchange(admission.held, std::nullopt));
    }
    ++each;
  }
  return messages;
}

}  // namespace faultline::core
