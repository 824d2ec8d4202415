#include "common/capture/packet.h"

#include "common/capture/stamp_identity.h"
#include "tests/support/capture_builder.h"
#include "tests/support/catch.h"

using namespace faultline;
using namespace faultline::capture;
using faultline::test::Bytes;
using faultline::test::FrameSpec;

namespace {

// A real datagram: RFC 768 over the addresses of the documentation, sum computed by hand:
// 192.0.2.1 -> 192.0.2.2, ports 1 -> 2, length 9, one octet 'a'.
Bytes hand_made() {
  Bytes udp(9);
  test::put(udp, 0, 1, 2);
  test::put(udp, 2, 2, 2);
  test::put(udp, 4, 9, 2);
  // c000+0201 + c000+0202 + 0011 + 0009 + 0001 + 0002 + 0009 + 6100 = 1e529 -> e52a, inverted 1ad5.
  test::put(udp, 6, 0x1ad5, 2);
  udp[8] = std::byte{0x61};
  return udp;
}

const auto kFrom = *IpAddress::parse("192.0.2.1");
const auto kTo = *IpAddress::parse("192.0.2.2");

}  // namespace

TEST_CASE("a checksum is good, absent, unfinished or bad", "[capture]") {
  auto udp = hand_made();
  CHECK(udp_checksum(kFrom, kTo, udp) == Checksum::kGood);
  udp[8] = std::byte{0x62};
  CHECK(udp_checksum(kFrom, kTo, udp) == Checksum::kBad);
  test::put(udp, 6, 0x841e, 2);  // c000+0201+c000+0202+0011+0009 = 1841d -> 841e
  CHECK(udp_checksum(kFrom, kTo, udp) == Checksum::kUnfinished);
  test::put(udp, 6, 0, 2);
  CHECK(udp_checksum(kFrom, kTo, udp) == Checksum::kAbsent);
}

TEST_CASE("a frame is read with its link, its headers and its class", "[capture]") {
  const auto payload = test::stamp_request(3, 0x1122334455667788, 9);
  const auto frame =
      test::udp_frame({.vlan = 30, .ttl = 61, .dscp = 46, .ecn = 1, .payload = payload});
  const auto packet = parse(kLinkEthernet, frame);
  REQUIRE(packet);
  CHECK(to_string(*packet->mac_from) == "02:00:00:00:00:0a");
  CHECK(packet->vlan == 30);
  CHECK(to_string(packet->from) == "10.0.1.1:40000");
  CHECK(to_string(packet->to) == "10.0.2.1:862");
  CHECK(packet->ttl == 61);
  CHECK(packet->dscp == 46);
  CHECK(packet->ecn == 1);
  CHECK(packet->size == 72);
  CHECK(packet->payload_size == 44);
  CHECK(packet->checksum == Checksum::kGood);
  CHECK_FALSE(packet->ip_checksum_bad);
  CHECK(stamp_identity(packet->payload, false)->ssid == 9);
}

TEST_CASE("IPv6 is read, through a hop-by-hop header and a fragment header too", "[capture]") {
  FrameSpec spec{.from = "2001:db8::1",
                 .to = "2001:db8::2",
                 .dscp = 10,
                 .payload = test::stamp_request(1, 2, 3)};
  auto packet = parse(kLinkEthernet, test::udp_frame(spec));
  REQUIRE(packet);
  CHECK(packet->dscp == 10);
  CHECK(packet->checksum == Checksum::kGood);
  CHECK(packet->from.port == 40000);
  auto udp = test::udp_datagram(spec);
  Bytes body(16);
  test::put(body, 0, 44, 1);  // hop-by-hop, then a fragment header
  test::put(body, 8, 17, 1);  // then UDP
  test::put(body, 10, 1, 2);  // offset 0, more to come
  test::put(body, 12, 0xabcd, 4);
  body.insert(body.end(), udp.begin(), udp.end());
  packet = parse(kLinkEthernet, test::ethernet(spec, body, 0));
  REQUIRE(packet);
  CHECK(packet->more_fragments);
  CHECK(packet->fragment_id == 0xabcd);
  CHECK(packet->to.port == 862);
  CHECK(packet->checksum == Checksum::kUnknown);
}

TEST_CASE("an ICMP error names the packet that it complains about", "[capture]") {
  const auto inner = test::udp_frame({.payload = test::stamp_request(1, 2, 3)});
  Bytes body(8);
  test::put(body, 0, 0x0304, 2);
  test::put(body, 6, 1400, 2);
  body.insert(body.end(), inner.begin() + 14,
              inner.begin() + 14 + 28);  // as short as RFC 792 allows
  const auto packet =
      parse(kLinkEthernet, test::ethernet({.from = "10.9.9.9", .to = "10.0.1.1"}, body, 1));
  REQUIRE(packet);
  REQUIRE(packet->icmp);
  CHECK(packet->icmp->mtu == 1400);
  CHECK(to_string(packet->icmp->from) == "10.0.1.1:40000");
  CHECK(to_string(packet->icmp->to) == "10.0.2.1:862");
}

TEST_CASE("a frame that is cut anywhere is read as far as it goes, or refused", "[capture]") {
  const auto frame = test::udp_frame({.vlan = 2, .payload = test::stamp_request(1, 2, 3)});
  for (std::size_t size = 0; size <= frame.size(); ++size) {
    CAPTURE(size);
    const auto packet = parse(kLinkEthernet, std::span(frame).first(size));
    if (size < 18 + 20) CHECK_FALSE(packet);
    if (size >= 18 + 28) CHECK(packet->to.port == 862);
    if (packet && size < frame.size()) CHECK(packet->checksum == Checksum::kUnknown);
  }
  CHECK_FALSE(parse(147, frame));
}

TEST_CASE("a reply names the request that it answers, in both modes", "[capture]") {
  const auto request = test::stamp_request(7, 0xaaaabbbbccccdddd, 12);
  const auto reply = stamp_identity(test::stamp_reply(request, 0x1111), true);
  REQUIRE(reply);
  CHECK(reply->request_sequence == 7);
  CHECK(reply->request_sent_at == 0xaaaabbbbccccdddd);
  CHECK(reply->sent_at == 0x1111);
  CHECK(reply->ssid == 12);
  Bytes authenticated(112);
  test::put(authenticated, 0, 5, 4);
  test::put(authenticated, 16, 0x2222, 8);
  test::put(authenticated, 26, 13, 2);
  test::put(authenticated, 48, 8, 4);
  test::put(authenticated, 64, 0x3333, 8);
  const auto signed_reply = stamp_identity(authenticated, true);
  CHECK(signed_reply == StampIdentity{.sequence = 5,
                                      .sent_at = 0x2222,
                                      .ssid = 13,
                                      .request_sent_at = 0x3333,
                                      .request_sequence = 8});
  const auto trace = stamp_identity(test::stamp_request(1, 2, 0xFFFE), false);
  CHECK(trace->is_test(3));
  CHECK_FALSE(trace->is_test(251));
  CHECK(stamp_identity(test::stamp_request(1, 2, 0xFFFC), false)->is_test(255));
  CHECK_FALSE(stamp_identity(test::stamp_request(1, 2, 12), false)->is_test(3));
}
