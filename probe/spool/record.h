// The layout of a record in a segment file. A segment is records, one after the other:
//
//   | magic 4 | boot 8 | first 8 | last 8 | results 8 | length 4 | payload crc 4 | header crc 4 |
//   | payload, `length` bytes |
//
// Integers are big-endian; both checksums are CRC-32C, the header's over all that precedes it. The
// header has its own, so that damage to a payload leaves known which results it cost. Length 0 is a
// gap record: `results` results of first..last were dropped. A batch has first = last.
//
// Pure. Thread safety: reentrant.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/model/ids.h"

namespace faultline::spool {

inline constexpr std::size_t kRecordHeaderBytes = 48;

struct RecordHeader {
  BootId boot;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t results = 0;
  std::uint32_t length = 0;
  std::uint32_t payload_crc = 0;

  bool operator==(const RecordHeader&) const = default;
};

[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes);

[[nodiscard]] std::array<std::byte, kRecordHeaderBytes> encode(const RecordHeader& header);
// Empty for anything that encode() cannot have made of a valid record.
[[nodiscard]] std::optional<RecordHeader> decode_header(std::span<const std::byte> bytes);

}  // namespace faultline::spool
