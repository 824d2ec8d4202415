// SequentialTest: when enough was measured of a component that may or may not be faulty.
//
// Why it exists: extra packets must end. Every verdict brings the Bayes factor of "this component
// is faulty" against "it is not", over everything that was measured, and after each one the test
// asks whether to go on:
//
//   confirmed  the odds reach kConfirmOdds : 1
//   cleared    the factor fell to kClearShare of what it was when the test began
//   given up   kPacketsShareMax times the expected number of packets decided nothing
//
// Error rates. With no fault the factor is a martingale, so it reaches A with probability 1 / A at
// most, however often one looks and whatever one chose to measure because of it (Ville 1939; Wald
// 1945 for two simple hypotheses). For a component with prior odds o that is P(confirmed wrongly)
// <= o / kConfirmOdds: e / 9 per network and horizon with the localizer's prior of about e faults,
// a bound that holds with and without extra packets, for choosing what to measure does not favor
// either answer. With a fault the inverse is the martingale, over the prior of the rates: P(cleared
// wrongly) <= kClearShare. A component that is cleared is admitted again after a rest when it comes
// to attention again. The truncation can only add undecided ends, no wrong ones.
//
// Pure.
#pragma once

#include <cstdint>

namespace faultline::plan {

inline constexpr double kConfirmOdds = 9;    // incident.confirm_posterior's .9
inline constexpr double kClearShare = 0.05;  // 1 : 20
inline constexpr double kPacketsShareMax = 4;
// Least factor for a test to begin; see Standing::listed.
inline constexpr double kAdmitBayes = 4.5;

// How a component stands by the newest verdict.
struct Standing {
  double log_bayes = 0;
  double log_odds = 0;
  // False: the verdict calls it neither a suspect nor a near miss, its factor is below
  // kAdmitBayes * kClearShare.
  bool listed = true;
};

enum class TestResult : std::uint8_t { kUndecided, kConfirmed, kCleared, kGivenUp };

class SequentialTest {
 public:
  // `packets_expected`: see expected_packets().
  SequentialTest(const Standing& begin, double packets_expected);

  // Packets that were sent since the last verdict.
  void spend(double packets) { packets_ += packets; }
  [[nodiscard]] TestResult judge(const Standing& now) const;
  [[nodiscard]] double packets() const { return packets_; }

 private:
  double clear_log_bayes_;
  double packets_max_;
  double packets_ = 0;
};

[[nodiscard]] bool worth_testing(const Standing& standing);

// Wald's approximation of how many packets decide the test, whichever way: the distance to the
// boundary over the expected gain per packet. `loss` is what the component would lose, `background`
// what its flows lose without it; both are shares of packets.
[[nodiscard]] double expected_packets(const Standing& standing, double loss, double background);

}  // namespace faultline::plan
