// Key pairs on disk. The file belongs to one process, has mode 0600 and is replaced atomically.
//
// Format: two lines of text, "public <64 hex>" and "secret <64 hex>"; lines that begin with '#' are
// comments. The public half is there for people (and is checked against the secret one).
// Every function blocks on the disk: call it at start or from a worker, never on a loop.
#pragma once

#include <filesystem>

#include "common/base/result.h"
#include "common/crypto/keys.h"

namespace faultline::crypto {

inline constexpr std::size_t kKeyFileBytesMax = 4096;

// kNotFound where there is no file; kDenied where others than its owner could read it; kCorrupt
// where the content is not a key pair.
[[nodiscard]] Result<KeyPair> load_key_pair(const std::filesystem::path& path);
// Replaces what was there. After success the new pair survives a power cut; after failure the old
// file is as it was.
[[nodiscard]] Status save_key_pair(const std::filesystem::path& path, const KeyPair& pair);
// Loads the pair or, where there is none, makes and saves one. Of two processes that do so at once
// both end up with the same pair.
[[nodiscard]] Result<KeyPair> load_or_create_key_pair(const std::filesystem::path& path);

}  // namespace faultline::crypto
