#include "common/crypto/digest.h"

#include <sodium.h>

#include "common/crypto/sodium.h"

namespace faultline::crypto {

Digest sha256(std::string_view message) {
  ensure_sodium();
  Digest digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(message.data()),
                     message.size());
  return digest;
}

bool equal_in_constant_time(const Digest& one, const Digest& other) {
  return sodium_memcmp(one.data(), other.data(), one.size()) == 0;
}

std::string to_hex(const Digest& digest) {
  std::string hex(2 * digest.size() + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  hex.pop_back();  // the terminating zero
  return hex;
}

std::optional<Digest> digest_from_hex(std::string_view text) {
  Digest digest{};
  std::size_t size = 0;
  if (text.size() != 2 * digest.size() ||
      sodium_hex2bin(digest.data(), digest.size(), text.data(), text.size(), nullptr, &size,
                     nullptr) != 0 ||
      size != digest.size()) {
    return std::nullopt;
  }
  return digest;
}

}  // namespace faultline::crypto
