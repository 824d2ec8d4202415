// The only source of true randomness, for shells: boot ids and the seeds of what pure code draws
// from.
#pragma once

#include <cstdint>

#include "common/base/random.h"

namespace faultline::crypto {

[[nodiscard]] std::uint64_t random_u64();
[[nodiscard]] Rng random_rng();

}  // namespace faultline::crypto
