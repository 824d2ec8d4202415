// The only source of true randomness, for shells: boot ids, secrets, and the seeds of what pure
// code draws from.
#pragma once

#include <cstdint>
#include <span>

#include "common/base/random.h"

namespace faultline::crypto {

[[nodiscard]] std::uint64_t random_u64();
[[nodiscard]] Rng random_rng();
// Fills `bytes`; good for secrets.
void random_bytes(std::span<std::uint8_t> bytes);

}  // namespace faultline::crypto
