// The octets of a session's packet, before they are sent and when the kernel hands them back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "probe/session/sender.h"
#include "probe/stamp/packet.h"

namespace faultline::engine {

// The packet without TLVs, at the front of `out`.
std::span<const std::byte> encode_base(const session::Outgoing& due, std::span<std::byte> out);

// Which of our packets is the tail of this frame. The UDP header before it tells its length.
[[nodiscard]] std::optional<stamp::QuotedPacket> sent_packet(std::span<const std::byte> frame,
                                                             std::uint16_t source_port);

}  // namespace faultline::engine
