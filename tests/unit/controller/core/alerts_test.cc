// What of a verdict may open an incident.
#include "controller/core/alerts.h"
#include "tests/support/catch.h"

namespace faultline::core {
namespace {

std::size_t suspects_of(localize::FaultClass fault_class, double loss) {
  localize::Suspect suspect;
  suspect.id = "leaf2>spine3";
  suspect.fault_class = fault_class;
  suspect.loss = loss;
  Solution solution;
  solution.verdict.suspects = {suspect};
  return to_judged_window(solution).suspects.size();
}

TEST_CASE("losses open incidents, added latency does not", "[core]") {
  using localize::FaultClass;
  CHECK(suspects_of(FaultClass::kLoss, 1e-3) == 1);
  CHECK(suspects_of(FaultClass::kDown, 1) == 1);
  CHECK(suspects_of(FaultClass::kCongestion, 1e-2) == 1);
  CHECK(suspects_of(FaultClass::kDelay, 0) == 0);
}

}  // namespace
}  // namespace faultline::core
