// Text packed for a message: zstd, with a bound on what it may become again. Thread safety: pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace faultline::facts {

[[nodiscard]] Result<std::vector<std::byte>> pack(std::string_view text);
// kLimit: it says that it becomes more than `size_max` bytes, or does not say what it becomes.
[[nodiscard]] Result<std::string> unpack(std::span<const std::byte> packed, std::size_t size_max);

}  // namespace faultline::facts
