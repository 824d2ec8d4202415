// What of a verdict may open an incident.
#include "controller/core/alerts.h"
#include "tests/support/catch.h"

namespace faultline::core {
namespace {

localize::Suspect suspect_of(localize::FaultClass fault_class, double loss, double delay_us = 0) {
  localize::Suspect suspect;
  suspect.kind = localize::SuspectKind::kLink;
  suspect.id = "leaf2>spine3";
  suspect.fault_class = fault_class;
  suspect.loss = loss;
  if (delay_us > 0) suspect.delay_us = delay_us;
  return suspect;
}

std::size_t count(const localize::Suspect& suspect, bool is_burst = false) {
  Solution solution;
  solution.verdict.suspects = {suspect};
  if (is_burst) solution.bursts = {suspect.id};
  return to_judged_window(solution).suspects.size();
}

TEST_CASE("losses open incidents, and added latency of a millisecond; a sick prober opens none",
          "[core]") {
  using localize::FaultClass;
  CHECK(count(suspect_of(FaultClass::kLoss, 1e-3)) == 1);
  CHECK(count(suspect_of(FaultClass::kDown, 1)) == 1);
  CHECK(count(suspect_of(FaultClass::kCongestion, 1e-2)) == 1);
  CHECK(count(suspect_of(FaultClass::kSickHost, 1e-2)) == 0);
  CHECK(count(suspect_of(FaultClass::kDelay, 0, 300)) == 0);
  CHECK(count(suspect_of(FaultClass::kDelay, 0, 3000)) == 1);
  auto host = suspect_of(FaultClass::kDelay, 0, 3000);
  host.kind = localize::SuspectKind::kHost;
  CHECK(count(host) == 0);
}

TEST_CASE("a queue opens an incident when it never empties", "[core]") {
  Solution solution;
  auto queue = suspect_of(localize::FaultClass::kCongestion, 1e-4);
  queue.delay_p95_us = 9000;
  solution.verdict.congested = {queue};
  CHECK(to_judged_window(solution).suspects.empty());
  solution.verdict.congested.front().delay_us = 2000;
  CHECK(to_judged_window(solution).suspects.size() == 1);
}

TEST_CASE("what no newer window bears out counts for no incident", "[core]") {
  CHECK(count(suspect_of(localize::FaultClass::kLoss, 1e-2), true) == 0);
}

}  // namespace
}  // namespace faultline::core
