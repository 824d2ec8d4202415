#include "controller/localize/score.h"

#include <algorithm>
#include <cmath>

namespace faultline::localize {
namespace {

constexpr int kFinePoints = 33;
constexpr int kNewtonSteps = 8;
constexpr double kStepSmall = 0.005;  // in log exponent
constexpr double kRefineReach = 0.7;
// A component whose best rate gains less than this cannot pay for Occam's factor.
constexpr double kGainMin = 1.0;
// Below this width of the peak in log rate Laplace's method is exact enough.
constexpr double kNarrow = 0.35;
constexpr double kWide = 3;
// Farther than so many widths below the peak nothing adds to the integral.
constexpr double kLogNothing = 20;

struct Bounds {
  double low = 0;
  double high = 0;
};

Bounds bounds(FaultMode mode, const RateRange& range) {
  const bool loss = mode == FaultMode::kLoss;
  return {std::log(loss ? range.loss_min : range.dead_min),
          std::log(loss ? range.loss_max : range.dead_max)};
}

struct Peak {
  double at = 0;  // log exponent
  double value = 0;
  double width = 1;
};

// Newton's method for the highest point between `low` and `high`, by halves where it would leave
// the bracket or the curve is not concave.
Peak climb(const Column& column, double at, double low, double high) {
  Peak best{at, -1e300, kWide};
  for (int i = 0; i < kNewtonSteps; ++i) {
    const Column::Slope here = column.slope(std::exp(at));
    if (here.value > best.value) {
      best = {at, here.value, here.second < -1e-3 ? 1 / std::sqrt(-here.second) : kWide};
    }
    (here.first > 0 ? low : high) = at;
    double next = here.second < 0 ? at - here.first / here.second : (low + high) / 2;
    if (!(next > low && next < high)) next = (low + high) / 2;
    if (std::abs(next - at) < std::min(kStepSmall, 0.05 * best.width)) break;
    at = next;
  }
  return best;
}

double integrate(const Column& column, const Peak& peak, const Bounds& range) {
  double total = 0;
  const double step = (range.high - range.low) / (kFinePoints - 1);
  const auto value = [&](int i) {
    const double log_value = column.gain(std::exp(range.low + step * i)) - peak.value;
    const double weight = i == 0 || i == kFinePoints - 1 ? 0.5 : 1;
    total += weight * std::exp(log_value);
    return log_value;
  };
  // From the peak outward, as far as there is anything.
  const int middle = static_cast<int>((peak.at - range.low) / step);
  for (int i = middle; i >= 0; --i) {
    if (value(i) < -kLogNothing) break;
  }
  for (int i = middle + 1; i < kFinePoints; ++i) {
    if (value(i) < -kLogNothing) break;
  }
  return peak.value + std::log(total / (kFinePoints - 1));
}

}  // namespace

std::array<double, kCoarsePoints> coarse_exponents(FaultMode mode, const RateRange& range) {
  const auto [low, high] = bounds(mode, range);
  std::array<double, kCoarsePoints> result{};
  for (int i = 0; i < kCoarsePoints; ++i) {
    result[static_cast<std::size_t>(i)] = std::exp(low + (high - low) * i / (kCoarsePoints - 1));
  }
  return result;
}

Score score(const Column& column, const RateRange& range, double gain_min) {
  const auto [low, high] = bounds(column.mode, range);
  const double step = (high - low) / (kCoarsePoints - 1);
  Peak best{low, -1e9};
  for (const double exponent : coarse_exponents(column.mode, range)) {
    const double value = column.gain(exponent);
    if (value > best.value) best = {std::log(exponent), value, 1};
  }
  Score result{best.value - 10, column.mode, std::exp(best.at), 1};
  if (best.value < kGainMin - 3) return result;
  if (above_coarse(best.value) < gain_min) return result;
  best = climb(column, best.at, std::max(low, best.at - step), std::min(high, best.at + step));
  if (best.value < kGainMin) return result;
  result.log_width = best.width;
  result.exponent = std::exp(best.at);
  const bool inside = best.at - 2 * best.width > low && best.at + 2 * best.width < high;
  result.log_bayes = best.width < kNarrow && inside
                         ? best.value + std::log(std::sqrt(2 * M_PI) * best.width / (high - low))
                         : integrate(column, best, {low, high});
  return result;
}

Score refine(const Column& column, const Score& score, const RateRange& range) {
  const auto [low, high] = bounds(score.mode, range);
  const double at = std::clamp(std::log(score.exponent), low, high);
  const Peak best =
      climb(column, at, std::max(low, at - kRefineReach), std::min(high, at + kRefineReach));
  Score result = score;
  result.log_width = best.width;
  result.exponent = std::exp(best.at);
  return result;
}

}  // namespace faultline::localize
