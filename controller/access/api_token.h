// ApiToken: what a person or program shows to use the API over a network.
//
// The text is "flo_<id>_<secret>": the id is 12 hex digits and no secret, the secret 32 random
// bytes as base64url. Whoever finds the text in a log or a repository can see what it is.
//
// Only a SHA-256 of the text is kept. A slow password hash would be wrong here: it protects secrets
// that people choose, against guessing; 256 random bits cannot be guessed, and a slow hash would
// only let strangers spend the controller's CPU.
//
// Pure: the randomness is an argument. Thread safety: values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/crypto/digest.h"
#include "controller/access/role.h"

namespace faultline::access {

inline constexpr std::size_t kApiTokenTextMax = 60;  // bytes: 4 + 12 + 1 + 43

// What the ledger keeps, and lists show (without the hash).
struct ApiToken {
  std::string id;
  std::string name;  // for people; unique
  Role role = Role::kViewer;
  crypto::Digest hash{};
  WallTime created_at{};
  std::string created_by;
  WallTime expires_at{};

  bool operator==(const ApiToken&) const = default;
};

using TokenId = std::array<std::uint8_t, 6>;
using TokenSecret = std::array<std::uint8_t, 32>;

[[nodiscard]] std::string format_api_token(const TokenId& id, const TokenSecret& secret);
// The id in a text that has the form of a token; empty for any other text.
[[nodiscard]] std::optional<std::string> id_of_api_token(std::string_view text);

[[nodiscard]] std::string to_json(const ApiToken& token);
// kCorrupt for what to_json() does not write.
[[nodiscard]] Result<ApiToken> api_token_from_json(std::string_view text);

}  // namespace faultline::access
