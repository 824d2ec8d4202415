// SHA-256 (FIPS 180-4), and the comparison of digests that tells an attacker nothing by its time.
// Thread safety: pure functions of their arguments.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
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

}  // namespace faultline::crypto
