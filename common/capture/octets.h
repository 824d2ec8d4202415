// Octets in network order, read with their bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace faultline::capture {

using Octets = std::span<const std::byte>;

// The caller has checked that they are there.
[[nodiscard]] inline std::uint8_t octet(Octets at, std::size_t offset) {
  return std::to_integer<std::uint8_t>(at[offset]);
}
[[nodiscard]] inline std::uint16_t number16(Octets at, std::size_t offset) {
  return static_cast<std::uint16_t>(octet(at, offset) << 8 | octet(at, offset + 1));
}
[[nodiscard]] inline std::uint32_t number32(Octets at, std::size_t offset) {
  return static_cast<std::uint32_t>(number16(at, offset)) << 16 | number16(at, offset + 2);
}
[[nodiscard]] inline std::uint64_t number64(Octets at, std::size_t offset) {
  return static_cast<std::uint64_t>(number32(at, offset)) << 32 | number32(at, offset + 4);
}

// What follows `offset`; nothing where it lies beyond the end.
[[nodiscard]] inline Octets after(Octets at, std::size_t offset) {
  return at.subspan(offset < at.size() ? offset : at.size());
}
[[nodiscard]] inline Octets first(Octets at, std::size_t count) {
  return at.first(count < at.size() ? count : at.size());
}

}  // namespace faultline::capture
