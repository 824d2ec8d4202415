#include "probe/spool/record.h"

#include <boost/crc.hpp>
#include <boost/endian/conversion.hpp>

#include "common/model/control.h"

namespace faultline::spool {
namespace {

constexpr std::uint32_t kMagic = 0x464c5331;  // "FLS1"
constexpr std::size_t kHeaderCrcOffset = kRecordHeaderBytes - 4;

template <typename T>
std::byte* put(std::byte* at, T value) {
  boost::endian::endian_store<T, sizeof(T), boost::endian::order::big>(
      reinterpret_cast<unsigned char*>(at), value);
  return at + sizeof(T);
}

template <typename T>
T take(const std::byte*& at) {
  const T value = boost::endian::endian_load<T, sizeof(T), boost::endian::order::big>(
      reinterpret_cast<const unsigned char*>(at));
  at += sizeof(T);
  return value;
}

bool well_formed(const RecordHeader& header) {
  if (header.first == 0 || header.first > header.last) return false;
  if (header.last == UINT64_MAX) return false;  // counting on from it would wrap
  if (header.length == 0) return true;
  return header.length <= kBatchPayloadMax && header.first == header.last;
}

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

std::array<std::byte, kRecordHeaderBytes> encode(const RecordHeader& header) {
  std::array<std::byte, kRecordHeaderBytes> bytes{};
  std::byte* at = put(bytes.data(), kMagic);
  at = put(at, header.boot.value());
  at = put(at, header.first);
  at = put(at, header.last);
  at = put(at, header.results);
  at = put(at, header.length);
  at = put(at, header.payload_crc);
  put(at, crc32c(std::span{bytes}.first(kHeaderCrcOffset)));
  return bytes;
}

std::optional<RecordHeader> decode_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kRecordHeaderBytes) return {};
  const std::byte* at = bytes.data();
  if (take<std::uint32_t>(at) != kMagic) return {};
  RecordHeader header;
  header.boot = BootId{take<std::uint64_t>(at)};
  header.first = take<std::uint64_t>(at);
  header.last = take<std::uint64_t>(at);
  header.results = take<std::uint64_t>(at);
  header.length = take<std::uint32_t>(at);
  header.payload_crc = take<std::uint32_t>(at);
  if (take<std::uint32_t>(at) != crc32c(bytes.first(kHeaderCrcOffset))) return {};
  if (!well_formed(header)) return {};
  return header;
}

}  // namespace faultline::spool
