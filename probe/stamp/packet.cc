#include "probe/stamp/packet.h"

#include <algorithm>
#include <concepts>

#include "common/base/check.h"

namespace faultline::stamp {
namespace {

// Offsets in octets; the sender's packet is the prefix of the reflector's.
constexpr std::size_t kSequence = 0;
constexpr std::size_t kTimestamp = 4;
constexpr std::size_t kError = 12;
constexpr std::size_t kSsid = 14;
constexpr std::size_t kReceived = 16;
constexpr std::size_t kSenderSequence = 24;
constexpr std::size_t kSenderTimestamp = 28;
constexpr std::size_t kSenderError = 36;
constexpr std::size_t kSenderTtl = 40;

template <std::unsigned_integral T>
void put(std::span<std::byte> out, std::size_t offset, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out[offset + i] = static_cast<std::byte>(value >> (8 * (sizeof(T) - 1 - i)));
  }
}

template <std::unsigned_integral T>
T get(std::span<const std::byte> in, std::size_t offset) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(static_cast<std::uint64_t>(value) << 8 |
                           std::to_integer<std::uint8_t>(in[offset + i]));
  }
  return value;
}

void put_common(std::span<std::byte> out, std::uint32_t sequence, WallTime sent_at,
                const ErrorEstimate& error, std::uint16_t ssid) {
  FAULTLINE_CHECK(out.size() >= kPacketSize, "no room for a STAMP packet");
  std::fill_n(out.begin(), kPacketSize, std::byte{0});
  put(out, kSequence, sequence);
  put(out, kTimestamp, to_ntp(sent_at));
  put(out, kError, encode(error));
  put(out, kSsid, ssid);
}

}  // namespace

void encode(const SenderPacket& packet, std::span<std::byte> out) {
  put_common(out, packet.sequence, packet.sent_at, packet.error, packet.ssid);
}

void encode(const ReflectorPacket& packet, std::span<std::byte> out) {
  put_common(out, packet.sequence, packet.sent_at, packet.error, packet.ssid);
  put(out, kReceived, to_ntp(packet.received_at));
  put(out, kSenderSequence, packet.sender_sequence);
  put(out, kSenderTimestamp, packet.sender_timestamp);
  put(out, kSenderError, packet.sender_error);
  put(out, kSenderTtl, packet.sender_ttl);
}

std::optional<ReceivedSenderPacket> decode_sender(std::span<const std::byte> datagram) {
  if (datagram.size() < kSenderSizeMin) return std::nullopt;
  const auto error = get<std::uint16_t>(datagram, kError);
  if (decode_error_estimate(error).multiplier == 0) return std::nullopt;
  const auto timestamp = get<std::uint64_t>(datagram, kTimestamp);
  const bool has_ssid = datagram.size() >= kSenderSizeWithSsid;
  return ReceivedSenderPacket{
      .packet = {.sequence = get<std::uint32_t>(datagram, kSequence),
                 .sent_at = from_ntp(timestamp),
                 .error = decode_error_estimate(error),
                 .ssid = has_ssid ? get<std::uint16_t>(datagram, kSsid) : std::uint16_t{0}},
      .timestamp = timestamp,
      .error = error};
}

std::optional<ReflectorPacket> decode_reflector(std::span<const std::byte> datagram) {
  if (datagram.size() < kReflectorSizeMin) return std::nullopt;
  const auto error = decode_error_estimate(get<std::uint16_t>(datagram, kError));
  if (error.multiplier == 0) return std::nullopt;
  return ReflectorPacket{.sequence = get<std::uint32_t>(datagram, kSequence),
                         .sent_at = from_ntp(get<std::uint64_t>(datagram, kTimestamp)),
                         .error = error,
                         .ssid = get<std::uint16_t>(datagram, kSsid),
                         .received_at = from_ntp(get<std::uint64_t>(datagram, kReceived)),
                         .sender_sequence = get<std::uint32_t>(datagram, kSenderSequence),
                         .sender_timestamp = get<std::uint64_t>(datagram, kSenderTimestamp),
                         .sender_error = get<std::uint16_t>(datagram, kSenderError),
                         .sender_ttl = get<std::uint8_t>(datagram, kSenderTtl)};
}

std::optional<QuotedPacket> decode_quote(std::span<const std::byte> payload) {
  if (payload.size() < kSenderSizeWithSsid) return std::nullopt;
  return QuotedPacket{.sequence = get<std::uint32_t>(payload, kSequence),
                      .ssid = get<std::uint16_t>(payload, kSsid)};
}

}  // namespace faultline::stamp
