// Digest: one number of all that happened (FNV-1a). Two histories that differ anywhere, in content
// or in order, have two numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace faultline::sim {

class Digest {
 public:
  void mix(std::span<const std::byte> bytes) {
    for (const auto byte : bytes) {
      value_ = (value_ ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3;
    }
  }
  void mix(std::string_view text) { mix(std::as_bytes(std::span(text))); }
  // Numbers without a gap between them: counters.
  template <typename Numbers>
  requires std::has_unique_object_representations_v<Numbers>
  void mix_numbers(const Numbers& numbers) { mix(std::as_bytes(std::span(&numbers, 1))); }

  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace faultline::sim
