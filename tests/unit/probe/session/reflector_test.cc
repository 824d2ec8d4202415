#include "probe/session/reflector.h"

#include <array>
#include <vector>

#include "probe/stamp/packet.h"
#include "tests/support/catch.h"

namespace faultline::session {
namespace {

const IpAddress kPeer = IpAddress::v4(0x0a000001);
const Endpoint kPeerSource{kPeer, 47000};
const Endpoint kPeerReflector{kPeer, 862};
const WallTime kT2 = wall_time_from_unix_seconds(1'000'000);
const Now kNow{.instant = Instant{}, .wall = kT2 + Duration{1000}};

using Octets = std::array<std::byte, 64>;

Octets packet(std::uint16_t ssid, std::uint32_t sequence = 5) {
  Octets octets{};
  octets.fill(std::byte{0x77});
  stamp::encode(stamp::SenderPacket{.sequence = sequence, .ssid = ssid}, octets);
  return octets;
}

Request request(const Endpoint& from, std::span<const std::byte> payload) {
  return {.from = from, .payload = payload, .ttl = 61, .received_at = kT2};
}

Reflector reflector() {
  Reflector result;
  PlanPeer peer;
  peer.address = kPeer;
  peer.reflector_port = 862;
  result.set_peers({peer});
  return result;
}

}  // namespace

using Outcome = Reflector::Outcome;

TEST_CASE("before a plan nobody is answered", "[session]") {
  Reflector r;
  Octets out;
  CHECK(r.answer(request(kPeerSource, packet(1)), kNow, out) == Outcome::kStranger);
  CHECK(r.answer_trace(request(kPeerReflector, packet(stamp::kSsidTraceReturn)), kNow, out) ==
        Outcome::kStranger);
}

TEST_CASE("replies are numbered per session", "[session]") {
  auto r = reflector();
  Octets out;
  const auto number = [&](const Endpoint& from, std::uint16_t ssid) {
    REQUIRE(r.answer(request(from, packet(ssid)), kNow, out) == Outcome::kAnswered);
    return stamp::decode_reflector(out)->sequence;
  };
  CHECK(number(kPeerSource, 1) == 0);
  CHECK(number(kPeerSource, 1) == 1);
  CHECK(number(kPeerSource, 2) == 0);
  CHECK(number({kPeer, 47001}, 1) == 0);
  CHECK(number(kPeerSource, 1) == 2);
}

TEST_CASE("a reply says whether something keeps the clock that stamped it", "[session]") {
  auto r = reflector();
  Octets out{};
  const auto sent = packet(9, 1);
  auto asked = request(kPeerSource, sent);
  REQUIRE(r.answer(asked, kNow, out) == Outcome::kAnswered);
  CHECK(stamp::decode_reflector(out)->error == stamp::error_of_clock(false));
  asked.clock_kept = true;
  REQUIRE(r.answer(asked, kNow, out) == Outcome::kAnswered);
  CHECK(stamp::decode_reflector(out)->error == stamp::error_of_clock(true));
}

TEST_CASE("a reply carries what the sender needs and the octets it added", "[session]") {
  auto r = reflector();
  Octets out{};
  const auto sent = packet(9, 1234);
  REQUIRE(r.answer(request(kPeerSource, sent), kNow, out) == Outcome::kAnswered);
  const auto reply = stamp::decode_reflector(out);
  REQUIRE(reply);
  CHECK(reply->sender_sequence == 1234);
  CHECK(reply->ssid == 9);
  CHECK(reply->received_at == kT2);
  CHECK(reply->sent_at == kNow.wall);
  CHECK(reply->sender_ttl == 61);
  CHECK(reply->sender_timestamp == stamp::to_ntp(WallTime{}));
  CHECK(out[63] == std::byte{0x77});
}

TEST_CASE("a packet too short for any reply is malformed", "[session]") {
  auto r = reflector();
  Octets out;
  const auto sent = packet(9);
  CHECK(r.answer(request(kPeerSource, std::span(sent).first(40)), kNow, out) ==
        Outcome::kMalformed);
  CHECK(r.answer(request(kPeerSource, std::span(sent).first(41)), kNow, out) == Outcome::kAnswered);
}

TEST_CASE("a forward trace is answered without being counted", "[session]") {
  auto r = reflector();
  Octets out;
  const auto sent = packet(stamp::kSsidTraceForward, 77);
  REQUIRE(r.answer(request(kPeerSource, sent), kNow, out) == Outcome::kAnswered);
  CHECK(stamp::decode_reflector(out)->sequence == 77);
}

TEST_CASE("an MTU test's packet of any size is answered with the base packet alone", "[session]") {
  auto r = reflector();
  std::array<std::byte, 2048> out{};
  std::vector<std::byte> large(2048);
  stamp::encode(stamp::SenderPacket{.sequence = 78, .ssid = stamp::kSsidMtu}, large);
  auto head = request(kPeerSource, large);
  head.cut = true;  // the packet was longer than what is read of it
  const auto answer = r.answer(head, kNow, out);
  CHECK(answer == Outcome::kAnswered);
  CHECK(answer.size == stamp::kPacketSize);
  const auto reply = stamp::decode_reflector(std::span(out).first(answer.size));
  REQUIRE(reply);
  CHECK(reply->sender_sequence == 78);
  CHECK(reply->ssid == stamp::kSsidMtu);
  // Of no other session is a head enough, and full answers are as long as what came.
  const auto session = packet(1);
  auto cut = request(kPeerSource, session);
  CHECK(r.answer(cut, kNow, out).size == session.size());
  cut.cut = true;
  CHECK(r.answer(cut, kNow, out) == Outcome::kMalformed);
  // A reflector's port would answer back, without end.
  CHECK(r.answer(request(kPeerReflector, large), kNow, out) == Outcome::kOther);
  const auto forward = packet(stamp::kSsidTraceForward);
  CHECK(r.answer(request(kPeerReflector, forward), kNow, out) == Outcome::kOther);
  CHECK(r.answer(request({IpAddress::v4(0x0a0000ff), 47000}, large), kNow, out) ==
        Outcome::kStranger);
}

TEST_CASE("no two ports can answer each other without end", "[session]") {
  auto r = reflector();
  Octets out;
  const auto session = packet(1);
  const auto forward = packet(stamp::kSsidTraceForward);
  const auto returning = packet(stamp::kSsidTraceReturn);
  // The reflector port takes SSID "return" as an answer to its own trace.
  CHECK(r.answer(request(kPeerSource, returning), kNow, out) == Outcome::kOther);
  // A source port answers nothing but that SSID, and only to a reflector port.
  CHECK(r.answer_trace(request(kPeerReflector, session), kNow, out) == Outcome::kOther);
  CHECK(r.answer_trace(request(kPeerReflector, forward), kNow, out) == Outcome::kOther);
  CHECK(r.answer_trace(request(kPeerSource, returning), kNow, out) == Outcome::kOther);
  CHECK(r.answer_trace(request(kPeerReflector, returning), kNow, out) == Outcome::kAnswered);
}

TEST_CASE("a full table forgets the session that was silent longest, and counts it", "[session]") {
  ReflectorSessions sessions;
  constexpr std::uint32_t kCount = 4 * ReflectorSessions::kSets * ReflectorSessions::kWays;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    CHECK(sessions.next_reply({IpAddress::v4(i), 1}, {.ssid = 1}, Instant{Duration{i}}) == 0);
  }
  CHECK(sessions.evicted() >= 3 * kCount / 4);
  CHECK(sessions.next_reply({IpAddress::v4(kCount - 1), 1}, {.ssid = 1},
                            Instant{Duration{kCount}}) == 1);
  CHECK(sessions.next_reply({IpAddress::v4(0), 1}, {.ssid = 1}, Instant{Duration{kCount}}) == 0);
}

TEST_CASE("the sessions of a full plan all fit", "[session]") {
  ReflectorSessions sessions;
  for (std::uint32_t i = 0; i < 4096; ++i) {
    const Endpoint sender{IpAddress::v4(0x0a000000 + i / 16),
                          static_cast<std::uint16_t>(47000 + i % 16)};
    (void)sessions.next_reply(sender, {.ssid = static_cast<std::uint16_t>(i * 7)}, Instant{});
  }
  CHECK(sessions.evicted() == 0);
}

}  // namespace faultline::session
