// Authenticated sessions: a sender and a reflector that hand each other their packets.
#include <array>
#include <vector>

#include "probe/session/reflector.h"
#include "probe/session/sender.h"
#include "probe/stamp/packet.h"
#include "tests/support/catch.h"

namespace faultline::session {
namespace {

using Outcome = Reflector::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr NodeId kA{1};
constexpr NodeId kB{2};
const Endpoint kSource{IpAddress::v4(0x0a000001), 47000};
const Endpoint kReflector{IpAddress::v4(0x0a000002), 862};
const WallTime kStart = wall_time_from_unix_seconds(1'000'003);

crypto::MacKey key(std::uint8_t number) {
  std::array<std::uint8_t, crypto::MacKey::kSecretBytes> secret{};
  secret[0] = number;
  return crypto::MacKey(secret);
}

KeyTable table(NodeId peer, PeerKeys keys) {
  KeyTable result;
  result.emplace(peer, std::make_shared<const PeerKeys>(std::move(keys)));
  return result;
}
// A's side and B's of sessions from A to B under one key.
KeyTable sending(std::uint8_t number) { return table(kB, {.sending = key(number)}); }
KeyTable reflecting(std::vector<crypto::MacKey> accepted) {
  return table(kA, {.sending = key(99), .accepted = std::move(accepted)});
}

PlanPeer peer(NodeId node, const Endpoint& endpoint, bool authenticates) {
  PlanPeer result;
  result.node = node;
  result.address = endpoint.address;
  result.reflector_port = 862;
  result.authenticates = authenticates;
  return result;
}

Plan plan_of_a(bool authenticates, std::uint64_t revision = 1) {
  Plan plan;
  plan.revision = PlanRevision{revision};
  plan.flow_interval = milliseconds{100};
  plan.peers = {peer(kB, kReflector, authenticates)};
  plan.flows = {{.peer = 0, .source_port = kSource.port}};
  return plan;
}

struct Datagram {
  std::vector<std::byte> octets;
};

// A measures, B reflects; nothing is lost unless a test does so.
class Pair {
 public:
  Sender a{7};
  Reflector b;
  Now now{.instant = Instant{}, .wall = kStart};
  std::vector<Outcome> outcomes;  // at B
  std::uint32_t matched = 0;

