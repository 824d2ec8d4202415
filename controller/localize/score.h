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

#include "controller/localize/likelihood.h"

namespace faultline::localize {

enum class FaultMode : std::uint8_t { kLoss, kDead };

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

[[nodiscard]] Score score(const Likelihood& likelihood, const Likelihood::Footprint& footprint,
                          const RateRange& range, ModeSet modes = {});
// About the most that any rate could gain; cheap, to leave out components that cannot be suspects.
[[nodiscard]] double rough_gain(const Likelihood& likelihood,
                                const Likelihood::Footprint& footprint, const RateRange& range);
// The best exponent near that of `score`, in the same mode; for joint refits. Its log_bayes is not
// renewed.
[[nodiscard]] Score refine(const Likelihood& likelihood, const Likelihood::Footprint& footprint,
                           const Score& score, const RateRange& range);

}  // namespace faultline::localize
