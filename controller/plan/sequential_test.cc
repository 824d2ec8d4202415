#include "controller/plan/sequential_test.h"

#include <algorithm>
#include <cmath>

namespace faultline::plan {
namespace {

// Below these a share cannot be told from 0 with any number of packets that anyone would send.
constexpr double kLossMin = 1e-5;
constexpr double kBackgroundMin = 1e-6;
// One step towards a boundary is worth taking even when it seems to be reached.
constexpr double kDistanceMin = 0.5;

}  // namespace

SequentialTest::SequentialTest(const Standing& begin, double packets_expected)
    : clear_log_bayes_(begin.log_bayes + std::log(kClearShare)),
      packets_max_(kPacketsShareMax * packets_expected) {}

TestResult SequentialTest::judge(const Standing& now) const {
  if (!now.listed || now.log_bayes <= clear_log_bayes_) return TestResult::kCleared;
  if (now.log_odds >= std::log(kConfirmOdds)) return TestResult::kConfirmed;
  return packets_ >= packets_max_ ? TestResult::kGivenUp : TestResult::kUndecided;
}

bool worth_testing(const Standing& standing) {
  return standing.listed && standing.log_bayes >= std::log(kAdmitBayes) &&
         standing.log_odds < std::log(kConfirmOdds);
}

double expected_packets(const Standing& standing, double loss, double background) {
  const double extra = std::max(loss, kLossMin);
  const double base = std::max(background, kBackgroundMin);
  // Of Poisson losses at rates base + extra and base: the expected log ratio per packet when there
  // is a fault, and when there is none.
  const double log_ratio = std::log1p(extra / base);
  const double gain_faulty = (base + extra) * log_ratio - extra;
  const double gain_healthy = extra - base * log_ratio;
  const double up = std::max(kDistanceMin, std::log(kConfirmOdds) - standing.log_odds);
  const double down = std::max(kDistanceMin, -std::log(kClearShare));
  return std::ceil(std::max(up / gain_faulty, down / gain_healthy));
}

}  // namespace faultline::plan
