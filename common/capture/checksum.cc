#include "common/capture/octets.h"
#include "common/capture/packet.h"

namespace faultline::capture {
namespace {

constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kUdpChecksumAt = 6;

std::uint32_t sum_of(Octets octets) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < octets.size(); i += 2) sum += number16(octets, i);
  if (octets.size() % 2 == 1) {
    sum += static_cast<std::uint32_t>(octet(octets, octets.size() - 1)) << 8;
  }
  return sum;
}

std::uint16_t folded(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

std::uint32_t address_sum(const IpAddress& address) {
  return sum_of(std::as_bytes(std::span(address.bytes())).first(address.is_v4() ? 4 : 16));
}

}  // namespace

bool ip_checksum_holds(std::span<const std::byte> header) {
  return folded(sum_of(header)) == 0xffff;
}

Checksum udp_checksum(const IpAddress& from, const IpAddress& to, std::span<const std::byte> udp) {
  if (udp.size() < kUdpHeader) return Checksum::kUnknown;
  const auto told = number16(udp, kUdpChecksumAt);
  if (told == 0) return from.is_v4() ? Checksum::kAbsent : Checksum::kBad;
  const auto pseudo =
      address_sum(from) + address_sum(to) + kProtocolUdp + static_cast<std::uint32_t>(udp.size());
  if (folded(pseudo + sum_of(udp)) == 0xffff) return Checksum::kGood;
  return told == folded(pseudo) ? Checksum::kUnfinished : Checksum::kBad;
}

}  // namespace faultline::capture
