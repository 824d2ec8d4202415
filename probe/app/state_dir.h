// StateDir: what a probe keeps on disk beside its spool.
//
//   node.key         the node's key pair (common/crypto/key_file.h), mode 0600
//   membership.yaml  who this node is and where its controllers are, once it has joined
//   plan.capnp       the newest plan; the file's time is when it was last renewed
//   health.json      how the running probe is (health.h); gone when it has stopped
//   spool/           batches that are not acknowledged
//
// Files are replaced atomically and survive a power cut, except health.json. Every function blocks
// on the disk. Thread safety: none of its own; the functions for different files may run on
// different threads.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "common/crypto/keys.h"
#include "probe/core/effects.h"
#include "probe/core/plan_keeper.h"

namespace faultline::probe_app {

inline constexpr const char* kHealthFile = "health.json";

class StateDir {
 public:
  // Makes the directory (mode 0700) where it does not exist.
  [[nodiscard]] static Result<StateDir> open(std::filesystem::path path);

  [[nodiscard]] std::filesystem::path spool_path() const { return path_ / "spool"; }
  [[nodiscard]] Result<crypto::KeyPair> node_key() const;

  // Empty where the node has not joined yet.
  [[nodiscard]] Result<std::optional<probe_core::Membership>> load_membership() const;
  [[nodiscard]] Status save_membership(const probe_core::Membership& membership) const;

  // Empty where there is none. A damaged one is an error; the controller will send another.
  [[nodiscard]] Result<std::optional<probe_core::SavedPlan>> load_plan() const;
  [[nodiscard]] Status save_plan(const Plan& plan) const;

  // Not synced: it is worth nothing after a power cut.
  [[nodiscard]] Status save_health(std::string_view json) const;
  void remove_health() const;

 private:
  explicit StateDir(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

}  // namespace faultline::probe_app
