// Randomness as an argument: pure code draws from an Rng it is given and never seeds one.
#pragma once

#include <cstdint>
#include <random>

namespace faultline {

using Rng = std::mt19937_64;

// Uniform in [0, 1). Unlike std::uniform_real_distribution its result is the same on every library.
[[nodiscard]] inline double uniform(Rng& rng) {
  return static_cast<double>(rng() >> 11) * 0x1.0p-53;
}

// Uniform in [0, bound); bound must be positive. Bias below 2^-32 for bounds under 2^32.
[[nodiscard]] inline std::uint64_t uniform_below(Rng& rng, std::uint64_t bound) {
  return static_cast<std::uint64_t>(uniform(rng) * static_cast<double>(bound)) % bound;
}

}  // namespace faultline
