// Migration: brings data of an older format to this build's, once, when it is opened.
//
// Why it exists: an upgrade must not need a second program, and a crash or a full disk in the
// middle of one must cost nothing. The protocol of a step from format n to n + 1:
//
//   1. "format" becomes "n+1 from n": from here on the older build refuses the data.
//   2. The step is asked for a batch of writes, beginning at a position; the batch and the next
//      position are one synced write. Repeated until it has nothing left. What was interrupted goes
//      on where it was.
//   3. "format" becomes "n+1", and the position goes, in one synced write: the version comes last.
//
// A step therefore sees each key once, and a batch is there as a whole or not at all. Steps are
// never removed: data of every format that was ever released can be opened (tests/corpus keeps one
// each).
//
// Thread safety: runs in open(), before anybody else has the database.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include "common/base/result.h"

namespace faultline::store {

class Database;

inline constexpr std::size_t kMigrationBatchKeys = 1000;  // what a step should handle at once

struct MigrationBatch {
  rocksdb::WriteBatch writes{};
  std::uint64_t keys = 0;             // handled, for the progress that is logged
  std::optional<std::string> next{};  // where to go on; empty: nothing is left
};

struct MigrationStep {
  std::uint32_t from = 0;  // brings this format to from + 1
  std::string what{};      // "nodes get a second key"
  // Only reads the database; begins with the position "".
  std::function<Result<MigrationBatch>(const Database& database, std::string_view position)> run{};
};

struct OpenOptions {
  // The format to bring data to, and the steps there; tests put their own in the place of
  // kFormatVersion and migration_steps().
  std::uint32_t format = 0;  // 0: kFormatVersion
  std::span<const MigrationStep> steps{};
  // A line for the log. May be empty.
  std::function<void(const std::string& line)> on_progress{};
  rocksdb::Env* env = nullptr;  // a test's own file system; it outlives the database
};

// Of all formats before kFormatVersion, ascending.
[[nodiscard]] std::span<const MigrationStep> migration_steps();

// What "format" holds.
struct StoredFormat {
  std::uint32_t version = 0;
  std::optional<std::uint32_t> from{};  // a migration to `version` was begun and not finished

  bool operator==(const StoredFormat&) const = default;
};
[[nodiscard]] std::optional<StoredFormat> parse_format(std::string_view text);
[[nodiscard]] std::string to_string(const StoredFormat& format);

// From `stored` to `options.format`. An error leaves the data as far as it got; the next open goes
// on.
[[nodiscard]] Status migrate(Database& database, StoredFormat stored, const OpenOptions& options);

}  // namespace faultline::store
