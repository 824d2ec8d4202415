#include "probe/stamp/packet.h"

#include <algorithm>
#include <array>

#include "tests/support/catch.h"

namespace faultline::stamp {
namespace {

using Octets = std::array<std::byte, kPacketSize>;

Octets octets(std::initializer_list<int> values) {
  Octets result{};
  std::ranges::transform(values, result.begin(), [](int v) { return static_cast<std::byte>(v); });
  return result;
}

const WallTime kTime = wall_time_from_unix_nanoseconds(500'000'000);  // 83AA7E80.80000000

ReflectorPacket reply() {
  return {.sequence = 7,
          .sent_at = kTime,
          .ssid = 0x1234,
          .received_at = wall_time_from_unix_nanoseconds(250'000'000),
          .sender_sequence = 0x01020304,
          .sender_timestamp = 0x1112131415161718,
          .sender_error = 0x2122,
          .sender_ttl = 61};
}

}  // namespace

TEST_CASE("a sender's packet is laid out as RFC 8762 section 4.2.1 says", "[stamp]") {
  Octets out;
  out.fill(std::byte{0xEE});
  encode(SenderPacket{.sequence = 0x01020304, .sent_at = kTime, .ssid = 0x1234}, out);
  CHECK(out == octets({1, 2, 3, 4, 0x83, 0xAA, 0x7E, 0x80, 0x80, 0, 0, 0, 0x3F, 0xFF, 0x12, 0x34}));
}

TEST_CASE("a reflector's packet is laid out as RFC 8762 section 4.3.1 says", "[stamp]") {
  Octets out;
  out.fill(std::byte{0xEE});
  encode(reply(), out);
  CHECK(out ==
        octets({0,    0,    0,    7,    0x83, 0xAA, 0x7E, 0x80, 0x80, 0, 0,  0, 0x3F, 0xFF, 0x12,
                0x34, 0x83, 0xAA, 0x7E, 0x80, 0x40, 0,    0,    0,    1, 2,  3, 4,    0x11, 0x12,
                0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x21, 0x22, 0,    0, 61, 0, 0,    0}));
  CHECK(decode_reflector(out) == reply());
}

TEST_CASE("a TWAMP Light sender's packet of 14 octets has no SSID", "[stamp]") {
  Octets out;
  encode(SenderPacket{.sequence = 9, .sent_at = kTime, .ssid = 0x1234}, out);
  const auto decoded = decode_sender(std::span(out).first(kSenderSizeMin));
  REQUIRE(decoded);
  CHECK(decoded->packet == SenderPacket{.sequence = 9, .sent_at = kTime, .ssid = 0});
  CHECK(decoded->timestamp == 0x83AA7E80'80000000U);
  CHECK(decoded->error == 0x3FFF);
  CHECK_FALSE(decode_sender(std::span(out).first(kSenderSizeMin - 1)));
}

TEST_CASE("a TWAMP Light reflector's packet of 41 octets is complete", "[stamp]") {
  Octets out;
  encode(reply(), out);
  CHECK(decode_reflector(std::span(out).first(kReflectorSizeMin)) == reply());
  CHECK_FALSE(decode_reflector(std::span(out).first(kReflectorSizeMin - 1)));
}

TEST_CASE("an error estimate with multiplier zero marks garbage", "[stamp]") {
  Octets out;
  encode(reply(), out);
  out[13] = std::byte{0};
  CHECK_FALSE(decode_sender(out));
  CHECK_FALSE(decode_reflector(out));
  CHECK_FALSE(decode_sender({}));
}

TEST_CASE("a quote tells its packet only when it reaches the SSID", "[stamp]") {
  Octets out;
  encode(SenderPacket{.sequence = 77, .sent_at = kTime, .ssid = kSsidTraceForward}, out);
  CHECK(decode_quote(std::span(out).first(16)) ==
        QuotedPacket{.sequence = 77, .ssid = kSsidTraceForward});
  CHECK_FALSE(decode_quote(std::span(out).first(15)));
}

}  // namespace faultline::stamp
