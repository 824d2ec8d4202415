// The controller's key pairs on disk: the one that it serves under, and the next one during a
// change.
//
//   DATA_DIR/controller.key       served
//   DATA_DIR/controller.next.key  made when a change begins; takes the other's place when it ends
//
// Which of them is in force is what the ledger says, so that a crash between the ledger's write and
// the renaming leaves nothing in doubt. Every function blocks on the disk. Thread safety: one
// thread at a time per function; make_next_key() may run beside the others.
#pragma once

#include <filesystem>
#include <optional>

#include "common/base/result.h"
#include "common/crypto/keys.h"
#include "controller/fleet/controller_keys.h"

namespace faultline::app {

// At start: the pair in force. The next one takes its place if the record says that it is the
// current one. Made where there is none. A file that somebody replaced is taken, with a warning:
// nodes that do not know its key need a new token.
[[nodiscard]] Result<crypto::KeyPair> load_own_key(
    const std::filesystem::path& data_dir,
    const std::optional<fleet::ControllerKeysRecord>& record);

// The next pair: the one that is there, or a new one.
[[nodiscard]] Result<crypto::KeyPair> make_next_key(const std::filesystem::path& data_dir);

// The next pair, which has the public half `key`, takes the current one's place.
[[nodiscard]] Result<crypto::KeyPair> promote_next_key(const std::filesystem::path& data_dir,
                                                       const PublicKey& key);

}  // namespace faultline::app
