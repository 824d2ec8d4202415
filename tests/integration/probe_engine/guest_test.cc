// A test by STAMP of a node whose plan does not have the tester: a real reflector, a real test.
#include <nlohmann/json.hpp>

#include "probe/tester/run.h"
#include "tests/integration/probe_engine/node.h"

namespace faultline::engine {
namespace {

using ondemand::Method;
using ondemand::TestKind;

std::string verdict_of(TestKind kind, const IpAddress& from, const IpAddress& to) {
  ondemand::TestOrder order{.kind = kind,
                            .method = Method::kStamp,
                            .target = {to, kReflectorPort},
                            .source = from,
                            .count = 3,
                            .interval = std::chrono::milliseconds{10}};
  if (kind == TestKind::kMtu) order.size_max = 1500;
  const auto report = tester::run_test(order, {});
  INFO((report ? std::string() : report.error().context));
  REQUIRE(report);
  return report->at("verdict");
}

}  // namespace

TEST_CASE("a node that is no peer tests by STAMP as a guest, and no longer", "[engine]") {
  Node reflector(address(1));
  const auto tester = address(2);
  CHECK(verdict_of(TestKind::kPing, tester, address(1)) == "timeout");

  const AdmitGuest admit{
      {.test = 7, .reflector = {tester, kReflectorPort}, .until = Instant::max()}};
  reflector.post(admit);
  reflector.settle();
  CHECK(verdict_of(TestKind::kPing, tester, address(1)) == "answered");
  CHECK(verdict_of(TestKind::kMtu, tester, address(1)) == "ok");
  CHECK(verdict_of(TestKind::kPing, address(3), address(1)) == "timeout");  // another one

  reflector.post(DismissGuest{7});
  reflector.settle();
  CHECK(verdict_of(TestKind::kPing, tester, address(1)) == "timeout");
}

}  // namespace faultline::engine
