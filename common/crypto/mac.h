// MacKey: HMAC-SHA-256 cut to its first 128 bits (RFC 2104, RFC 4868), the authentication of STAMP
// (RFC 8762 section 4.4).
//
// What RFC 2104 computes from the key alone is kept, so that a packet costs three compressions of
// SHA-256 and no memory: about 0.15 us with a processor's SHA instructions. OpenSSL uses those,
// libsodium does not (0.62 us on the same machine), and OpenSSL's newer interfaces allocate for
// every message: hence its plain SHA256 functions.
//
// Thread safety: immutable after construction. Wiped when destroyed; has no text form.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace faultline::crypto {

inline constexpr std::size_t kMacBytes = 16;
using Mac = std::array<std::byte, kMacBytes>;

class MacKey {
 public:
  static constexpr std::size_t kSecretBytes = 32;

  explicit MacKey(std::span<const std::uint8_t, kSecretBytes> secret);
  MacKey(const MacKey&) = default;
  MacKey& operator=(const MacKey&) = default;
  ~MacKey();

  // Of `head` and `tail`, one after the other.
  [[nodiscard]] Mac sign(std::span<const std::byte> head,
                         std::span<const std::byte> tail = {}) const;
  // Takes the same time wherever `mac` differs; false where it is no kMacBytes long.
  [[nodiscard]] bool verifies(std::span<const std::byte> mac, std::span<const std::byte> head,
                              std::span<const std::byte> tail = {}) const;
  bool operator==(const MacKey& other) const;

 private:
  using Chain = std::array<std::uint32_t, 8>;  // SHA-256 after the key's block

  Chain inner_{};
  Chain outer_{};
};

}  // namespace faultline::crypto
