#include "controller/store/values.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "controller/store/bytes.h"

namespace faultline::store {
namespace {

constexpr std::uint8_t kValueLayout = 1;
constexpr std::uint8_t kSilentHop = 0;
constexpr std::uint8_t kIpv4Hop = 4;
constexpr std::uint8_t kIpv6Hop = 6;

void put_hop(std::string& bytes, const Hop& hop) {
  if (!hop.address) {
    put(bytes, kSilentHop);
  } else if (hop.address->is_v4()) {
    put(bytes, kIpv4Hop);
    put(bytes, hop.address->v4_host_order());
  } else {
    put(bytes, kIpv6Hop);
    for (const std::uint8_t byte : hop.address->bytes()) put(bytes, byte);
  }
}

std::optional<Hop> take_hop(ByteReader& reader) {
  switch (reader.take<std::uint8_t>()) {
    case kSilentHop:
      return Hop{};
    case kIpv4Hop:
      return Hop{IpAddress::v4(reader.take<std::uint32_t>())};
    case kIpv6Hop: {
      std::array<std::uint8_t, 16> address{};
      for (std::uint8_t& byte : address) byte = reader.take<std::uint8_t>();
      return Hop{IpAddress::v6(address)};
    }
    default:
      return {};
  }
}

}  // namespace

std::string encode_head(const JournalEntry& entry) {
  std::string bytes;
  put(bytes, kValueLayout);
  put(bytes, entry.first_sequence);
  put(bytes, entry.results_dropped);
  return bytes;
}

std::string encode_value(const JournalEntry& entry) {
  std::string bytes = encode_head(entry);
  bytes.append(reinterpret_cast<const char*>(entry.payload.data()), entry.payload.size());
  return bytes;
}

std::optional<JournalEntry> decode_entry(const WindowKey& key, std::string_view value) {
  ByteReader reader{value};
  const auto layout = reader.take<std::uint8_t>();
  JournalEntry entry{.node = key.node,
                     .boot = key.boot,
                     .first_sequence = reader.take<std::uint64_t>(),
                     .sequence = key.sequence,
                     .results_dropped = reader.take<std::uint64_t>(),
                     .window_start = key.window_start,
                     .payload = {}};
  if (reader.failed() || layout != kValueLayout || entry.first_sequence > entry.sequence) return {};
  const auto payload = std::as_bytes(std::span(reader.rest()));
  entry.payload.assign(payload.begin(), payload.end());
  return entry;
}

std::string encode_value(const ingest::DedupRow& row) {
  std::string bytes;
  put(bytes, kValueLayout);
  put(bytes, static_cast<std::uint64_t>(unix_nanoseconds(row.heard_at)));
  put(bytes, static_cast<std::uint8_t>(row.durable.size()));
  for (const SequenceInterval& interval : row.durable) {
    put(bytes, interval.first);
    put(bytes, interval.last);
  }
  return bytes;
}

std::optional<ingest::DedupRow> decode_dedup_row(const DedupKey& key, std::string_view value) {
  ByteReader reader{value};
  const auto layout = reader.take<std::uint8_t>();
  ingest::DedupRow row{.node = key.node, .boot = key.boot, .durable = {}, .heard_at = {}};
  row.heard_at =
      wall_time_from_unix_nanoseconds(static_cast<std::int64_t>(reader.take<std::uint64_t>()));
  const auto count = reader.take<std::uint8_t>();
  for (std::uint8_t i = 0; i < count && !reader.failed(); ++i) {
    const auto first = reader.take<std::uint64_t>();
    row.durable.push_back({first, reader.take<std::uint64_t>()});
  }
  if (!reader.done() || layout != kValueLayout) return {};
  return row;
}

std::string encode_value(const PathRecord& path) {
  std::string bytes;
  put(bytes, kValueLayout);
  put(bytes, static_cast<std::uint8_t>(path.complete));
  put(bytes, static_cast<std::uint8_t>(path.hops.size()));
  for (const Hop& hop : path.hops) put_hop(bytes, hop);
  return bytes;
}

std::optional<StoredPath> decode_path(const PathKey& key, std::string_view value) {
  ByteReader reader{value};
  const auto layout = reader.take<std::uint8_t>();
  StoredPath stored{key.reporter,
                    {.target = key.target,
                     .source_port = key.source_port,
                     .direction = key.direction,
                     .traced_at = key.traced_at,
                     .complete = reader.take<std::uint8_t>() != 0,
                     .hops = {}}};
  const auto count = reader.take<std::uint8_t>();
  for (std::uint8_t i = 0; i < count; ++i) {
    const std::optional<Hop> hop = take_hop(reader);
    if (!hop || reader.failed()) return {};
    stored.path.hops.push_back(*hop);
  }
  if (!reader.done() || layout != kValueLayout) return {};
  return stored;
}

std::string encode_document(std::uint64_t version, std::string_view document) {
  return std::to_string(version).append(" ").append(document);
}

std::optional<LedgerDocument> decode_document(std::string_view key, std::string_view value) {
  LedgerDocument document;
  const char* end = value.data() + value.size();
  const auto [rest, error] = std::from_chars(value.data(), end, document.version);
  if (error != std::errc{} || rest == end || *rest != ' ' || document.version == 0) return {};
  document.key = key;
  document.value.assign(rest + 1, end);
  return document;
}

}  // namespace faultline::store
