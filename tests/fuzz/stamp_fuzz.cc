// What a stranger's datagram meets: the codec and the reflector.
#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "common/base/check.h"
#include "common/net/udp_socket.h"
#include "probe/session/reflector.h"
#include "probe/stamp/packet.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace faultline;

const Endpoint kPeer{IpAddress::v4(0x0a000001), 862};
const crypto::MacKey kKey{std::array<std::uint8_t, crypto::MacKey::kSecretBytes>{1, 2, 3}};

session::Reflector peer_reflector() {
  session::Reflector reflector;
  PlanPeer peer;
  peer.node = NodeId{1};
  peer.address = kPeer.address;
  session::KeyTable keys;
  keys.emplace(peer.node, std::make_shared<const session::PeerKeys>(
                              session::PeerKeys{.sending = kKey, .accepted = {kKey}}));
  reflector.set_peers({peer}, keys);
  return reflector;
}

// A mutated HMAC is never right, so what lies behind it would not be reached: sign what comes.
std::vector<std::byte> signed_again(std::span<const std::byte> input) {
  std::vector<std::byte> packet(input.begin(), input.end());
  if (packet.size() < stamp::kAuthenticatedSize) return packet;
  const auto mac = kKey.sign(std::span(packet).first(stamp::kMacOffset));
  std::ranges::copy(mac, packet.begin() + static_cast<std::ptrdiff_t>(stamp::kMacOffset));
  return packet;
}

void reflect(session::Reflector& reflector, std::span<const std::byte> input) {
  std::vector<std::byte> reply(input.size());  // never more than came in
  const session::Request request{.from = kPeer, .payload = input, .ttl = 64};
  const auto mode = stamp::mode_of(input);
  using Outcome = session::Reflector::Outcome;
  if (reflector.answer(request, {}, reply) == Outcome::kAnswered) {
    FAULTLINE_CHECK(stamp::mode_of(reply) == mode, "a reply in another mode");
    FAULTLINE_CHECK(stamp::decode_reflector(reply, mode).has_value(),
                    "a reply that nobody can decode");
    FAULTLINE_CHECK(stamp::decode_sender(input, mode).has_value(), "garbage was answered");
    FAULTLINE_CHECK(mode == stamp::Mode::kOpen || stamp::is_authentic(reply, kKey),
                    "an authenticated reply that is not authentic");
    (void)stamp::read_reply_tlvs(reply, std::min(reply.size(), stamp::base_size(mode)), &kKey);
  }
  (void)reflector.answer_trace(request, {}, reply);
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
  (void)stamp::read_reply_tlvs(input, stamp::kPacketSize, nullptr);
  static session::Reflector reflector = peer_reflector();
  reflect(reflector, input);
  reflect(reflector, signed_again(input));
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
  for (const bool authenticated : {false, true}) {
    Bytes octets(300);
    const stamp::SenderPacket packet{.sequence = 5, .ssid = 77};
    if (authenticated) {
      stamp::encode(packet, kKey, octets);
    } else {
      stamp::encode(packet, octets);
    }
    const auto mode = authenticated ? stamp::Mode::kAuthenticated : stamp::Mode::kOpen;
    stamp::TlvWriter tlvs(octets, stamp::base_size(mode));
    FAULTLINE_CHECK(tlvs.class_of_service(10) && tlvs.location() && tlvs.timestamp_information(),
                    "seeds have room");
    FAULTLINE_CHECK(tlvs.hmac(kKey) && tlvs.extra_padding(9), "seeds have room");
    octets.resize(tlvs.size());
    result.push_back(octets);
  }
  return result;
}
