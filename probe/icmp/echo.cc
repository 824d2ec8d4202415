#include "probe/icmp/echo.h"

#include <algorithm>

#include "common/base/check.h"
#include "probe/stamp/octets.h"

namespace faultline::icmp {
namespace {

using stamp::get;
using stamp::put;

constexpr std::uint8_t kRequestV4 = 8, kReplyV4 = 0, kRequestV6 = 128, kReplyV6 = 129;
constexpr std::size_t kChecksumAt = 2, kIdentifierAt = 4, kSequenceAt = 6;
constexpr std::size_t kIpv4HeaderMin = 20, kIpv4TtlAt = 8;

std::optional<Echo> decode(std::span<const std::byte> message, std::uint8_t type) {
  if (message.size() < kEchoHeader) return std::nullopt;
  if (get<std::uint8_t>(message, 0) != type || get<std::uint8_t>(message, 1) != 0) {
    return std::nullopt;
  }
  return Echo{.identifier = get<std::uint16_t>(message, kIdentifierAt),
              .sequence = get<std::uint16_t>(message, kSequenceAt)};
}

}  // namespace

void encode_request(const Echo& echo, bool v4, std::span<std::byte> out) {
  FAULTLINE_CHECK(out.size() >= kEchoHeader, "an echo has a header");
  std::ranges::fill(out, std::byte{0});
  put<std::uint8_t>(out, 0, v4 ? kRequestV4 : kRequestV6);
  put(out, kIdentifierAt, echo.identifier);
  put(out, kSequenceAt, echo.sequence);
  if (v4) put(out, kChecksumAt, internet_checksum(out));
}

std::optional<Echo> decode_reply(std::span<const std::byte> message, bool v4) {
  if (v4 && internet_checksum(message) != 0) return std::nullopt;
  return decode(message, v4 ? kReplyV4 : kReplyV6);
}

std::optional<Echo> decode_quoted_request(std::span<const std::byte> message, bool v4) {
  return decode(message, v4 ? kRequestV4 : kRequestV6);
}

std::optional<Ipv4Payload> strip_ipv4(std::span<const std::byte> packet) {
  if (packet.size() < kIpv4HeaderMin) return std::nullopt;
  const auto first = get<std::uint8_t>(packet, 0);
  const std::size_t header = 4U * (first & 0x0fU);
  if (first >> 4 != 4 || header < kIpv4HeaderMin || packet.size() < header) return std::nullopt;
  return Ipv4Payload{.ttl = get<std::uint8_t>(packet, kIpv4TtlAt),
                     .payload = packet.subspan(header)};
}

std::uint16_t internet_checksum(std::span<const std::byte> octets) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i + 1 < octets.size(); i += 2) sum += get<std::uint16_t>(octets, i);
  if (octets.size() % 2 == 1) {
    sum += static_cast<std::uint64_t>(get<std::uint8_t>(octets, octets.size() - 1)) << 8;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace faultline::icmp
