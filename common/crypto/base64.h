// Octets as base64 (RFC 4648 section 4, padded), for JSON documents.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace faultline::crypto {

[[nodiscard]] std::string to_base64(std::span<const std::byte> octets);
// Empty: not such a text.
[[nodiscard]] std::optional<std::vector<std::byte>> from_base64(std::string_view text);

}  // namespace faultline::crypto
