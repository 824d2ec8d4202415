// A 64-bit mix (the finalizer of splitmix64, Steele et al., OOPSLA 2014): close inputs give
// unrelated outputs, the same on every machine. Pure.
#pragma once

#include <cstdint>

namespace faultline::plan {

[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value + 0x9e3779b97f4a7c15ULL);
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ value >> 27) * 0x94d049bb133111ebULL;
  return value ^ value >> 31;
}

}  // namespace faultline::plan
