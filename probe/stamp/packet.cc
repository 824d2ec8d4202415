#include "probe/stamp/packet.h"

#include <algorithm>

#include "common/base/check.h"
#include "probe/stamp/octets.h"

namespace faultline::stamp {
namespace {

// Offsets in octets. The sender's packet is the prefix of the reflector's.
struct Layout {
  std::size_t timestamp = 0;  // the sequence is at 0
  std::size_t error = 0;
  std::size_t ssid = 0;
  std::size_t received = 0;
  std::size_t sender_sequence = 0;
  std::size_t sender_timestamp = 0;
  std::size_t sender_error = 0;
  std::size_t sender_ttl = 0;
  std::size_t sender_min = 0;  // the shortest packets that are understood
  std::size_t reflector_min = 0;
};
constexpr Layout kOpen{.timestamp = 4,
                       .error = 12,
                       .ssid = 14,
                       .received = 16,
                       .sender_sequence = 24,
                       .sender_timestamp = 28,
                       .sender_error = 36,
                       .sender_ttl = 40,
                       .sender_min = kSenderSizeMin,
                       .reflector_min = kReflectorSizeHeard};
constexpr Layout kAuthenticated{.timestamp = 16,
                                .error = 24,
                                .ssid = 26,
                                .received = 32,
                                .sender_sequence = 48,
                                .sender_timestamp = 64,
                                .sender_error = 72,
                                .sender_ttl = 80,
                                .sender_min = kAuthenticatedSize,
                                .reflector_min = kAuthenticatedSize};
constexpr std::size_t kZeroFrom = 4;  // in an authenticated packet, up to the timestamp

const Layout& layout_of(Mode mode) { return mode == Mode::kOpen ? kOpen : kAuthenticated; }

template <typename Packet>
void write_common(std::span<std::byte> out, Mode mode, const Packet& packet) {
  FAULTLINE_CHECK(out.size() >= base_size(mode), "no room for a STAMP packet");
  const auto& at = layout_of(mode);
  std::fill_n(out.begin(), base_size(mode), std::byte{0});
  put(out, 0, packet.sequence);
  put(out, at.timestamp, to_ntp(packet.sent_at));
  put(out, at.error, encode(packet.error));
  put(out, at.ssid, packet.ssid);
}

void write(std::span<std::byte> out, Mode mode, const SenderPacket& packet) {
  write_common(out, mode, packet);
}

void write(std::span<std::byte> out, Mode mode, const ReflectorPacket& packet) {
  write_common(out, mode, packet);
  const auto& at = layout_of(mode);
  put(out, at.received, to_ntp(packet.received_at));
  put(out, at.sender_sequence, packet.sender_sequence);
  put(out, at.sender_timestamp, packet.sender_timestamp);
  put(out, at.sender_error, packet.sender_error);
  put(out, at.sender_ttl, packet.sender_ttl);
}

void write_mac(std::span<std::byte> out, const crypto::MacKey& key) {
  std::ranges::copy(key.sign(out.first(kMacOffset)), out.begin() + kMacOffset);
}

bool is_zero_up_to_timestamp(std::span<const std::byte> packet) {
  return std::ranges::all_of(packet.subspan(kZeroFrom, kAuthenticated.timestamp - kZeroFrom),
                             [](std::byte octet) { return octet == std::byte{0}; });
}

}  // namespace

void encode(const SenderPacket& packet, std::span<std::byte> out) {
  write(out, Mode::kOpen, packet);
}

void encode(const ReflectorPacket& packet, std::span<std::byte> out) {
  write(out, Mode::kOpen, packet);
}

void encode(const SenderPacket& packet, const crypto::MacKey& key, std::span<std::byte> out) {
  write(out, Mode::kAuthenticated, packet);
  write_mac(out, key);
}

void encode(const ReflectorPacket& packet, const crypto::MacKey& key, std::span<std::byte> out) {
  write(out, Mode::kAuthenticated, packet);
  write_mac(out, key);
}

Mode mode_of(std::span<const std::byte> datagram) {
  const bool authenticated =
      datagram.size() >= kAuthenticatedSize && is_zero_up_to_timestamp(datagram);
  return authenticated ? Mode::kAuthenticated : Mode::kOpen;
}

bool is_authentic(std::span<const std::byte> datagram, const crypto::MacKey& key) {
  return datagram.size() >= kAuthenticatedSize &&
         key.verifies(datagram.subspan(kMacOffset, crypto::kMacBytes), datagram.first(kMacOffset));
}

std::optional<ReceivedSenderPacket> decode_sender(std::span<const std::byte> datagram, Mode mode) {
  const auto& at = layout_of(mode);
  if (datagram.size() < at.sender_min) return std::nullopt;
  const auto error = get<std::uint16_t>(datagram, at.error);
  if (decode_error_estimate(error).multiplier == 0) return std::nullopt;
  const auto timestamp = get<std::uint64_t>(datagram, at.timestamp);
  const bool has_ssid = datagram.size() >= kSenderSizeWithSsid;
  return ReceivedSenderPacket{
      .packet = {.sequence = get<std::uint32_t>(datagram, 0),
                 .sent_at = from_ntp(timestamp),
                 .error = decode_error_estimate(error),
                 .ssid = has_ssid ? get<std::uint16_t>(datagram, at.ssid) : std::uint16_t{0}},
      .timestamp = timestamp,
      .error = error};
}

std::optional<ReflectorPacket> decode_reflector(std::span<const std::byte> datagram, Mode mode) {
  const auto& at = layout_of(mode);
  if (datagram.size() < at.reflector_min) return std::nullopt;
  const bool says_ttl = datagram.size() > at.sender_ttl;
  const auto error = decode_error_estimate(get<std::uint16_t>(datagram, at.error));
  if (error.multiplier == 0) return std::nullopt;
  return ReflectorPacket{
      .sequence = get<std::uint32_t>(datagram, 0),
      .sent_at = from_ntp(get<std::uint64_t>(datagram, at.timestamp)),
      .error = error,
      .ssid = get<std::uint16_t>(datagram, at.ssid),
      .received_at = from_ntp(get<std::uint64_t>(datagram, at.received)),
      .sender_sequence = get<std::uint32_t>(datagram, at.sender_sequence),
      .sender_timestamp = get<std::uint64_t>(datagram, at.sender_timestamp),
      .sender_error = get<std::uint16_t>(datagram, at.sender_error),
      .sender_ttl = says_ttl ? get<std::uint8_t>(datagram, at.sender_ttl) : std::uint8_t{0}};
}

bool is_reply_to(const ReflectorPacket& reply, const SenderPacket& sent) {
  return reply.sender_sequence == sent.sequence && reply.sender_timestamp == to_ntp(sent.sent_at) &&
         (reply.ssid == sent.ssid || reply.ssid == 0);
}

std::optional<QuotedPacket> decode_quote(std::span<const std::byte> payload) {
  if (payload.size() < kSenderSizeWithSsid) return std::nullopt;
  const bool authenticated = is_zero_up_to_timestamp(payload);
  const auto ssid = layout_of(authenticated ? Mode::kAuthenticated : Mode::kOpen).ssid;
  if (payload.size() < ssid + sizeof(std::uint16_t)) return std::nullopt;
  return QuotedPacket{.sequence = get<std::uint32_t>(payload, 0),
                      .ssid = get<std::uint16_t>(payload, ssid)};
}

}  // namespace faultline::stamp
