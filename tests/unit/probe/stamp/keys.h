// Keys that differ, for tests of what is authenticated.
#pragma once

#include <array>

#include "common/crypto/mac.h"

namespace faultline::stamp {

inline crypto::MacKey key(std::uint8_t first = 1) {
  std::array<std::uint8_t, crypto::MacKey::kSecretBytes> secret{};
  for (auto& octet : secret) octet = first++;
  return crypto::MacKey(secret);
}

}  // namespace faultline::stamp
