// Histogram: a delay distribution in constant space that merges without loss.
//
// Log-linear buckets as in HdrHistogram (Tene): 8 linear buckets per power of two, so a bucket is
// at most 12.5 % wide. Values 0 .. 2^36 - 1 ns (68 s); larger ones count into the last bucket. Only
// occupied buckets are kept: a target's window holds a dozen of them, not the 272 possible.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace faultline::stats {

class Histogram {
 public:
  static constexpr std::uint16_t kBucketCount = 272;

  struct Bucket {
    std::uint16_t index = 0;  // below kBucketCount
    std::uint32_t count = 0;  // saturates
    bool operator==(const Bucket&) const = default;
  };

  Histogram() = default;
  // From stored buckets: ascending, unique, in range and non-empty, otherwise nullopt.
  [[nodiscard]] static std::optional<Histogram> from_buckets(std::vector<Bucket> buckets);

  void add(std::uint64_t nanoseconds, std::uint32_t count = 1);
  void merge(const Histogram& other);
  void clear() { buckets_.clear(); }

  [[nodiscard]] std::uint64_t count() const;
  // The smallest bucket's upper edge that at least `share` (0..1) of the values do not exceed.
  // Empty when nothing was added.
  [[nodiscard]] std::optional<std::uint64_t> quantile(double share) const;
  [[nodiscard]] const std::vector<Bucket>& buckets() const { return buckets_; }

  [[nodiscard]] static std::uint16_t bucket_of(std::uint64_t nanoseconds);
  // Smallest and largest value of a bucket.
  [[nodiscard]] static std::uint64_t bucket_low(std::uint16_t index);
  [[nodiscard]] static std::uint64_t bucket_high(std::uint16_t index);

  bool operator==(const Histogram&) const = default;

 private:
  std::vector<Bucket> buckets_;  // ascending by index, counts positive
};

}  // namespace faultline::stats
