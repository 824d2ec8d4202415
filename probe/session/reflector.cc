#include "probe/session/reflector.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"
#include "probe/stamp/packet.h"

namespace faultline::session {
namespace {

// Octets beyond the base packet go back as they came: TLVs keep their "unrecognized" flag (RFC
// 8972).
void write_reply(const stamp::ReceivedSenderPacket& received, const Request& request, Now now,
                 std::uint32_t sequence, std::span<std::byte> out) {
  FAULTLINE_CHECK(out.size() >= request.payload.size(), "no room for the reply");
  std::array<std::byte, stamp::kPacketSize> base;
  stamp::encode(stamp::ReflectorPacket{.sequence = sequence,
                                       .sent_at = now.wall,
                                       .ssid = received.packet.ssid,
                                       .received_at = request.received_at,
                                       .sender_sequence = received.packet.sequence,
                                       .sender_timestamp = received.timestamp,
                                       .sender_error = received.error,
                                       .sender_ttl = request.ttl},
                base);
  std::ranges::copy(request.payload, out.begin());
  std::copy_n(base.begin(), std::min(base.size(), request.payload.size()), out.begin());
}

}  // namespace

void Reflector::set_peers(const std::vector<PlanPeer>& peers) {
  peers_.clear();
  peers_.reserve(peers.size());
  for (const auto& peer : peers) peers_.push_back({peer.address, peer.reflector_port});
  std::ranges::sort(peers_);
}

bool Reflector::is_peer(const IpAddress& address) const {
  return std::ranges::binary_search(peers_, address, {}, &Endpoint::address);
}

bool Reflector::is_peer_reflector(const Endpoint& endpoint) const {
  return std::ranges::binary_search(peers_, endpoint);
}

Reflector::Outcome Reflector::answer(const Request& request, Now now, std::span<std::byte> out) {
  if (!is_peer(request.from.address)) return Outcome::kStranger;
  if (request.payload.size() < stamp::kReflectorSizeMin) return Outcome::kMalformed;
  const auto received = stamp::decode_sender(request.payload);
  if (!received) return Outcome::kMalformed;
  const auto ssid = received->packet.ssid;
  if (ssid == stamp::kSsidTraceReturn) return Outcome::kOther;
  const auto sequence = ssid == stamp::kSsidTraceForward
                            ? received->packet.sequence
                            : sessions_.next_reply(request.from, ssid, now.instant);
  write_reply(*received, request, now, sequence, out);
  return Outcome::kAnswered;
}

Reflector::Outcome Reflector::answer_trace(const Request& request, Now now,
                                           std::span<std::byte> out) {
  if (!is_peer_reflector(request.from)) {
    return is_peer(request.from.address) ? Outcome::kOther : Outcome::kStranger;
  }
  if (request.payload.size() < stamp::kReflectorSizeMin) return Outcome::kMalformed;
  const auto received = stamp::decode_sender(request.payload);
  if (!received) return Outcome::kMalformed;
  if (received->packet.ssid != stamp::kSsidTraceReturn) return Outcome::kOther;
  write_reply(*received, request, now, received->packet.sequence, out);
  return Outcome::kAnswered;
}

}  // namespace faultline::session
