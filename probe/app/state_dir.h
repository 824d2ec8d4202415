// StateDir: what a probe keeps on disk beside its spool.
//
//   node.key         the node's key pair (common/crypto/key_file.h), mode 0600
//   node.next.key    the pair that the node changes to, until the controller has welcomed it
//   membership.yaml  who this node is and where its controllers are, once it has joined
//   plan.capnp       the newest plan; the file's time is when it was last renewed
//   spool/           batches that are not acknowledged
//
// Files are replaced atomically and survive a power cut. Every function blocks on the disk.
// Thread safety: none of its own; the functions for different files may run on different threads.
#pragma once

#include <filesystem>
#include <optional>

#include "common/base/result.h"
#include "common/crypto/keys.h"
#include "probe/core/effects.h"
#include "probe/core/plan_keeper.h"

namespace faultline::probe_app {

class StateDir {
 public:
  // Makes the directory (mode 0700) where it does not exist.
  [[nodiscard]] static Result<StateDir> open(std::filesystem::path path);

  [[nodiscard]] std::filesystem::path spool_path() const { return path_ / "spool"; }
  // Made where there is none. Root makes it the property of the directory's owner.
  [[nodiscard]] Result<crypto::KeyPair> node_key() const;
  [[nodiscard]] Result<std::optional<crypto::KeyPair>> load_next_key() const;
  // The one that is there, or a new one, durable.
  [[nodiscard]] Result<crypto::KeyPair> make_next_key() const;
  // It takes the node's key's place; without one nothing happens.
  [[nodiscard]] Status adopt_next_key() const;

  // Empty where the node has not joined yet.
  [[nodiscard]] Result<std::optional<probe_core::Membership>> load_membership() const;
  [[nodiscard]] Status save_membership(const probe_core::Membership& membership) const;

  // Empty where there is none. A damaged one is an error; the controller will send another.
  [[nodiscard]] Result<std::optional<probe_core::SavedPlan>> load_plan() const;
  [[nodiscard]] Status save_plan(const Plan& plan) const;

 private:
  explicit StateDir(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

}  // namespace faultline::probe_app
