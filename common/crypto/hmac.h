// HMAC-SHA-256 (RFC 2104, FIPS 180-4), for the signature of webhooks.
#pragma once

#include <string>
#include <string_view>

namespace faultline::crypto {

// 64 lower-case hex digits. The key may have any length.
[[nodiscard]] std::string hmac_sha256_hex(std::string_view key, std::string_view message);

}  // namespace faultline::crypto
