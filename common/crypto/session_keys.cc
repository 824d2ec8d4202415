#include "common/crypto/session_keys.h"

#include <array>
#include <string_view>

#include <sodium.h>

#include "common/crypto/sodium.h"

namespace faultline::crypto {
namespace {

using Secret = std::array<std::uint8_t, crypto_scalarmult_BYTES>;

constexpr std::string_view kContext = "faultline/stamp1";
static_assert(kContext.size() == crypto_generichash_blake2b_PERSONALBYTES);

MacKey derive(const Secret& secret, const PublicKey& sender, const PublicKey& reflector) {
  std::array<std::uint8_t, 2 * sizeof(PublicKey::bytes)> names;
  std::copy(sender.bytes.begin(), sender.bytes.end(), names.begin());
  std::copy(reflector.bytes.begin(), reflector.bytes.end(),
            names.begin() + sizeof(PublicKey::bytes));
  std::array<std::uint8_t, MacKey::kSecretBytes> key{};
  crypto_generichash_blake2b_salt_personal(key.data(), key.size(), names.data(), names.size(),
                                           secret.data(), secret.size(), nullptr,
                                           reinterpret_cast<const unsigned char*>(kContext.data()));
  MacKey result{key};
  sodium_memzero(key.data(), key.size());
  return result;
}

}  // namespace

std::optional<SessionKeys> derive_session_keys(const KeyPair& own, const PublicKey& peer) {
  ensure_sodium();
  Secret secret{};
  if (crypto_scalarmult(secret.data(), own.secret_key.bytes().data(), peer.bytes.data()) != 0) {
    return std::nullopt;
  }
  SessionKeys keys{.sending = derive(secret, own.public_key, peer),
                   .reflecting = derive(secret, peer, own.public_key)};
  sodium_memzero(secret.data(), secret.size());
  return keys;
}

}  // namespace faultline::crypto
