// The STAMP keys of two nodes, from what both know and nobody else: the secret that their CURVE
// key pairs share.
//
// secret = X25519(own secret, peer's public)
// key    = BLAKE2b-256(key: secret, personal: "faultline/stamp1", sender's public | reflector's)
//
// Each direction has its own key, so that a packet of one cannot be replayed as one of the other.
// The context string keeps these keys apart from whatever else is ever derived from the same pairs;
// its digit is the version of this derivation. Thread safety: pure. Costs one X25519, about 40 us.
#pragma once

#include <optional>

#include "common/crypto/keys.h"
#include "common/crypto/mac.h"
#include "common/model/ids.h"

namespace faultline::crypto {

struct SessionKeys {
  MacKey sending;     // sessions from `own` to `peer`: their packets and the replies to them
  MacKey reflecting;  // sessions from `peer` to `own`

  bool operator==(const SessionKeys&) const = default;
};

// Empty for a peer's key that is no point to agree with (of low order): nobody has its secret.
[[nodiscard]] std::optional<SessionKeys> derive_session_keys(const KeyPair& own,
                                                             const PublicKey& peer);

}  // namespace faultline::crypto
