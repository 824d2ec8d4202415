#include "common/crypto/random.h"

#include <sodium.h>

#include "common/crypto/sodium.h"

namespace faultline::crypto {

std::uint64_t random_u64() {
  ensure_sodium();
  std::uint64_t value = 0;
  randombytes_buf(&value, sizeof value);
  return value;
}

Rng random_rng() { return Rng{random_u64()}; }

void random_bytes(std::span<std::uint8_t> bytes) {
  ensure_sodium();
  randombytes_buf(bytes.data(), bytes.size());
}

}  // namespace faultline::crypto
