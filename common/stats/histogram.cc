#include "common/stats/histogram.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "common/base/check.h"

namespace faultline::stats {
namespace {

constexpr std::uint64_t kSubBuckets = 8;  // per power of two
constexpr unsigned kSubBucketBits = 3;
constexpr std::uint64_t kValueMax = (std::uint64_t{1} << 36) - 1;

std::uint32_t saturating_add(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t sum = std::uint64_t{a} + b;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(sum, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

std::uint16_t Histogram::bucket_of(std::uint64_t nanoseconds) {
  const std::uint64_t value = std::min(nanoseconds, kValueMax);
  if (value < kSubBuckets) return static_cast<std::uint16_t>(value);
  const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBucketBits;
  return static_cast<std::uint16_t>((exponent + 1) * kSubBuckets +
                                    ((value >> exponent) - kSubBuckets));
}

std::uint64_t Histogram::bucket_low(std::uint16_t index) {
  FAULTLINE_CHECK(index < kBucketCount, "bucket out of range");
  if (index < kSubBuckets) return index;
  const unsigned exponent = static_cast<unsigned>(index / kSubBuckets) - 1;
  return (kSubBuckets + index % kSubBuckets) << exponent;
}

std::uint64_t Histogram::bucket_high(std::uint16_t index) {
  return index + 1 == kBucketCount ? kValueMax
                                   : bucket_low(static_cast<std::uint16_t>(index + 1)) - 1;
}

std::optional<Histogram> Histogram::from_buckets(std::vector<Bucket> buckets) {
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i].index >= kBucketCount || buckets[i].count == 0) return std::nullopt;
    if (i > 0 && buckets[i].index <= buckets[i - 1].index) return std::nullopt;
  }
  Histogram histogram;
  histogram.buckets_ = std::move(buckets);
  return histogram;
}

void Histogram::add(std::uint64_t nanoseconds, std::uint32_t count) {
  if (count == 0) return;
  const std::uint16_t index = bucket_of(nanoseconds);
  const auto at = std::ranges::lower_bound(buckets_, index, {}, &Bucket::index);
  if (at != buckets_.end() && at->index == index) {
    at->count = saturating_add(at->count, count);
  } else {
    buckets_.insert(at, {index, count});
  }
}

void Histogram::merge(const Histogram& other) {
  if (buckets_.empty()) {
    buckets_ = other.buckets_;
    return;
  }
  std::vector<Bucket> merged;
  merged.reserve(buckets_.size() + other.buckets_.size());
  auto a = buckets_.begin();
  auto b = other.buckets_.begin();
  while (a != buckets_.end() || b != other.buckets_.end()) {
    if (b == other.buckets_.end() || (a != buckets_.end() && a->index < b->index)) {
      merged.push_back(*a++);
    } else if (a == buckets_.end() || b->index < a->index) {
      merged.push_back(*b++);
    } else {
      merged.push_back({a->index, saturating_add(a->count, b->count)});
      ++a, ++b;
    }
  }
  buckets_ = std::move(merged);
}

std::uint64_t Histogram::count() const {
  std::uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.count;
  return total;
}

std::optional<std::uint64_t> Histogram::quantile(double share) const {
  if (buckets_.empty()) return std::nullopt;
  const double wanted = std::clamp(share, 0.0, 1.0) * static_cast<double>(count());
  double seen = 0;
  for (const auto& bucket : buckets_) {
    seen += bucket.count;
    if (seen >= wanted) return bucket_high(bucket.index);
  }
  return bucket_high(buckets_.back().index);
}

}  // namespace faultline::stats
