// What a fuzzer defines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// libFuzzer's entry point: must return for every input; anything wrong aborts.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace faultline::fuzz {

using Bytes = std::vector<std::byte>;

// Valid inputs to mutate.
[[nodiscard]] std::vector<Bytes> seeds();

inline std::span<const std::byte> as_input(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

}  // namespace faultline::fuzz
