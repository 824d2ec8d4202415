// Sealed messages: what the owners of two key pairs say to each other through somebody who is to
// neither read nor change it.
//
// sealed = nonce (24 random octets) | crypto_box of: kind octet | message
//
// Why it exists: CURVE ends at each hop, and results may take two. Its keys are X25519 keys, which
// crypto_box takes as they are. Both directions of a pair share one secret, so the kind octet,
// inside, keeps what one said from being taken for what the other said. Nothing here tells of
// repeats: a message must bear them (a batch is known by boot and sequence, and an acknowledgement
// stays true). Thread safety: pure, but for the nonce. Costs one X25519 and little per octet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/crypto/keys.h"
#include "common/model/ids.h"

namespace faultline::crypto {

enum class SealKind : std::uint8_t { kBatch = 1, kBatchAck = 2 };

// kInvalid for a key that is no point to agree with (of low order): nobody has its secret.
[[nodiscard]] Result<std::vector<std::byte>> seal(SealKind kind, const KeyPair& own,
                                                  const PublicKey& to,
                                                  std::span<const std::byte> message);
// kDenied for what is not of `from`, not to `own`, of another kind, or changed.
[[nodiscard]] Result<std::vector<std::byte>> open_seal(SealKind kind, const KeyPair& own,
                                                       const PublicKey& from,
                                                       std::span<const std::byte> sealed);

}  // namespace faultline::crypto
