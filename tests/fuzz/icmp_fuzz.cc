// What a stranger's ICMP message, and his QUIC datagram, meet.
#include <algorithm>
#include <array>

#include "common/base/check.h"
#include "common/net/udp_socket.h"
#include "probe/icmp/echo.h"
#include "probe/quic/version_negotiation.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace faultline;

constexpr std::uint8_t kReplyV4 = 0, kReplyV6 = 129;

// A mutated checksum is hardly ever right, so what lies behind it would not be reached: make it so.
fuzz::Bytes with_checksum(std::span<const std::byte> message) {
  fuzz::Bytes result(message.begin(), message.end());
  if (result.size() < icmp::kEchoHeader) return result;
  result[2] = result[3] = std::byte{0};
  const auto sum = icmp::internet_checksum(result);
  result[2] = static_cast<std::byte>(sum >> 8);
  result[3] = static_cast<std::byte>(sum & 0xff);
  FAULTLINE_CHECK(icmp::internet_checksum(result) == 0, "a checksum that does not check");
  return result;
}

void decode_echoes(std::span<const std::byte> message) {
  for (const bool v4 : {true, false}) {
    const auto reply = icmp::decode_reply(message, v4);
    const auto request = icmp::decode_quoted_request(message, v4);
    FAULTLINE_CHECK(!reply || !request, "one message is a reply and a request");
    FAULTLINE_CHECK(!reply || message[0] == std::byte{v4 ? kReplyV4 : kReplyV6},
                    "something else than a reply was taken for one");
    if (!request) continue;
    std::array<std::byte, icmp::kEchoHeader> encoded;
    icmp::encode_request(*request, v4, encoded);
    FAULTLINE_CHECK(icmp::decode_quoted_request(encoded, v4) == request,
                    "a decoded request does not survive a round trip");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::as_input(data, std::min(size, net::kDatagramMax));
  decode_echoes(input);
  decode_echoes(with_checksum(input));
  if (const auto inside = icmp::strip_ipv4(input)) {
    FAULTLINE_CHECK(inside->payload.size() + 20 <= input.size(), "octets from nowhere");
    decode_echoes(inside->payload);
    decode_echoes(with_checksum(inside->payload));
  }
  if (const auto reply = quic::decode(input)) {
    FAULTLINE_CHECK(reply->versions.size() <= quic::kVersionsMax, "more versions than are read");
    FAULTLINE_CHECK(!reply->versions.empty(), "a negotiation without a version");
  }
  return 0;
}

std::vector<faultline::fuzz::Bytes> faultline::fuzz::seeds() {
  std::vector<Bytes> result;
  for (const bool v4 : {true, false}) {
    Bytes request(64);
    icmp::encode_request({.identifier = 7, .sequence = 300}, v4, request);
    result.push_back(request);
    Bytes reply = request;
    reply[0] = std::byte{v4 ? kReplyV4 : kReplyV6};
    reply = with_checksum(reply);
    result.push_back(reply);
    for (const std::size_t words : {5U, 6U, 15U}) {  // an IPv4 header before it, with options
      Bytes packet(4 * words);
      packet[0] = static_cast<std::byte>(0x40U | words);
      packet[8] = std::byte{64};
      packet.insert(packet.end(), reply.begin(), reply.end());
      result.push_back(packet);
    }
    reply.resize(icmp::kEchoHeader);
    result.push_back(reply);
  }
  Bytes probe(quic::kProbeSize);
  quic::encode_probe({.destination = 1, .source = 2}, probe);
  result.push_back(probe);
  Bytes negotiation(probe.begin(), probe.begin() + 64);  // with 10 "versions"
  std::fill(negotiation.begin() + 1, negotiation.begin() + 5, std::byte{0});
  result.push_back(negotiation);
  return result;
}
