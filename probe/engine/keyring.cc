#include "probe/engine/keyring.h"

namespace faultline::engine {

const std::optional<crypto::SessionKeys>& Keyring::derive(const crypto::KeyPair& own,
                                                          const PublicKey& peer,
                                                          Derived& kept) const {
  const Names names{own.public_key, peer};
  const auto [entry, added] = kept.try_emplace(names);
  if (!added) return entry->second;
  const auto known = derived_.find(names);
  entry->second = known != derived_.end() ? known->second : derive_session_keys(own, peer);
  return entry->second;
}

std::shared_ptr<const session::PeerKeys> Keyring::keys_of(const std::vector<crypto::KeyPair>& own,
                                                          const PlanPeer& peer,
                                                          Derived& kept) const {
  const auto& newest = peer.second_key ? *peer.second_key : peer.key;
  const auto& signing = derive(own.front(), newest, kept);
  if (!signing) return nullptr;
  session::PeerKeys keys{.sending = signing->sending};
  for (const auto& pair : own) {
    for (const auto* key : {&peer.key, peer.second_key ? &*peer.second_key : nullptr}) {
      if (key == nullptr) continue;
      if (const auto& derived = derive(pair, *key, kept)) {
        keys.accepted.push_back(derived->reflecting);
      }
    }
  }
  const auto before = last_ ? last_->find(peer.node) : session::KeyTable::const_iterator{};
  if (last_ && before != last_->end()) {
    const auto& old = *before->second;
    if (old.sending == keys.sending) {
      keys.sent_before = old.sent_before;
    } else {
      keys.sent_before = old.sending;
    }
  }
  return std::make_shared<const session::PeerKeys>(std::move(keys));
}

std::shared_ptr<const session::KeyTable> Keyring::table(const std::vector<crypto::KeyPair>& own,
                                                        const Plan& plan) {
  session::KeyTable table;
  Derived kept;
  for (const auto& peer : plan.peers) {
    if (auto keys = keys_of(own, peer, kept)) table.emplace(peer.node, std::move(keys));
  }
  derived_ = std::move(kept);
  last_ = std::make_shared<const session::KeyTable>(std::move(table));
  return last_;
}

}  // namespace faultline::engine