  [[nodiscard]] std::vector<Datagram> send() {
    now.instant += milliseconds{100};
    now.wall += milliseconds{100};
    std::vector<Outgoing> out;
    a.take_due(now, 100, out);
    std::vector<Datagram> sent;
    for (const auto& packet : out) {
      const bool open = packet.key == nullptr;
      Datagram datagram{std::vector<std::byte>(
          stamp::base_size(open ? stamp::Mode::kOpen : stamp::Mode::kAuthenticated))};
      if (open) {
        stamp::encode(packet.packet, datagram.octets);
      } else {
        stamp::encode(packet.packet, *packet.key, datagram.octets);
      }
      sent.push_back(std::move(datagram));
    }
    return sent;
  }
  [[nodiscard]] std::vector<Datagram> reflect(const std::vector<Datagram>& arrived) {
    std::vector<Datagram> replies;
    for (const auto& datagram : arrived) {
      Datagram reply{std::vector<std::byte>(datagram.octets.size())};
      const auto answer =
          b.answer({.from = kSource, .payload = datagram.octets, .received_at = now.wall}, now,
                   reply.octets);
      outcomes.push_back(answer.outcome);
      if (answer == Outcome::kAnswered) replies.push_back(std::move(reply));
    }
    return replies;
  }
  void receive(const std::vector<Datagram>& replies) {
    for (const auto& datagram : replies) matched += receive(datagram) ? 1 : 0;
  }
  bool receive(const Datagram& datagram) {
    const auto mode = stamp::mode_of(datagram.octets);
    const auto reply = stamp::decode_reflector(datagram.octets, mode);
    if (!reply) return false;
    return a.on_reply(kSource.port, kReflector, *reply, now.wall,
                      mode == stamp::Mode::kAuthenticated
                          ? std::span<const std::byte>(datagram.octets)
                          : std::span<const std::byte>{});
  }
  // Rounds of one packet each way; returns how many were sent.
  std::uint32_t run(int rounds) {
    std::uint32_t count = 0;
    for (int i = 0; i < rounds; ++i) {
      const auto sent = send();
      count += static_cast<std::uint32_t>(sent.size());
      receive(reflect(sent));
    }
    return count;
  }
};

Pair authenticated_pair() {
  Pair pair;
  pair.b.set_peers({peer(kA, kSource, true)}, reflecting({key(1)}));
  pair.a.set_plan(plan_of_a(true), pair.now, sending(1));
  return pair;
}

}  // namespace

TEST_CASE("authenticated packets are answered by authenticated replies", "[session]") {
  auto pair = authenticated_pair();
  std::vector<Datagram> sent;
  while (sent.empty()) sent = pair.send();
  CHECK(sent.at(0).octets.size() == stamp::kAuthenticatedSize);
  const auto replies = pair.reflect(sent);
  REQUIRE(replies.size() == 1);
  CHECK(stamp::is_authentic(replies[0].octets, key(1)));
  CHECK(pair.receive(replies[0]));
}

TEST_CASE("an authenticated packet with another key, or changed, is not answered", "[session]") {
  auto pair = authenticated_pair();
  std::vector<Datagram> sent;
  while (sent.empty()) sent = pair.send();
  auto changed = sent;
  changed[0].octets[3] ^= std::byte{1};
  CHECK(pair.reflect(changed).empty());
  pair.b.set_keys(reflecting({key(2)}));
  CHECK(pair.reflect(sent).empty());
  pair.b.set_peers({peer(kA, kSource, true)});  // no keys at all
  CHECK(pair.reflect(sent).empty());
  CHECK(pair.outcomes == std::vector<Outcome>(3, Outcome::kForged));
}

TEST_CASE("a reply that is open, changed or of another key is forged", "[session]") {
  auto pair = authenticated_pair();
  std::vector<Datagram> sent;
  while (sent.empty()) sent = pair.send();
  const auto replies = pair.reflect(sent);
  REQUIRE(replies.size() == 1);
  auto changed = replies[0];
  changed.octets[81] ^= std::byte{1};
  CHECK_FALSE(pair.receive(changed));
  const auto reply = stamp::decode_reflector(replies[0].octets, stamp::Mode::kAuthenticated);
  REQUIRE(reply);
  stamp::encode(*reply, key(2), changed.octets);
  CHECK_FALSE(pair.receive(changed));
  changed.octets.resize(stamp::kPacketSize);
  stamp::encode(*reply, changed.octets);
  CHECK_FALSE(pair.receive(changed));
  CHECK(pair.a.take_forged() == 3);
  CHECK(pair.receive(replies[0]));
}

TEST_CASE("a peer's new key loses no packet, whichever end hears of it first", "[session]") {
  for (const bool reflector_first : {true, false}) {
    auto pair = authenticated_pair();
    auto sent = pair.run(50);
    const auto tell_b = [&] { pair.b.set_keys(reflecting({key(2), key(1)})); };
    // B holds the new pair before anybody is told of it.
    if (!reflector_first) tell_b();
    const auto on_their_way = pair.send();
    sent += static_cast<std::uint32_t>(on_their_way.size());
    const auto replies = pair.reflect(on_their_way);
    if (reflector_first) tell_b();
    pair.a.set_keys(table(kB, {.sending = key(2), .sent_before = key(1)}));
    pair.receive(replies);
    sent += pair.run(50);
    CHECK(pair.matched == sent);
    CHECK(pair.a.take_forged() == 0);
  }
}

TEST_CASE("sessions become authenticated, and open again, without a packet lost", "[session]") {
  Pair pair;
  pair.b.set_peers({peer(kA, kSource, false)}, reflecting({key(1)}));
  pair.a.set_plan(plan_of_a(false), pair.now, sending(1));
  auto sent = pair.run(30);
  for (std::uint64_t revision = 2; revision < 8; ++revision) {
    const bool authenticated = revision % 2 == 0;
    const auto on_their_way = pair.send();
    sent += static_cast<std::uint32_t>(on_their_way.size());
    pair.a.set_plan(plan_of_a(authenticated, revision), pair.now, sending(1));
    // B's plan comes later, on the way up as on the way down.
    sent += pair.run(5);
    pair.b.set_peers({peer(kA, kSource, authenticated)}, reflecting({key(1)}));
    pair.receive(pair.reflect(on_their_way));
    sent += pair.run(20);
  }
  CHECK(pair.matched == sent);
  CHECK(pair.a.take_forged() == 0);
}

TEST_CASE("a peer that authenticates is answered open until it does, and a moment longer",
          "[session]") {
  auto pair = authenticated_pair();
  std::vector<std::byte> open(stamp::kPacketSize);
  stamp::encode(stamp::SenderPacket{.sequence = 1, .ssid = 5}, open);
  std::vector<std::byte> out(stamp::kPacketSize);
  const auto answer = [&] {
    return pair.b.answer({.from = kSource, .payload = open}, pair.now, out);
  };
  CHECK(answer() == Outcome::kAnswered);
  (void)pair.run(10);
  CHECK(answer() == Outcome::kAnswered);
  const SessionName session{.source_port = kSource.port, .ssid = 5};
  CHECK(pair.b.record_of(kSource.address, session));
  pair.now.instant += kOpenGrace;
  CHECK(answer() == Outcome::kOpenRefused);
  CHECK_FALSE(pair.b.record_of(kSource.address, session));  // or it would say: never came
  // A new plan does not make it forget.
  pair.b.set_peers({peer(kA, kSource, true)}, reflecting({key(1)}));
  CHECK(answer() == Outcome::kOpenRefused);
  // Traces are open, and an older probe on that node is answered again.
  stamp::encode(stamp::SenderPacket{.sequence = 1, .ssid = stamp::kSsidTraceForward}, open);
  CHECK(answer() == Outcome::kAnswered);
  stamp::encode(stamp::SenderPacket{.sequence = 1, .ssid = 5}, open);
  pair.b.set_peers({peer(kA, kSource, false)}, reflecting({key(1)}));
  CHECK(answer() == Outcome::kAnswered);
}

TEST_CASE("open packets do not move the count of an authenticated session", "[session]") {
  auto pair = authenticated_pair();
  std::vector<Datagram> sent;
  while (sent.empty()) sent = pair.send();
  const auto packet = stamp::decode_sender(sent[0].octets, stamp::Mode::kAuthenticated);
  REQUIRE(packet);
  std::vector<std::byte> open(stamp::kPacketSize);
  std::vector<std::byte> out(stamp::kPacketSize);
  stamp::encode(packet->packet, open);
  CHECK(pair.b.answer({.from = kSource, .payload = open}, pair.now, out) == Outcome::kAnswered);
  CHECK(pair.b.answer({.from = kSource, .payload = open}, pair.now, out) == Outcome::kAnswered);
  const auto replies = pair.reflect(sent);
  CHECK(stamp::decode_reflector(replies.at(0).octets, stamp::Mode::kAuthenticated)->sequence == 0);
}

TEST_CASE("of several nodes at one address each is answered by its own key", "[session]") {
  auto pair = authenticated_pair();
  KeyTable keys = reflecting({key(1)});
  keys.emplace(NodeId{3}, std::make_shared<const PeerKeys>(
                              PeerKeys{.sending = key(98), .accepted = {key(3)}}));
  auto other = peer(NodeId{3}, kSource, true);
  other.reflector_port = 863;
  pair.b.set_peers({other, peer(kA, kSource, true)}, keys);
  CHECK(pair.run(10) == pair.matched);
  pair.a.set_keys(sending(3));
  CHECK(pair.run(10) > 0);
  CHECK(std::ranges::all_of(pair.outcomes, [](Outcome o) { return o == Outcome::kAnswered; }));
}

TEST_CASE("allowed strangers are answered up to a rate, others never", "[session]") {
  Reflector reflector({.allowed = {{IpAddress::v4(0xc0000200), 27}}, .packets_per_second_max = 10});
  std::vector<std::byte> packet(stamp::kPacketSize);
  stamp::encode(stamp::SenderPacket{.sequence = 1}, packet);
  std::vector<std::byte> out(stamp::kAuthenticatedSize);
  Now now{.instant = Instant{seconds{5}}, .wall = kStart};
  const auto from = [&](std::uint32_t address) {
    return reflector.answer({.from = {IpAddress::v4(address), 5000}, .payload = packet}, now, out);
  };
  CHECK(from(0xc0000220) == Outcome::kStranger);
  for (int i = 0; i < 10; ++i) CHECK(from(0xc000021f) == Outcome::kAnswered);
  CHECK(from(0xc0000201) == Outcome::kLimited);
  now.instant += milliseconds{200};
  CHECK(from(0xc0000201) == Outcome::kAnswered);
  CHECK(from(0xc0000201) == Outcome::kAnswered);
  CHECK(from(0xc0000201) == Outcome::kLimited);
  // Others from now on, at another rate.
  reflector.set_strangers(
      {.allowed = {{IpAddress::v4(0xc0000220), 32}}, .packets_per_second_max = 20});
  CHECK(from(0xc0000201) == Outcome::kStranger);
  for (int i = 0; i < 20; ++i) CHECK(from(0xc0000220) == Outcome::kAnswered);
  CHECK(from(0xc0000220) == Outcome::kLimited);
  reflector.set_strangers(
      {.allowed = {{IpAddress::v4(0xc0000200), 27}}, .packets_per_second_max = 10});
  // A stranger has no key.
  packet.resize(stamp::kAuthenticatedSize);
  stamp::encode(stamp::SenderPacket{.sequence = 1}, key(1), packet);
  CHECK(from(0xc0000201) == Outcome::kForged);
}

TEST_CASE("TLVs of an authenticated packet are processed, and the reply has the DSCP it asks for",
          "[session]") {
  auto pair = authenticated_pair();
  std::vector<std::byte> packet(256);
  const auto k = key(1);
  stamp::encode(stamp::SenderPacket{.sequence = 4, .sent_at = kStart, .ssid = 5}, k, packet);
  stamp::TlvWriter tlvs(packet, stamp::kAuthenticatedSize);
  REQUIRE(tlvs.class_of_service(10));
  REQUIRE(tlvs.location());
  REQUIRE(tlvs.hmac(k));
  packet.resize(tlvs.size());
  std::vector<std::byte> reply(packet.size());
  const auto answer = pair.b.answer(
      {.from = kSource, .payload = packet, .traffic_class = 8 << 2 | 1, .to = kReflector}, pair.now,
      reply);
  REQUIRE(answer == Outcome::kAnswered);
  CHECK(answer.dscp == 10);
  CHECK(stamp::is_authentic(reply, k));
  const auto read = stamp::read_reply_tlvs(reply, stamp::kAuthenticatedSize, &k);
  CHECK(read.class_of_service ==
        stamp::ClassOfService{.dscp_wanted = 10, .dscp_received = 8, .ecn_received = 1});
  REQUIRE(read.location);
  CHECK(read.location->source == kSource.address);
  CHECK(read.location->destination_port == 862);
}

}  // namespace faultline::session
