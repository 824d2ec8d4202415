// JoinToken: what an operator pastes on a new node so that it can join once.
//
// It carries where the controllers are, the keys that prove it is them, and the secret half of a
// one-use CURVE identity whose public half the controller knows. The text form is "flt1_" and
// base64url without padding of the layout below, so that a shell, a chat and YAML leave it alone.
//
//   count u8, then per endpoint: length u8, bytes     "tcp://10.0.0.1:7400"
//   count u8, then per controller: public key 32
//   one-use secret key 32
//   checksum 4: the first octets of SHA-256 over all that precedes; against typing errors, not
//   attackers
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/crypto/keys.h"
#include "common/model/ids.h"

namespace faultline::crypto {

inline constexpr std::size_t kTokenEndpointsMax = 8;
inline constexpr std::size_t kTokenEndpointBytesMax = 255;
inline constexpr std::size_t kTokenControllersMax = 8;

struct JoinToken {
  std::vector<std::string> endpoints;
  std::vector<PublicKey> controllers;
  SecretKey one_use;

  bool operator==(const JoinToken&) const = default;
};

// The token must be within the limits above, with at least one endpoint and one controller.
[[nodiscard]] std::string format_token(const JoinToken& token);
// Surrounding white space is accepted. Errors say what is wrong and never repeat the token.
[[nodiscard]] Result<JoinToken> parse_token(std::string_view text);

}  // namespace faultline::crypto
