// What a stranger's datagram meets: the codec and the reflector.
#include <algorithm>
#include <array>

#include "common/base/check.h"
#include "common/net/udp_socket.h"
#include "probe/session/reflector.h"
#include "probe/stamp/packet.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace faultline;

const Endpoint kPeer{IpAddress::v4(0x0a000001), 862};

session::Reflector peer_reflector() {
  session::Reflector reflector;
  PlanPeer peer;
  peer.address = kPeer.address;
  reflector.set_peers({peer});
  return reflector;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::as_input(data, std::min(size, net::kDatagramMax));
  std::array<std::byte, stamp::kPacketSize> encoded;
  if (const auto packet = stamp::decode_reflector(input)) {
    stamp::encode(*packet, encoded);
    FAULTLINE_CHECK(stamp::decode_reflector(encoded) == packet,
                    "a decoded reply does not survive a round trip");
  }
  (void)stamp::decode_quote(input);
  static session::Reflector reflector = peer_reflector();
  std::vector<std::byte> reply(input.size());  // never more than came in
  const session::Request request{.from = kPeer, .payload = input, .ttl = 64};
  using Outcome = session::Reflector::Outcome;
  if (reflector.answer(request, {}, reply) == Outcome::kAnswered) {
    FAULTLINE_CHECK(stamp::decode_reflector(reply).has_value(), "a reply that nobody can decode");
    FAULTLINE_CHECK(stamp::decode_sender(input).has_value(), "garbage was answered");
  }
  (void)reflector.answer_trace(request, {}, reply);
  return 0;
}

std::vector<faultline::fuzz::Bytes> faultline::fuzz::seeds() {
  std::vector<Bytes> result;
  for (const std::uint16_t ssid :
       {std::uint16_t{0}, std::uint16_t{77}, stamp::kSsidTraceForward, stamp::kSsidTraceReturn}) {
    Bytes octets(64);
    stamp::encode(stamp::SenderPacket{.sequence = 5, .ssid = ssid}, octets);
    result.push_back(octets);
    stamp::encode(stamp::ReflectorPacket{.sequence = 5, .ssid = ssid, .sender_sequence = 6},
                  octets);
    result.push_back(octets);
    octets.resize(stamp::kSenderSizeMin);
    result.push_back(octets);
  }
  return result;
}
