// SHA-256 (FIPS 180-4), of a text at once or of what comes in pieces, and the comparison of digests
// that tells an attacker nothing by its time.
// Thread safety: the functions are pure; a Sha256 belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace faultline::crypto {

using Digest = std::array<std::uint8_t, 32>;

[[nodiscard]] Digest sha256(std::string_view message);
// Takes the same time wherever the two differ.
[[nodiscard]] bool equal_in_constant_time(const Digest& one, const Digest& other);

// 64 lower-case hex digits.
[[nodiscard]] std::string to_hex(const Digest& digest);
[[nodiscard]] std::optional<Digest> digest_from_hex(std::string_view text);

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::span<const std::byte> bytes);
  // Nothing may be added afterwards.
  [[nodiscard]] Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace faultline::crypto
