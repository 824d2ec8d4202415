#include "probe/engine/session_packet.h"

#include "probe/stamp/tlv.h"

namespace faultline::engine {

std::span<const std::byte> encode_base(const session::Outgoing& due, std::span<std::byte> out) {
  if (due.key == nullptr) {
    stamp::encode(due.packet, out);
    return out.first(stamp::kPacketSize);
  }
  stamp::encode(due.packet, *due.key, out);
  return out.first(stamp::kAuthenticatedSize);
}

std::optional<stamp::QuotedPacket> sent_packet(std::span<const std::byte> frame,
                                               std::uint16_t source_port) {
  constexpr std::size_t kUdpHeader = 8;
  constexpr std::size_t kUdpLengthAt = 4;
  const auto number = [&frame](std::size_t at) {
    return std::to_integer<std::size_t>(frame[at]) << 8 |
           std::to_integer<std::size_t>(frame[at + 1]);
  };
  for (const std::size_t packet :
       {stamp::kAuthenticatedSize + stamp::kClassTlvsMax, stamp::kAuthenticatedSize,
        stamp::kPacketSize + stamp::kClassTlv, stamp::kPacketSize}) {
    const std::size_t datagram = kUdpHeader + packet;
    if (frame.size() < datagram) continue;
    const auto udp = frame.size() - datagram;
    if (number(udp) == source_port && number(udp + kUdpLengthAt) == datagram) {
      return stamp::decode_quote(frame.last(packet));
    }
  }
  return std::nullopt;
}

}  // namespace faultline::engine
