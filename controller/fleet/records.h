// NodeRecord and TokenRecord: what the ledger keeps of the fleet, and its JSON form.
//
// Why it exists: a controller that restarts must know every pinned key and every unspent token
// exactly as before. What can be learned again from the next Hello or Heartbeat is not in here.
//
// Stored text is validated like any other input: what does not fit is kCorrupt, never a default.
// Thread safety: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/ids.h"
#include "common/model/node.h"
#include "controller/fleet/absences.h"

namespace faultline::fleet {

// Records keep milliseconds, so that what is in memory equals what a restart reads back.
[[nodiscard]] inline WallTime recorded(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time);
}

// How the fleet came to trust a node's key.
enum class Enrollment : std::uint8_t {
  kToken,      // it joined with a one-use token
  kPrePlaced,  // an operator named its key
};
[[nodiscard]] std::string_view to_string(Enrollment enrollment);

// A pinned key and the node it stands for. It outlives its removal as a tombstone: history still
// names the node, and its number is not given again.
struct NodeRecord {
  NodeId id{};
  std::string name{};
  PublicKey key{};
  // As the probe last reported it; without an address until a pre-placed node has said hello.
  NodeProfile profile{};
  Labels pinned_labels{};  // from its token; they win over the profile's
  Enrollment enrollment = Enrollment::kToken;
  WallTime joined_at{};
  WallTime key_since{};  // when `key` was pinned
  // A change of keys: an operator asked for it, then the node told the new key, and both are
  // trusted until the node has spoken under the new one.
  std::optional<WallTime> rekey_asked_at{};
  std::optional<PublicKey> next_key{};
  std::uint64_t controllers_revision = 0;  // of the controllers' keys that it has acknowledged
  bool authenticates = false;  // as its last Hello said; a restarted controller plans with it
  std::optional<WallTime> removed_at{};
  // Of the probe process that said hello last: another one means a restart, even when it happened
  // while this controller was down. 0: none since this is recorded.
  BootId boot{};
  Absences absences{};

  bool operator==(const NodeRecord&) const = default;
};

// The public half of a one-use identity. Its holder may send nothing but a Join.
struct TokenRecord {
  PublicKey key{};
  std::string name{};  // fixes the node's name; empty: the probe chooses
  Labels labels{};     // pinned on the node that joins
  WallTime created_at{};
  WallTime expires_at{};
  std::optional<PublicKey> spent_by{};  // the node key that was pinned with it

  bool operator==(const TokenRecord&) const = default;
};

// The name rules, ports and labels that every profile must satisfy, stored or fresh from a probe.
[[nodiscard]] Status validate_profile(const NodeProfile& profile);
// False until a pre-placed node has said hello: it cannot be planned for.
[[nodiscard]] bool has_profile(const NodeRecord& record);

// The profile's labels with the pinned ones over them.
[[nodiscard]] Labels effective_labels(const NodeRecord& record);

[[nodiscard]] std::string to_json(const NodeRecord& record);
[[nodiscard]] std::string to_json(const TokenRecord& record);
[[nodiscard]] Result<NodeRecord> node_record_from_json(std::string_view text);
[[nodiscard]] Result<TokenRecord> token_record_from_json(std::string_view text);

}  // namespace faultline::fleet
