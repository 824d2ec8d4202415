#include "common/stats/histogram.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "common/base/random.h"
#include "tests/support/catch.h"

namespace faultline::stats {
namespace {

TEST_CASE("buckets cover every value without gap or overlap", "[stats][histogram]") {
  for (std::uint16_t index = 0; index < Histogram::kBucketCount; ++index) {
    CAPTURE(index);
    const auto low = Histogram::bucket_low(index);
    const auto high = Histogram::bucket_high(index);
    REQUIRE(Histogram::bucket_of(low) == index);
    REQUIRE(Histogram::bucket_of(high) == index);
    REQUIRE(high - low <= low / 8);
    if (index > 0) {
      REQUIRE(low == Histogram::bucket_high(static_cast<std::uint16_t>(index - 1)) + 1);
    }
  }
  CHECK(Histogram::bucket_of(~std::uint64_t{0}) == Histogram::kBucketCount - 1);
}

std::vector<std::uint64_t> random_values(Rng& rng) {
  std::vector<std::uint64_t> values(1 + uniform_below(rng, 200));
  for (auto& value : values) value = (rng() & 0xfffffffffULL) >> uniform_below(rng, 36);
  return values;
}

TEST_CASE("a histogram agrees with counting each value by hand", "[stats][histogram][property]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Histogram histogram;
    std::map<std::uint16_t, std::uint32_t> naive;
    for (const auto value : random_values(rng)) {
      const auto count = static_cast<std::uint32_t>(uniform_below(rng, 3));
      histogram.add(value, count);
      if (count > 0) naive[Histogram::bucket_of(value)] += count;
    }
    std::vector<Histogram::Bucket> expected;
    for (const auto& [index, count] : naive) expected.push_back({index, count});
    REQUIRE(histogram.buckets() == expected);
    REQUIRE(Histogram::from_buckets(expected) == histogram);
  }
}

TEST_CASE("merging loses nothing: the parts' sum is the whole", "[stats][histogram][property]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Histogram whole;
    Histogram left;
    Histogram right;
    for (const auto value : random_values(rng)) {
      whole.add(value);
      (uniform_below(rng, 2) == 0 ? left : right).add(value);
    }
    auto merged = left;
    merged.merge(right);
    REQUIRE(merged == whole);
    right.merge(left);
    REQUIRE(right == whole);
  }
}

TEST_CASE("a quantile is at most one bucket above the exact one", "[stats][histogram][property]") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Rng rng(seed);
    auto values = random_values(rng);
    Histogram histogram;
    for (const auto value : values) histogram.add(value);
    std::ranges::sort(values);
    for (const double share : {0.5, 0.9, 0.99, 1.0}) {
      CAPTURE(seed, share);
      const double rank = std::ceil(share * static_cast<double>(values.size()));
      const auto exact = values[static_cast<std::size_t>(rank) - 1];
      REQUIRE(histogram.quantile(share) == Histogram::bucket_high(Histogram::bucket_of(exact)));
    }
  }
}

TEST_CASE("an empty histogram has no quantile", "[stats][histogram]") {
  Histogram histogram;
  CHECK_FALSE(histogram.quantile(0.5));
  histogram.add(7);
  CHECK(histogram.quantile(0) == 7);
  histogram.clear();
  CHECK(histogram.count() == 0);
}

TEST_CASE("counts saturate instead of wrapping", "[stats][histogram]") {
  Histogram histogram;
  histogram.add(1, 0xfffffff0U);
  histogram.add(1, 0x20U);
  auto other = histogram;
  other.merge(histogram);
  CHECK(histogram.buckets() == std::vector<Histogram::Bucket>{{1, 0xffffffffU}});
  CHECK(other == histogram);
}

TEST_CASE("stored buckets that are out of order, empty or out of range are refused",
          "[stats][histogram]") {
  CHECK(Histogram::from_buckets({}));
  CHECK_FALSE(Histogram::from_buckets({{2, 1}, {1, 1}}));
  CHECK_FALSE(Histogram::from_buckets({{1, 1}, {1, 1}}));
  CHECK_FALSE(Histogram::from_buckets({{1, 0}}));
  CHECK_FALSE(Histogram::from_buckets({{Histogram::kBucketCount, 1}}));
}

}  // namespace
}  // namespace faultline::stats
