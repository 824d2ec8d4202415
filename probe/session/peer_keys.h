// PeerKeys: what the sessions with one peer are authenticated by. The shell derives them
// (probe/engine/keyring.h); here they are values, published as immutable snapshots.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/crypto/mac.h"
#include "common/model/ids.h"

namespace faultline::session {

struct PeerKeys {
  crypto::MacKey sending;  // signs this node's packets to the peer, and the peer's replies
  // The same before the last change of keys: replies that are still on their way.
  std::optional<crypto::MacKey> sent_before{};
  // What the peer's own packets may be signed by, likeliest first: either end may change its key.
  std::vector<crypto::MacKey> accepted{};

  bool operator==(const PeerKeys&) const = default;
};

// Peers without an entry cannot be authenticated.
using KeyTable = std::unordered_map<NodeId, std::shared_ptr<const PeerKeys>>;

}  // namespace faultline::session
