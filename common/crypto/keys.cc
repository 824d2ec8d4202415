#include "common/crypto/keys.h"

#include <algorithm>

#include <sodium.h>

#include "common/base/check.h"
#include "common/crypto/sodium.h"

namespace faultline::crypto {

static_assert(kSecretKeyBytes == crypto_box_SECRETKEYBYTES);
static_assert(sizeof(PublicKey::bytes) == crypto_box_PUBLICKEYBYTES);

void ensure_sodium() {
  // Thread safe and cheap after the first call; it fails only where the kernel has no randomness.
  FAULTLINE_CHECK(sodium_init() >= 0, "libsodium cannot start: no source of randomness");
}

SecretKey::SecretKey(std::span<const std::uint8_t, kSecretKeyBytes> bytes) {
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

SecretKey::~SecretKey() { sodium_memzero(bytes_.data(), bytes_.size()); }

bool SecretKey::operator==(const SecretKey& other) const {
  return sodium_memcmp(bytes_.data(), other.bytes_.data(), bytes_.size()) == 0;
}

KeyPair generate_key_pair() {
  ensure_sodium();
  PublicKey public_key;
  std::array<std::uint8_t, kSecretKeyBytes> secret{};
  crypto_box_keypair(public_key.bytes.data(), secret.data());
  KeyPair pair{.public_key = public_key, .secret_key = SecretKey{secret}};
  sodium_memzero(secret.data(), secret.size());
  return pair;
}

PublicKey public_key_of(const SecretKey& secret) {
  PublicKey public_key;
  crypto_scalarmult_base(public_key.bytes.data(), secret.bytes().data());
  return public_key;
}

}  // namespace faultline::crypto
