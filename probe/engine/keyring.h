// Keyring: the STAMP keys of a node and the peers of its plan, derived from their CURVE keys.
//
// Either end of a session may be changing its key. This node signs with its own first pair and the
// peer's newest key, which the peer has held since before anybody heard of it; it accepts what is
// signed by any of its own pairs and either key of the peer. So a change loses no packet as long
// as each end hears of the other's new key before the other signs with it, which is the order of
// the exchange (schemas/control.capnp).
//
// A derivation costs about 40 us, so those that the next plan needs too are kept. Not thread safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/crypto/session_keys.h"
#include "common/model/plan.h"
#include "probe/session/peer_keys.h"

namespace faultline::engine {

class Keyring {
 public:
  // `own`: the pair that this node signs with, then others that peers may address it by.
  [[nodiscard]] std::shared_ptr<const session::KeyTable> table(
      const std::vector<crypto::KeyPair>& own, const Plan& plan);

 private:
  using Names = std::pair<PublicKey, PublicKey>;  // own, the peer's
  using Derived = std::map<Names, std::optional<crypto::SessionKeys>>;

  [[nodiscard]] const std::optional<crypto::SessionKeys>& derive(const crypto::KeyPair& own,
                                                                 const PublicKey& peer,
                                                                 Derived& kept) const;
  [[nodiscard]] std::shared_ptr<const session::PeerKeys> keys_of(
      const std::vector<crypto::KeyPair>& own, const PlanPeer& peer, Derived& kept) const;

  Derived derived_;  // for the last table
  std::shared_ptr<const session::KeyTable> last_;
};

}  // namespace faultline::engine
