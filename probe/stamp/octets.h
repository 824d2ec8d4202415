// Numbers in network order at an offset of a packet. The caller has checked the length.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace faultline::stamp {

template <std::unsigned_integral T>
void put(std::span<std::byte> out, std::size_t offset, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out[offset + i] = static_cast<std::byte>(value >> (8 * (sizeof(T) - 1 - i)));
  }
}

template <std::unsigned_integral T>
T get(std::span<const std::byte> in, std::size_t offset) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(static_cast<std::uint64_t>(value) << 8 |
                           std::to_integer<std::uint8_t>(in[offset + i]));
  }
  return value;
}

}  // namespace faultline::stamp
