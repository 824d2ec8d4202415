// What every measurement here shares: the clock, the peak of memory, and the mark for a verdict.
#pragma once

#include <cstddef>

#include "controller/localize/localizer.h"
#include "tests/bench/localize/fat_tree.h"

namespace faultline::bench {

inline constexpr std::uint64_t kSeed = 5000;
inline constexpr std::int64_t kStart = 1'700'000'000;

[[nodiscard]] double cpu_ms();   // processor time of this process
[[nodiscard]] double peak_mb();  // of its memory so far

// Puts one window of the tree's flows into its set; how many of them lost packets.
std::size_t observe(FatTree& tree);

[[nodiscard]] double f1(std::size_t right, std::size_t named, std::size_t faults);

struct Solved {
  double ms = 0;  // from observations to verdict
  double f1 = 0;
};
[[nodiscard]] Solved solve(FatTree& tree);

}  // namespace faultline::bench
