#include "controller/localize/score.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace faultline::localize {
namespace {

constexpr int kCoarsePoints = 13;
constexpr int kFinePoints = 33;
constexpr int kClimbSteps = 10;
constexpr int kRefineSteps = 5;
constexpr double kRefineReach = 0.7;  // in log exponent
// A component whose best rate gains less than this cannot pay for Occam's factor.
constexpr double kGainMin = 1.0;
// Below this width of the peak in log rate Laplace's method is exact enough.
constexpr double kNarrow = 0.35;
// Black holes are the rarer kind of fault.
constexpr double kLogPriorDead = -1.5;
// One flow that died does not make a black hole.
constexpr std::uint32_t kDeadFlowsMin = 2;

class Curve {
 public:
  Curve(const Likelihood& likelihood, const Likelihood::Footprint& footprint, FaultMode mode)
      : likelihood_(likelihood), footprint_(footprint), mode_(mode) {}

  double operator()(double log_exponent) const {
    const double exponent = std::exp(log_exponent);
    return likelihood_.gain(
        footprint_, mode_ == FaultMode::kLoss ? Exponents{exponent, 0} : Exponents{0, exponent});
  }

 private:
  const Likelihood& likelihood_;
  const Likelihood::Footprint& footprint_;
  FaultMode mode_;
};

struct Peak {
  double at = 0;
  double value = 0;
};

Peak climb(const Curve& curve, double low, double high, int steps) {
  constexpr double kGolden = 0.6180339887498949;
  double a = high - kGolden * (high - low);
  double b = low + kGolden * (high - low);
  double at_a = curve(a);
  double at_b = curve(b);
  for (int i = 0; i < steps; ++i) {
    if (at_a > at_b) {
      high = b;
      b = a;
      at_b = at_a;
      a = high - kGolden * (high - low);
      at_a = curve(a);
    } else {
      low = a;
      a = b;
      at_a = at_b;
      b = low + kGolden * (high - low);
      at_b = curve(b);
    }
  }
  return at_a > at_b ? Peak{a, at_a} : Peak{b, at_b};
}

// Steps of Newton, by differences, and the width of the peak.
double polish(const Curve& curve, Peak& peak, double low, double high) {
  double width = 1;
  for (int i = 0; i < 2; ++i) {
    const double h = 0.02;
    const double below = curve(peak.at - h);
    const double above = curve(peak.at + h);
    const double slope = (above - below) / (2 * h);
    const double bend = (above - 2 * peak.value + below) / (h * h);
    if (!(bend < -1e-3)) return 3;
    width = 1 / std::sqrt(-bend);
    const double next = std::clamp(peak.at - slope / bend, low, high);
    const double value = curve(next);
    if (!(value > peak.value)) break;
    peak = {next, value};
  }
  return width;
}

double integrate(const Curve& curve, const Peak& peak, double low, double high) {
  double total = 0;
  for (int i = 0; i < kFinePoints; ++i) {
    const double at = low + (high - low) * i / (kFinePoints - 1);
    const double weight = i == 0 || i == kFinePoints - 1 ? 0.5 : 1;
    total += weight * std::exp(curve(at) - peak.value);
  }
  return peak.value + std::log(total / (kFinePoints - 1));
}

struct Bounds {
  double low = 0;
  double high = 0;
};

Bounds bounds(FaultMode mode, const RateRange& range) {
  const bool loss = mode == FaultMode::kLoss;
  return {std::log(loss ? range.loss_min : range.dead_min),
          std::log(loss ? range.loss_max : range.dead_max)};
}

Peak coarse_peak(const Curve& curve, const Bounds& bounds) {
  const double step = (bounds.high - bounds.low) / (kCoarsePoints - 1);
  Peak best{bounds.low, -1e9};
  for (int i = 0; i < kCoarsePoints; ++i) {
    const double value = curve(bounds.low + step * i);
    if (value > best.value) best = {bounds.low + step * i, value};
  }
  return best;
}

// The log Bayes factor of one mode of fault.
Score score_mode(const Likelihood& likelihood, const Likelihood::Footprint& footprint,
                 FaultMode mode, const RateRange& range) {
  const Curve curve(likelihood, footprint, mode);
  const auto [low, high] = bounds(mode, range);
  const double step = (high - low) / (kCoarsePoints - 1);
  Peak best = coarse_peak(curve, {low, high});
  Score result{best.value - 10, mode, std::exp(best.at), 1};
  if (best.value < kGainMin - 3) return result;
  best = climb(curve, std::max(low, best.at - step), std::min(high, best.at + step), kClimbSteps);
  if (best.value < kGainMin) return result;
  result.log_width = polish(curve, best, low, high);
  result.exponent = std::exp(best.at);
  const bool inside = best.at - 2 * result.log_width > low && best.at + 2 * result.log_width < high;
  result.log_bayes =
      result.log_width < kNarrow && inside
          ? best.value + std::log(std::sqrt(2 * M_PI) * result.log_width / (high - low))
          : integrate(curve, best, low, high);
  return result;
}

}  // namespace

double rough_gain(const Likelihood& likelihood, const Likelihood::Footprint& footprint,
                  const RateRange& range) {
  double best = -1e9;
  for (const FaultMode mode : {FaultMode::kLoss, FaultMode::kDead}) {
    if (mode == FaultMode::kDead && footprint.dead_flows < kDeadFlowsMin) continue;
    const Curve curve(likelihood, footprint, mode);
    best = std::max(best, coarse_peak(curve, bounds(mode, range)).value);
  }
  return best;
}

Score refine(const Likelihood& likelihood, const Likelihood::Footprint& footprint,
             const Score& score, const RateRange& range) {
  const Curve curve(likelihood, footprint, score.mode);
  const auto [low, high] = bounds(score.mode, range);
  const double at = std::clamp(std::log(score.exponent), low, high);
  Peak best = climb(curve, std::max(low, at - kRefineReach), std::min(high, at + kRefineReach),
                    kRefineSteps);
  Score result = score;
  result.log_width = polish(curve, best, low, high);
  result.exponent = std::exp(best.at);
  return result;
}

Score score(const Likelihood& likelihood, const Likelihood::Footprint& footprint,
            const RateRange& range, ModeSet modes) {
  Score best;
  if (modes.loss) best = score_mode(likelihood, footprint, FaultMode::kLoss, range);
  if (modes.dead && footprint.dead_flows >= kDeadFlowsMin) {
    Score dead = score_mode(likelihood, footprint, FaultMode::kDead, range);
    dead.log_bayes += kLogPriorDead;
    if (dead.log_bayes > best.log_bayes) best = dead;
  }
  return best;
}

}  // namespace faultline::localize
