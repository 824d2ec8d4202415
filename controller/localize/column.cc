#include "controller/localize/column.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace faultline::localize {
namespace {

// Keeps the logarithm finite; far below any likelihood that decides something.
constexpr double kLeast = 1e-300;
// Factors below this do not enter products, and products are ended when they leave the range from
// this to its inverse.
constexpr double kFar = 1e-150;
// Its power of Column::kLostMax is far from the largest double.
constexpr double kOddsMax = 1e12;

// e^-ma for the few m that occur.
class Survival {
 public:
  explicit Survival(double exponent) : exponent_(exponent), once_(std::exp(-exponent)) {}
  [[nodiscard]] double operator()(double crossings) const {
    if (crossings == 1) return once_;
    return crossings == 2 ? once_ * once_ : std::exp(-exponent_ * crossings);
  }

 private:
  double exponent_;
  double once_;
};

// The sum of the logarithms of many numbers.
class LogSum {
 public:
  void add(double value) {
    if (value < kFar) {
      sum_ += std::log(std::max(value, kLeast));
      return;
    }
    product_ *= value;
    if (product_ > 1 / kFar || product_ < kFar) sum_ += std::log(std::exchange(product_, 1));
  }
  [[nodiscard]] double value() const { return sum_ + std::log(product_); }

 private:
  double sum_ = 0;
  double product_ = 1;
};

}  // namespace

void Column::clear(FaultMode new_mode) {
  mode = new_mode;
  clean = 0;
  records.clear();
  parts.clear();
  singles.clear();
  kinds.clear();
}

void Column::simplify_last() {
  const Record& record = records.back();
  if (mode != FaultMode::kLoss || record.count != 1 || record.copies != 1) return;
  const Part& part = parts.back();
  const bool few = part.lost >= 1 && part.lost <= kLostMax && part.lost == std::floor(part.lost);
  // Beyond this the power might leave the range of a double.
  if (!few || part.odds > kOddsMax) return;
  auto kind = std::ranges::find_if(kinds, [&](const Kind& it) {
    return it.passed == record.passed && it.crossings == part.crossings;
  });
  if (kind == kinds.end()) {
    if (kinds.size() == kKindsMax) return;
    kind = kinds.insert(kind, {record.passed, part.crossings});
  }
  singles.push_back({.rest = record.rest,
                     .share = part.share,
                     .odds = part.odds,
                     .lost = static_cast<std::uint32_t>(part.lost),
                     .kind = static_cast<std::uint32_t>(kind - kinds.begin())});
  parts.pop_back();
  records.pop_back();
}

// What all flows of a kind share at one exponent.
struct Column::At {
  double lost;    // 1 - e^-ma
  double passed;  // e^-(n - d)ma
};

std::array<Column::At, Column::kKindsMax> Column::kinds_at(double exponent) const {
  std::array<At, kKindsMax> result;
  const Survival survival(exponent);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    result[i] = {1 - survival(kinds[i].crossings),
                 std::exp(-kinds[i].passed * kinds[i].crossings * exponent)};
  }
  return result;
}

double Column::gain_of_singles(double exponent) const {
  const auto at = kinds_at(exponent);
  LogSum gain;
  for (const Single& it : singles) {
    const At& kind = at[it.kind];
    const double grown = 1 + kind.lost * it.odds;
    double value = it.share * kind.passed * grown;
    for (std::uint32_t i = 1; i < it.lost; ++i) value *= grown;
    gain.add(it.rest + value);
  }
  return gain.value();
}

void Column::add_slope_of_singles(double exponent, Slope& sum) const {
  const auto at = kinds_at(exponent);
  LogSum value_sum;
  for (const Single& it : singles) {
    const At& kind = at[it.kind];
    const double m = kinds[it.kind].crossings;
    const auto lost = static_cast<double>(it.lost);
    const double grown = 1 + kind.lost * it.odds;
    double value = it.share * kind.passed * grown;
    for (std::uint32_t i = 1; i < it.lost; ++i) value *= grown;
    const double growth = it.odds * m * (1 - kind.lost) / grown;
    const double log_first = lost * growth - kinds[it.kind].passed * m;
    const double log_second = -lost * growth * (m + growth);
    const double total = std::max(it.rest + value, kLeast);
    const double part = value / total;
    const double first = part * log_first;
    sum.first += first;
    sum.second += part * (log_first * log_first + log_second) - first * first;
    value_sum.add(total);
  }
  sum.value += value_sum.value();
}

double Column::gain(double exponent) const {
  double gain = gain_of_singles(exponent) - clean * exponent;
  if (records.empty()) return gain;
  const Survival survival(exponent);
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
  add_slope_of_singles(exponent, sum);
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
