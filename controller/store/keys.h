// The layout of keys. RocksDB orders keys by their bytes, so every field is encoded such that the
// order of bytes is the order of values: integers big-endian, signed ones with the sign bit
// flipped, "newest first" as the complement.
//
// clang-format off
//   column family             key (field and width in bytes)
//   windows                   | window_start 8 | partition 2 | node 4 | boot 8 | sequence 8 |
//   dedup                     | partition 2 | node 4 | boot 8 |
//   paths                     | day 4 | partition 2 | reporter 4 | target 4 | port 2 | direction 1 | ~traced_at 8 |
//   blocks, minutes, hours    | bucket 8 | partition 2 | node 4 | target 4 |     target 0: of the node itself
//   ledger                    | table 1 | key n |
//   default                   "format"  (the version of this layout)
// clang-format on
//
// windows begins with the time: the localizer reads a window of all nodes in one sweep, and
// retention drops one range. All that grows begins with the time for the same reason, in buckets of
// kBlockSpan, an hour and a day (tiers.h); within a bucket a node's pairs are neighbors. The
// partition is hashed from the source node, so that a fleet can later be divided among several
// stores by it without rewriting keys (DESIGN.md decision 12).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/time.h"
#include "common/model/ids.h"
#include "common/model/path.h"
#include "controller/store/ledger.h"

namespace faultline::store {

// The version of keys and values. A store written by a newer one is refused.
inline constexpr std::uint32_t kFormatVersion = 3;

// Stored in keys: neither the function nor its range may ever change.
[[nodiscard]] std::uint16_t partition_of(NodeId node);

struct WindowKey {
  WallTime window_start{};
  NodeId node;
  BootId boot;
  std::uint64_t sequence = 0;

  bool operator==(const WindowKey&) const = default;
};
[[nodiscard]] std::string encode(const WindowKey& key);
inline constexpr std::size_t kWindowKeyNodeBytes = 14;  // all but boot and sequence
[[nodiscard]] std::optional<WindowKey> decode_window_key(std::string_view bytes);
// Before every key of windows that start at or after `window_start`.
[[nodiscard]] std::string window_floor(WallTime window_start);
// The time that the key of a window or a bucket begins with.
[[nodiscard]] std::optional<WallTime> decode_time(std::string_view bytes);
// "window 2026-11-22T03:00:00Z of node 7, boot 0x2a, sequence 9", for logs.
[[nodiscard]] std::string to_string(const WindowKey& key);

// Of a block or a roll-up. Target 0 is no node: the block of what the node's reports say of itself.
struct BucketKey {
  WallTime bucket{};
  NodeId node;
  NodeId target;

  bool operator==(const BucketKey&) const = default;
};
[[nodiscard]] std::string encode(const BucketKey& key);
[[nodiscard]] std::optional<BucketKey> decode_bucket_key(std::string_view bytes);
// Before every key of this and later partitions in the bucket, or in the window.
[[nodiscard]] std::string partition_floor(WallTime time, std::uint16_t partition);
// "bucket 2026-11-22T03:00:00Z of node 7 to node 9", for logs.
[[nodiscard]] std::string to_string(const BucketKey& key);

struct DedupKey {
  NodeId node;
  BootId boot;

  bool operator==(const DedupKey&) const = default;
};
[[nodiscard]] std::string encode(const DedupKey& key);
[[nodiscard]] std::optional<DedupKey> decode_dedup_key(std::string_view bytes);

// Within a session and direction the newest path comes first.
struct PathKey {
  NodeId reporter;
  NodeId target;
  std::uint16_t source_port = 0;
  Direction direction = Direction::kForward;
  WallTime traced_at{};

  bool operator==(const PathKey&) const = default;
};
[[nodiscard]] std::string encode(const PathKey& key);
[[nodiscard]] std::optional<PathKey> decode_path_key(std::string_view bytes);
inline constexpr std::size_t kPathKeySessionBytes = 17;  // all but traced_at
// The number of the UTC day (kPathBucket) that holds `time`.
[[nodiscard]] std::int32_t path_day(WallTime time);
[[nodiscard]] std::string path_day_floor(std::int32_t day);
[[nodiscard]] std::string path_reporter_floor(std::int32_t day, NodeId reporter);

[[nodiscard]] std::string ledger_key(Table table, std::string_view key);
// Before and after every key of the table.
[[nodiscard]] std::string ledger_floor(Table table);
[[nodiscard]] std::string ledger_ceiling(Table table);

// The first key after all keys that begin with `prefix`; empty when there is none.
[[nodiscard]] std::string after_prefix(std::string_view prefix);

}  // namespace faultline::store
