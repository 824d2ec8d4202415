#include "controller/localize/column.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace faultline::localize {
namespace {

// Keeps the logarithm finite; far below any likelihood that decides something.
constexpr double kLeast = 1e-300;

// e^-ma for the few m that occur, so that a column asks for each once.
class Survival {
 public:
  explicit Survival(double exponent) : exponent_(exponent) {
    for (std::size_t i = 0; i < known_.size(); ++i) {
      known_[i] = std::exp(-exponent * static_cast<double>(i));
    }
  }
  [[nodiscard]] double operator()(double crossings) const {
    const auto whole = static_cast<std::size_t>(crossings);
    return whole < known_.size() ? known_[whole] : std::exp(-exponent_ * crossings);
  }

 private:
  double exponent_;
  std::array<double, 5> known_{};
};

}  // namespace

void Column::clear(FaultMode new_mode) {
  mode = new_mode;
  clean = 0;
  records.clear();
  parts.clear();
}

double Column::gain(double exponent) const {
  const Survival survival(exponent);
  double gain = -clean * exponent;
  for (const Record& record : records) {
    double total = record.rest;
    for (std::uint32_t i = record.first; i < record.first + record.count; ++i) {
      const Part& part = parts[i];
      const double left = survival(part.crossings);
      if (mode == FaultMode::kDead) {
        total += part.share * left;
        continue;
      }
      double log_ratio = -record.passed * part.crossings * exponent;
      if (part.lost > 0) log_ratio += part.lost * std::log(1 + (1 - left) * part.odds);
      total += part.share * std::exp(log_ratio);
    }
    gain += record.copies * std::log(std::max(total, kLeast));
  }
  return gain;
}

Column::Slope Column::slope(double exponent) const {
  const Survival survival(exponent);
  Slope sum{-clean * exponent, -clean, 0};
  for (const Record& record : records) {
    double total = record.rest;
    double first = 0;
    double second = 0;
    for (std::uint32_t i = record.first; i < record.first + record.count; ++i) {
      const Part& part = parts[i];
      const double m = part.crossings;
      const double left = survival(m);
      if (mode == FaultMode::kDead) {
        total += part.share * left;
        first -= m * part.share * left;
        second += m * m * part.share * left;
        continue;
      }
      double log_ratio = -record.passed * m * exponent;
      double log_first = -record.passed * m;
      double log_second = 0;
      if (part.lost > 0) {
        const double grown = 1 + (1 - left) * part.odds;
        const double growth = part.odds * m * left / grown;
        log_ratio += part.lost * std::log(grown);
        log_first += part.lost * growth;
        log_second -= part.lost * growth * (m + growth);
      }
      const double value = part.share * std::exp(log_ratio);
      total += value;
      first += value * log_first;
      second += value * (log_first * log_first + log_second);
    }
    total = std::max(total, kLeast);
    sum.value += record.copies * std::log(total);
    sum.first += record.copies * first / total;
    sum.second += record.copies * (second / total - (first / total) * (first / total));
  }
  return {sum.value, exponent * sum.first, exponent * (sum.first + exponent * sum.second)};
}

}  // namespace faultline::localize
