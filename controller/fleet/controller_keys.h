// ControllerKeys: under which keys this controller is known, and how it changes to a new one.
//
//   steady: current       -> propose(next) -> both are announced, nodes acknowledge
//   change: current, next -> switch_over() -> current, which is the former next
//
// Why it exists: a controller that served a new key before every node knows it would lock nodes
// out, so the change is a decision that must survive a crash at any point. What is decided is the
// record; the caller makes it durable before it serves by it. Secrets are not its business.
//
// Every change has a revision; a node's record holds the newest one that the node has acknowledged
// (NodeRecord::controllers_revision).
//
// Thread safety: none; one owner. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/control.h"
#include "common/model/ids.h"
#include "controller/fleet/fleet.h"

namespace faultline::fleet {

struct ControllerKey {
  PublicKey key{};
  WallTime since{};  // current: served; next: announced

  bool operator==(const ControllerKey&) const = default;
};

// What the ledger keeps.
struct ControllerKeysRecord {
  std::uint64_t revision = 1;
  std::uint64_t named_since = 1;  // the first revision that named the newest key
  ControllerKey current{};
  std::optional<ControllerKey> next{};

  bool operator==(const ControllerKeysRecord&) const = default;
};

[[nodiscard]] std::string to_json(const ControllerKeysRecord& record);
[[nodiscard]] Result<ControllerKeysRecord> controller_keys_from_json(std::string_view text);

class ControllerKeys {
 public:
  // At start: `own` is the key of the key file, and wins over the record, which it differs from
  // only when somebody replaced the file. True when the record is news and must be stored.
  [[nodiscard]] bool restore(std::optional<ControllerKeysRecord> stored, const PublicKey& own,
                             WallTime now);

  // kConflict while another key is the next one, or when it is the current one.
  [[nodiscard]] Status propose(const PublicKey& next, WallTime now);
  // kConflict when there is no next key.
  [[nodiscard]] Status switch_over(WallTime now);

  [[nodiscard]] const ControllerKeysRecord& record() const { return record_; }
  [[nodiscard]] Controllers announcement() const;
  // Who has acknowledged this knows the newest key, be it the next one or current by now.
  [[nodiscard]] std::uint64_t known_from() const { return record_.named_since; }
  // Nodes of the fleet that do not know the newest key, by id.
  [[nodiscard]] std::vector<NodeId> missing(const Fleet& fleet) const;

 private:
  ControllerKeysRecord record_;
};

}  // namespace faultline::fleet
