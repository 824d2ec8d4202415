// CURVE25519 key pairs: a node's or controller's identity, used as they are by ZeroMQ's CURVE.
//
// Thread safety: plain values. Secrets are wiped when they are destroyed or overwritten, compare in
// constant time and have no text form: nothing here can print one by accident.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/result.h"
#include "common/model/ids.h"

namespace faultline::crypto {

inline constexpr std::size_t kSecretKeyBytes = 32;

class SecretKey {
 public:
  SecretKey() = default;
  explicit SecretKey(std::span<const std::uint8_t, kSecretKeyBytes> bytes);
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();

  [[nodiscard]] std::span<const std::uint8_t, kSecretKeyBytes> bytes() const { return bytes_; }
  bool operator==(const SecretKey& other) const;

 private:
  std::array<std::uint8_t, kSecretKeyBytes> bytes_{};
};

struct KeyPair {
  PublicKey public_key;
  SecretKey secret_key;

  bool operator==(const KeyPair&) const = default;
};

[[nodiscard]] KeyPair generate_key_pair();
// The public half follows from the secret one.
[[nodiscard]] PublicKey public_key_of(const SecretKey& secret);

}  // namespace faultline::crypto
