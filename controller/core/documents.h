// Documents: the ledger writes under way, and what is to happen when each is durable.
//
// Why it exists: an answer to a peer or operator, and a notification, may leave only after the
// decision behind it is durable. A write that failed is kept and tried again with the next one, so
// memory and ledger come together as soon as the disk allows.
//
// So many commits are under way at most (kCommitsInHandMax); what comes meanwhile is gathered and
// becomes one commit as soon as one of them has ended. A fleet that comes back at once then costs
// few syncs, and the writer's queue has room for all of it. A writer that hangs for good ends the
// process (service::Vigil), so that what is gathered has an end. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/core/effects.h"

namespace faultline::core {

inline constexpr std::size_t kCommitsInHandMax = 64;

struct AfterCommit {
  std::vector<std::pair<PublicKey, ControllerMessage>> messages;  // sent only on success
  std::optional<std::uint64_t> answer;                            // an operator's request
};

class Documents {
 public:
  // With nothing to write, `after` happens at once.
  void commit(std::vector<DocumentWrite> writes, AfterCommit after, EffectSink& effects);
  void done(std::uint64_t commit, const Status& status, EffectSink& effects);
  // Tries again what failed; call on every tick.
  void retry(EffectSink& effects);

  // The oldest commit under way; 0 when there is none.
  [[nodiscard]] std::uint64_t oldest_pending() const {
    return pending_.empty() ? 0 : pending_.begin()->first;
  }
  // True when memory holds nothing that the ledger does not.
  [[nodiscard]] bool settled() const { return pending_.empty() && failed_.empty(); }
  [[nodiscard]] std::uint64_t failures() const { return failures_; }
  // Why the last write failed; empty since one succeeded.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  using Name = std::pair<Document, std::string>;
  struct Pending {
    std::map<Name, std::optional<std::string>> writes;  // what each document is to be
    std::vector<AfterCommit> after;                     // of each that was gathered, in their order
  };

  void hand_out(Pending pending, EffectSink& effects);
  void note_failure(Pending pending, const Status& status, EffectSink& effects);

  [[nodiscard]] bool is_pending(const Name& name) const;

  std::map<std::uint64_t, Pending> pending_;
  Pending gathered_;  // newer than all of pending_
  std::map<Name, std::optional<std::string>> failed_;
  std::uint64_t next_commit_ = 1;
  std::uint64_t failures_ = 0;
  std::string trouble_;
};

[[nodiscard]] std::vector<DocumentWrite> to_writes(const fleet::Change& change);
[[nodiscard]] std::vector<DocumentWrite> to_writes(
    const std::vector<notify::OutboxChange>& changes);

}  // namespace faultline::core
