#include "probe/stamp/packet.h"

#include <algorithm>
#include <array>

#include "tests/support/catch.h"
#include "tests/unit/probe/stamp/keys.h"

namespace faultline::stamp {
namespace {

using PacketOctets = std::array<std::byte, kPacketSize>;

PacketOctets packet_octets(std::initializer_list<int> values) {
  PacketOctets result{};
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
  PacketOctets out;
  out.fill(std::byte{0xEE});
  encode(SenderPacket{.sequence = 0x01020304, .sent_at = kTime, .ssid = 0x1234}, out);
  CHECK(out ==
        packet_octets({1, 2, 3, 4, 0x83, 0xAA, 0x7E, 0x80, 0x80, 0, 0, 0, 0x3F, 0xFF, 0x12, 0x34}));
}

TEST_CASE("a reflector's packet is laid out as RFC 8762 section 4.3.1 says", "[stamp]") {
  PacketOctets out;
  out.fill(std::byte{0xEE});
  encode(reply(), out);
  CHECK(out == packet_octets({0,    0,    0,    7,    0x83, 0xAA, 0x7E, 0x80, 0x80, 0,    0,
                              0,    0x3F, 0xFF, 0x12, 0x34, 0x83, 0xAA, 0x7E, 0x80, 0x40, 0,
                              0,    0,    1,    2,    3,    4,    0x11, 0x12, 0x13, 0x14, 0x15,
                              0x16, 0x17, 0x18, 0x21, 0x22, 0,    0,    61,   0,    0,    0}));
  CHECK(decode_reflector(out) == reply());
}

TEST_CASE("a TWAMP Light sender's packet of 14 octets has no SSID", "[stamp]") {
  PacketOctets out;
  encode(SenderPacket{.sequence = 9, .sent_at = kTime, .ssid = 0x1234}, out);
  const auto decoded = decode_sender(std::span(out).first(kSenderSizeMin));
  REQUIRE(decoded);
  CHECK(decoded->packet == SenderPacket{.sequence = 9, .sent_at = kTime, .ssid = 0});
  CHECK(decoded->timestamp == 0x83AA7E80'80000000U);
  CHECK(decoded->error == 0x3FFF);
  CHECK_FALSE(decode_sender(std::span(out).first(kSenderSizeMin - 1)));
}

TEST_CASE("a TWAMP Light reflector's packet may end after the TTL, or before it", "[stamp]") {
  PacketOctets out;
  encode(reply(), out);
  CHECK(decode_reflector(std::span(out).first(kReflectorSizeMin)) == reply());
  auto without_ttl = reply();
  without_ttl.sender_ttl = 0;
  CHECK(decode_reflector(std::span(out).first(kReflectorSizeMin - 1)) == without_ttl);
  CHECK(decode_reflector(std::span(out).first(kReflectorSizeHeard)) == without_ttl);
  CHECK_FALSE(decode_reflector(std::span(out).first(kReflectorSizeHeard - 1)));
}

TEST_CASE("an error estimate with multiplier zero marks garbage", "[stamp]") {
  PacketOctets out;
  encode(reply(), out);
  out[13] = std::byte{0};
  CHECK_FALSE(decode_sender(out));
  CHECK_FALSE(decode_reflector(out));
  CHECK_FALSE(decode_sender({}));
}

TEST_CASE("a reply is of what was sent if it copies it, whether or not it knows SSIDs", "[stamp]") {
  const SenderPacket sent{.sequence = 0x01020304, .sent_at = kTime, .ssid = 0x1234};
  auto answer = reply();
  answer.sender_timestamp = to_ntp(kTime);
  CHECK(is_reply_to(answer, sent));
  answer.ssid = 0;  // must be zero, says RFC 8762
  CHECK(is_reply_to(answer, sent));
  answer.ssid = 0x1235;
  CHECK(!is_reply_to(answer, sent));
  answer.ssid = 0x1234;
  answer.sender_sequence ^= 1;
  CHECK(!is_reply_to(answer, sent));
  answer.sender_sequence ^= 1;
  answer.sender_timestamp ^= 1;
  CHECK(!is_reply_to(answer, sent));
}

TEST_CASE("a quote tells its packet only when it reaches the SSID", "[stamp]") {
  PacketOctets out;
  encode(SenderPacket{.sequence = 77, .sent_at = kTime, .ssid = kSsidTraceForward}, out);
  CHECK(decode_quote(std::span(out).first(16)) ==
        QuotedPacket{.sequence = 77, .ssid = kSsidTraceForward});
  CHECK_FALSE(decode_quote(std::span(out).first(15)));
}

namespace {

using Authenticated = std::array<std::byte, kAuthenticatedSize>;

struct Field {
  std::size_t at;
  std::initializer_list<int> values;
};

// Zero but for the fields, and the HMAC over what precedes it.
Authenticated authenticated(std::initializer_list<Field> fields) {
  Authenticated result{};
  for (const auto& field : fields) {
    std::ranges::transform(field.values, result.begin() + static_cast<std::ptrdiff_t>(field.at),
                           [](int v) { return static_cast<std::byte>(v); });
  }
  std::ranges::copy(key().sign(std::span(result).first(96)), result.begin() + 96);
  return result;
}

}  // namespace

TEST_CASE("an authenticated sender's packet is laid out as RFC 8762 section 4.2.2 says",
          "[stamp]") {
  Authenticated out;
  out.fill(std::byte{0xEE});
  encode(SenderPacket{.sequence = 0x01020304, .sent_at = kTime, .ssid = 0x1234}, key(), out);
  CHECK(out == authenticated({{0, {1, 2, 3, 4}},
                              {16, {0x83, 0xAA, 0x7E, 0x80, 0x80, 0, 0, 0}},
                              {24, {0x3F, 0xFF}},
                              {26, {0x12, 0x34}}}));
  REQUIRE(mode_of(out) == Mode::kAuthenticated);
  CHECK(is_authentic(out, key()));
  const auto decoded = decode_sender(out, Mode::kAuthenticated);
  REQUIRE(decoded);
  CHECK(decoded->packet == SenderPacket{.sequence = 0x01020304, .sent_at = kTime, .ssid = 0x1234});
  CHECK(decoded->timestamp == 0x83AA7E80'80000000U);
}

TEST_CASE("an authenticated reflector's packet is laid out as RFC 8762 section 4.3.2 says",
          "[stamp]") {
  Authenticated out;
  out.fill(std::byte{0xEE});
  encode(reply(), key(), out);
  CHECK(out == authenticated({{0, {0, 0, 0, 7}},
                              {16, {0x83, 0xAA, 0x7E, 0x80, 0x80, 0, 0, 0}},
                              {24, {0x3F, 0xFF}},
                              {26, {0x12, 0x34}},
                              {32, {0x83, 0xAA, 0x7E, 0x80, 0x40, 0, 0, 0}},
                              {48, {1, 2, 3, 4}},
                              {64, {0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18}},
                              {72, {0x21, 0x22}},
                              {80, {61}}}));
  CHECK(decode_reflector(out, Mode::kAuthenticated) == reply());
}

TEST_CASE("a packet with any bit changed is not authentic, nor is one under another key",
          "[stamp]") {
  Authenticated out;
  encode(reply(), key(), out);
  CHECK_FALSE(is_authentic(out, key(2)));
  CHECK_FALSE(is_authentic(std::span(out).first(111), key()));
  for (std::size_t bit = 0; bit < 8 * out.size(); ++bit) {
    const auto flip = static_cast<std::byte>(1U << bit % 8);
    out[bit / 8] ^= flip;
    CHECK_FALSE(is_authentic(out, key()));
    out[bit / 8] ^= flip;
  }
  CHECK(is_authentic(out, key()));
}

TEST_CASE("the octets of the two modes cannot be mistaken for each other", "[stamp]") {
  std::array<std::byte, kAuthenticatedSize> padded{};
  encode(SenderPacket{.sequence = 9, .sent_at = kTime, .ssid = 1}, padded);
  CHECK(mode_of(padded) == Mode::kOpen);
  // Even at an instant whose timestamp is zero.
  encode(SenderPacket{.sequence = 9, .sent_at = from_ntp(0), .ssid = 1}, padded);
  CHECK(mode_of(padded) == Mode::kOpen);
  Authenticated out;
  encode(SenderPacket{.sequence = 9, .sent_at = kTime, .ssid = 1}, key(), out);
  CHECK_FALSE(decode_sender(out));  // taken for open it is malformed
  CHECK(mode_of(std::span(out).first(111)) == Mode::kOpen);
}

TEST_CASE("a quote of an authenticated packet tells its packet when it reaches the SSID",
          "[stamp]") {
  Authenticated out;
  encode(SenderPacket{.sequence = 77, .sent_at = kTime, .ssid = 0x1234}, key(), out);
  CHECK(decode_quote(std::span(out).first(28)) == QuotedPacket{.sequence = 77, .ssid = 0x1234});
  CHECK_FALSE(decode_quote(std::span(out).first(27)));
}

}  // namespace faultline::stamp
