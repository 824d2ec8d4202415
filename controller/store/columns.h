// Columns: sequences of numbers, and of histograms, in bits. What blocks and roll-ups are made of.
//
// A column is its first value, then 1 bit "as predicted", or k (6 bits) and the differences from
// the prediction in Rice's code (bits.h). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/stats/histogram.h"
#include "controller/store/bits.h"

namespace faultline::store {

inline constexpr unsigned kParameterBits = 6;

// Predicts each value from those before it. kShift 0: as the last one, for counts. Larger: a
// running mean, which the noise of single values moves little, for delays.
template <unsigned kShift>
class Predictor {
 public:
  [[nodiscard]] std::int64_t value() const { return value_; }
  void saw(std::int64_t value) {
    value_ = is_first_ ? value : value_ + ((value - value_) >> kShift);
    is_first_ = false;
  }

 private:
  std::int64_t value_ = 0;
  bool is_first_ = true;
};

using Column = std::vector<std::int64_t>;

template <unsigned kShift>
void put_column(BitWriter& bits, const Column& column) {
  if (column.empty()) return;
  Predictor<kShift> predictor;
  predictor.saw(column.front());
  std::uint64_t sum = 0;
  for (std::size_t i = 1; i < column.size(); ++i) {
    sum += zigzag(column[i] - predictor.value());
    predictor.saw(column[i]);
  }
  // The first value is no difference: it would spoil k for the others.
  bits.put_varint(zigzag(column.front()));
  bits.put(sum == 0, 1);
  if (sum == 0) return;
  const unsigned k = rice_parameter(sum, column.size() - 1);
  bits.put(k, kParameterBits);
  predictor = {};
  predictor.saw(column.front());
  for (std::size_t i = 1; i < column.size(); ++i) {
    bits.put_rice(zigzag(column[i] - predictor.value()), k);
    predictor.saw(column[i]);
  }
}

template <unsigned kShift>
void take_column(BitReader& bits, std::size_t count, Column& column) {
  column.clear();
  if (count == 0) return;
  Predictor<kShift> predictor;
  column.push_back(from_zigzag(bits.take_varint()));
  if (bits.take(1) != 0) {
    column.resize(count, column.front());
    return;
  }
  predictor.saw(column.front());
  const auto k = static_cast<unsigned>(bits.take(kParameterBits));
  while (column.size() < count) {
    column.push_back(predictor.value() + from_zigzag(bits.take_rice(k)));
    predictor.saw(column.back());
  }
}

// Histograms one after the other: occupied buckets lie close together and hold few values.
class HistogramColumn {
 public:
  void put(BitWriter& bits, const stats::Histogram& histogram) {
    const auto& buckets = histogram.buckets();
    std::uint64_t sum = 0;
    for (const auto& bucket : buckets) sum += bucket.count - 1;
    const unsigned k = rice_parameter(sum, buckets.size());
    bits.put_rice(buckets.size(), kSizeParameter);
    bits.put(k, kParameterBits);
    std::int64_t before = first_before_;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
      const std::int64_t step = buckets[i].index - before;
      // Only the first may lie before that of the last histogram.
      bits.put_rice(i == 0 ? zigzag(step) : static_cast<std::uint64_t>(step - 1), kStepParameter);
      bits.put_rice(buckets[i].count - 1, k);
      before = buckets[i].index;
    }
    if (!buckets.empty()) first_before_ = buckets.front().index;
  }

  // Empty: damaged.
  [[nodiscard]] std::optional<stats::Histogram> take(BitReader& bits) {
    const std::uint64_t count = bits.take_rice(kSizeParameter);
    const auto k = static_cast<unsigned>(bits.take(kParameterBits));
    if (bits.failed() || count > stats::Histogram::kBucketCount) return std::nullopt;
    std::vector<stats::Histogram::Bucket> buckets;
    std::int64_t before = first_before_;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t step = bits.take_rice(kStepParameter);
      before += i == 0 ? from_zigzag(step) : static_cast<std::int64_t>(step + 1);
      if (before < 0 || before >= stats::Histogram::kBucketCount) return std::nullopt;
      const std::uint64_t values = bits.take_rice(k) + 1;
      buckets.push_back({static_cast<std::uint16_t>(before), static_cast<std::uint32_t>(values)});
    }
    if (!buckets.empty()) first_before_ = buckets.front().index;
    return stats::Histogram::from_buckets(std::move(buckets));
  }

 private:
  static constexpr unsigned kSizeParameter = 3;
  static constexpr unsigned kStepParameter = 0;

  std::int64_t first_before_ = 0;
};

}  // namespace faultline::store
