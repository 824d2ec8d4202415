#include "probe/quic/version_negotiation.h"

#include <algorithm>

#include "common/base/check.h"
#include "probe/stamp/octets.h"

namespace faultline::quic {
namespace {

using stamp::get;
using stamp::put;

constexpr std::uint8_t kLongHeader = 0x80, kFixedBit = 0x40;
constexpr std::size_t kVersionAt = 1, kDestinationLengthAt = 5, kDestinationAt = 6;
constexpr std::size_t kSourceLengthAt = kDestinationAt + kConnectionId;
constexpr std::size_t kSourceAt = kSourceLengthAt + 1;
constexpr std::size_t kVersionsAt = kSourceAt + kConnectionId;

}  // namespace

void encode_probe(const Ids& ids, std::span<std::byte> out) {
  FAULTLINE_CHECK(out.size() >= kProbeSize, "a server ignores smaller ones");
  std::ranges::fill(out, std::byte{0});
  put<std::uint8_t>(out, 0, kLongHeader | kFixedBit);
  put(out, kVersionAt, kReservedVersion);
  put<std::uint8_t>(out, kDestinationLengthAt, kConnectionId);
  put(out, kDestinationAt, ids.destination);
  put<std::uint8_t>(out, kSourceLengthAt, kConnectionId);
  put(out, kSourceAt, ids.source);
}

std::optional<VersionNegotiation> decode(std::span<const std::byte> datagram) {
  if (datagram.size() < kVersionsAt + sizeof(std::uint32_t)) return std::nullopt;
  const bool negotiates = (get<std::uint8_t>(datagram, 0) & kLongHeader) != 0 &&
                          get<std::uint32_t>(datagram, kVersionAt) == 0 &&
                          get<std::uint8_t>(datagram, kDestinationLengthAt) == kConnectionId &&
                          get<std::uint8_t>(datagram, kSourceLengthAt) == kConnectionId;
  if (!negotiates) return std::nullopt;
  VersionNegotiation result{.ids = {.destination = get<std::uint64_t>(datagram, kSourceAt),
                                    .source = get<std::uint64_t>(datagram, kDestinationAt)}};
  for (auto at = kVersionsAt; at + sizeof(std::uint32_t) <= datagram.size(); at += 4) {
    if (result.versions.size() == kVersionsMax) break;
    result.versions.push_back(get<std::uint32_t>(datagram, at));
  }
  return result;
}

}  // namespace faultline::quic
