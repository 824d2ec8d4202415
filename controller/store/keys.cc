#include "controller/store/keys.h"

#include <fmt/format.h>

#include "controller/store/bytes.h"

namespace faultline::store {
namespace {

// Flipping the sign bit makes the order of the bytes the order of the signed values.
std::uint64_t ordered(WallTime time) {
  return static_cast<std::uint64_t>(unix_nanoseconds(time)) ^ (1ULL << 63);
}
WallTime from_ordered(std::uint64_t bits) {
  return wall_time_from_unix_nanoseconds(static_cast<std::int64_t>(bits ^ (1ULL << 63)));
}
std::uint32_t ordered(std::int32_t day) { return static_cast<std::uint32_t>(day) ^ (1U << 31); }
std::int32_t day_from_ordered(std::uint32_t bits) {
  return static_cast<std::int32_t>(bits ^ (1U << 31));
}

}  // namespace

std::uint16_t partition_of(NodeId node) {
  // Fibonacci hashing (Knuth, TAOCP 6.4): consecutive node numbers spread evenly.
  return static_cast<std::uint16_t>((node.value() * 0x9e3779b97f4a7c15ULL) >> 48);
}

std::string encode(const WindowKey& key) {
  std::string bytes;
  put(bytes, ordered(key.window_start));
  put(bytes, partition_of(key.node));
  put(bytes, key.node.value());
  put(bytes, key.boot.value());
  put(bytes, key.sequence);
  return bytes;
}

std::optional<WindowKey> decode_window_key(std::string_view bytes) {
  ByteReader reader{bytes};
  WindowKey key;
  key.window_start = from_ordered(reader.take<std::uint64_t>());
  const auto partition = reader.take<std::uint16_t>();
  key.node = NodeId{reader.take<std::uint32_t>()};
  key.boot = BootId{reader.take<std::uint64_t>()};
  key.sequence = reader.take<std::uint64_t>();
  if (!reader.done() || partition != partition_of(key.node)) return {};
  return key;
}

std::string window_floor(WallTime window_start) {
  std::string bytes;
  put(bytes, ordered(window_start));
  return bytes;
}

std::optional<WallTime> decode_time(std::string_view bytes) {
  ByteReader reader{bytes};
  const WallTime time = from_ordered(reader.take<std::uint64_t>());
  return reader.failed() ? std::nullopt : std::optional(time);
}

std::string to_string(const WindowKey& key) {
  return fmt::format("window {} of node {}, boot {:#x}, sequence {}",
                     format_rfc3339(key.window_start), key.node.value(), key.boot.value(),
                     key.sequence);
}

std::string encode(const BucketKey& key) {
  std::string bytes = partition_floor(key.bucket, partition_of(key.node));
  put(bytes, key.node.value());
  put(bytes, key.target.value());
  return bytes;
}

std::optional<BucketKey> decode_bucket_key(std::string_view bytes) {
  ByteReader reader{bytes};
  BucketKey key;
  key.bucket = from_ordered(reader.take<std::uint64_t>());
  const auto partition = reader.take<std::uint16_t>();
  key.node = NodeId{reader.take<std::uint32_t>()};
  key.target = NodeId{reader.take<std::uint32_t>()};
  if (!reader.done() || partition != partition_of(key.node)) return {};
  return key;
}

std::string partition_floor(WallTime time, std::uint16_t partition) {
  std::string bytes = window_floor(time);
  put(bytes, partition);
  return bytes;
}

std::string to_string(const BucketKey& key) {
  return fmt::format("bucket {} of node {} to node {}", format_rfc3339(key.bucket),
                     key.node.value(), key.target.value());
}

std::string encode(const DedupKey& key) {
  std::string bytes;
  put(bytes, partition_of(key.node));
  put(bytes, key.node.value());
  put(bytes, key.boot.value());
  return bytes;
}

std::optional<DedupKey> decode_dedup_key(std::string_view bytes) {
  ByteReader reader{bytes};
  const auto partition = reader.take<std::uint16_t>();
  DedupKey key;
  key.node = NodeId{reader.take<std::uint32_t>()};
  key.boot = BootId{reader.take<std::uint64_t>()};
  if (!reader.done() || partition != partition_of(key.node)) return {};
  return key;
}

std::int32_t path_day(WallTime time) {
  return static_cast<std::int32_t>(
      std::chrono::floor<std::chrono::days>(time.time_since_epoch()).count());
}

std::string path_day_floor(std::int32_t day) {
  std::string bytes;
  put(bytes, ordered(day));
  return bytes;
}

std::string path_reporter_floor(std::int32_t day, NodeId reporter) {
  std::string bytes = path_day_floor(day);
  put(bytes, partition_of(reporter));
  put(bytes, reporter.value());
  return bytes;
}

std::string encode(const PathKey& key) {
  std::string bytes = path_reporter_floor(path_day(key.traced_at), key.reporter);
  put(bytes, key.target.value());
  put(bytes, key.source_port);
  put(bytes, static_cast<std::uint8_t>(key.direction));
  put(bytes, ~ordered(key.traced_at));
  return bytes;
}

std::optional<PathKey> decode_path_key(std::string_view bytes) {
  ByteReader reader{bytes};
  const std::int32_t day = day_from_ordered(reader.take<std::uint32_t>());
  const auto partition = reader.take<std::uint16_t>();
  PathKey key;
  key.reporter = NodeId{reader.take<std::uint32_t>()};
  key.target = NodeId{reader.take<std::uint32_t>()};
  key.source_port = reader.take<std::uint16_t>();
  const auto direction = reader.take<std::uint8_t>();
  key.traced_at = from_ordered(~reader.take<std::uint64_t>());
  if (!reader.done() || partition != partition_of(key.reporter) || direction > 1) return {};
  if (day != path_day(key.traced_at)) return {};
  key.direction = static_cast<Direction>(direction);
  return key;
}

std::string ledger_key(Table table, std::string_view key) {
  return ledger_floor(table).append(key);
}

std::string ledger_floor(Table table) { return {static_cast<char>(table)}; }

std::string ledger_ceiling(Table table) { return after_prefix(ledger_floor(table)); }

std::string after_prefix(std::string_view prefix) {
  std::string next{prefix};
  while (!next.empty() && static_cast<unsigned char>(next.back()) == 0xff) next.pop_back();
  if (!next.empty()) next.back() = static_cast<char>(static_cast<unsigned char>(next.back()) + 1);
  return next;
}

}  // namespace faultline::store
