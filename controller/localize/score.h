// Score: how strongly the data speak for a component being faulty, given everything else assumed at
// the moment.
//
// The log Bayes factor integrates the likelihood over the unknown rate, log-uniform over the rates
// worth naming, so a component pays for its freedom (Occam's factor) and no threshold on rates is
// needed. Narrow peaks are integrated by Laplace's method in log rate, wide ones by quadrature. Two
// kinds of fault compete: packets lost independently and flows swallowed whole.
//
// Thread safety: pure.
#pragma once

#include <array>

#include "controller/localize/column.h"
#include "controller/localize/likelihood.h"

namespace faultline::localize {

struct Score {
  double log_bayes = -1e9;  // against "no fault here"; the prior is not in it
  FaultMode mode = FaultMode::kLoss;
  double exponent = 0;   // at the peak
  double log_width = 1;  // standard deviation of the log exponent

  [[nodiscard]] Exponents exponents() const {
    return mode == FaultMode::kLoss ? Exponents{exponent, 0} : Exponents{0, exponent};
  }
};

struct ModeSet {
  bool loss = true;
  bool dead = true;
};

struct RateRange {
  double loss_min = 3e-4;  // exponents
  double loss_max = 8;
  double dead_min = 1e-2;
  double dead_max = 8;
};

// One flow that died does not make a black hole.
inline constexpr std::uint32_t kDeadFlowsMin = 2;
// Black holes are the rarer kind of fault.
inline constexpr double kLogPriorDead = -1.5;

// The rates, log-uniform over the range, at which components are looked at first.
inline constexpr int kCoarsePoints = 13;
[[nodiscard]] std::array<double, kCoarsePoints> coarse_exponents(FaultMode mode,
                                                                 const RateRange& range);
// Between two of these rates the gain may be so much higher than at them.
[[nodiscard]] inline double above_coarse(double gain) { return 1.5 * gain + 3; }

// The log Bayes factor of one mode of fault. Its peak and integral are worked out only when the
// gain can come to `gain_min`; else log_bayes is only about an upper bound.
[[nodiscard]] Score score(const Column& column, const RateRange& range, double gain_min);
// The best exponent near that of `score`, in the same mode; for joint refits. Its log_bayes is not
// renewed.
[[nodiscard]] Score refine(const Column& column, const Score& score, const RateRange& range);

}  // namespace faultline::localize
