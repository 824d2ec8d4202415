// How a receiver knows that a webhook came from this controller and is fresh (webhook.md).
// Thread safety: pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace faultline::notify {

// HMAC-SHA256 (RFC 2104, FIPS 180-4) in lower-case hex.
[[nodiscard]] std::string hmac_sha256_hex(std::string_view secret, std::string_view message);

// The value of X-Faultline-Signature: "sha256=" and the HMAC over "<timestamp>.<body>".
[[nodiscard]] std::string signature(std::string_view secret, std::int64_t timestamp_s,
                                    std::string_view body);

inline constexpr std::size_t kSecretBytesMin = 16;
inline constexpr std::size_t kSecretBytesMax = 1024;

// The first line of a file that only its owner may read. kDenied when others may, kInvalid when it
// is shorter than kSecretBytesMin. The secret itself is in no message.
[[nodiscard]] Result<std::string> read_secret_file(const std::string& path);

}  // namespace faultline::notify
