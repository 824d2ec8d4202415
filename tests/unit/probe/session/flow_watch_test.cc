// What calls for a trace at once: one flow's watch, and a sender's over all its flows.
#include "probe/session/flow_watch.h"

#include <algorithm>
#include <set>
#include <vector>

#include "probe/session/reflector.h"
#include "probe/session/sender.h"
#include "probe/stamp/tlv.h"
#include "tests/support/catch.h"

namespace faultline::session {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ArrivalTtls kNear{.there = 253, .back = 253};
constexpr ArrivalTtls kFarther{.there = 252, .back = 253};

void send_answered(FlowWatch& watch, int packets) {
  for (int i = 0; i < packets; ++i) {
    watch.sent();
    watch.settled(0);
  }
}

Plan hinted_plan(std::uint32_t peers, std::uint16_t ports = 1) {
  Plan plan;
  plan.revision = PlanRevision{1};
  plan.flow_interval = seconds{1};
  plan.packets_per_second_max = 10'000;
  for (std::uint32_t i = 0; i < peers; ++i) {
    PlanPeer peer;
    peer.node = NodeId{i + 2};
    peer.address = IpAddress::v4(0x0a000002 + i);
    peer.reflector_port = 862;
    plan.peers.push_back(peer);
    for (std::uint16_t port = 0; port < ports; ++port) {
      plan.flows.push_back({.peer = i, .source_port = static_cast<std::uint16_t>(47000 + port)});
    }
  }
  return plan;
}

// A sender whose peers answer at once, unless a test says otherwise; ticks of 50 ms.
struct Watched {
  Sender sender{11};
  Now now{.instant = Instant{}, .wall = wall_time_from_unix_seconds(1'000'003)};
  bool deaf = false;
  std::uint8_t ttl_there = 253;
  std::vector<std::pair<FlowHint, Instant>> hints;
  std::size_t hints_per_tick_max = 0;

  void run(Duration length) {
    for (const auto end = now.instant + length; now.instant < end;) {
      std::vector<Outgoing> out;
      sender.take_due(now, 10'000, out);
      for (const auto& packet : out) {
        if (!deaf) answer(packet);
      }
      const auto before = hints.size();
      while (const auto hint = sender.take_hint(now)) hints.emplace_back(*hint, now.instant);
      hints_per_tick_max = std::max(hints_per_tick_max, hints.size() - before);
      while (sender.take_report(now)) {
      }
      now.instant += milliseconds{50};
      now.wall += milliseconds{50};
    }
  }
  void answer(const Outgoing& packet) {
    const stamp::ReflectorPacket reply{.sequence = packet.packet.sequence,
                                       .ssid = packet.packet.ssid,
                                       .sender_sequence = packet.packet.sequence,
                                       .sender_timestamp = stamp::to_ntp(packet.packet.sent_at),
                                       .sender_ttl = ttl_there};
    CHECK(sender.on_reply(packet.source_port, packet.to, reply, now.wall, {}, {.ttl = 253}));
  }
};

// The reply of a reflector to a packet of class 46 that arrived with `arrived`.
std::vector<std::byte> reply_with_class(const Outgoing& packet, std::uint8_t arrived, bool old) {
  std::vector<std::byte> octets(stamp::kPacketSize + stamp::kClassTlv);
  stamp::encode(packet.packet, octets);
  stamp::TlvWriter(octets, stamp::kPacketSize).class_of_service(packet.kind.dscp);
  Reflector reflector;
  PlanPeer peer;
  peer.node = NodeId{1};
  peer.address = IpAddress::v4(0x0a000001);
  reflector.set_peers({peer});
  std::vector<std::byte> reply(octets.size());
  const Request request{.from = {peer.address, packet.source_port},
                        .payload = octets,
                        .ttl = 253,
                        .received_at = packet.packet.sent_at,
                        .traffic_class = static_cast<std::uint8_t>(arrived << 2)};
  CHECK(reflector.answer(request, {.instant = Instant{}, .wall = packet.packet.sent_at}, reply) ==
        Reflector::Outcome::kAnswered);
  if (old)
    std::ranges::copy(std::span(octets).subspan(stamp::kPacketSize),
                      reply.begin() + stamp::kPacketSize);
  return reply;
}

}  // namespace

TEST_CASE("two unanswered packets of the last five are loss that begins; one is none",
          "[session][watch]") {
  FlowWatch watch;
  send_answered(watch, 10);
  watch.sent();
  CHECK_FALSE(watch.take(0, 1));
  send_answered(watch, 4);
  CHECK_FALSE(watch.take(0, 1));
  watch.sent();  // the other has left the five
  CHECK_FALSE(watch.take(0, 1));
  watch.sent();
  CHECK_FALSE(watch.take(1, 1));  // the newest may still be answered
  CHECK(watch.take(0, 1) == HintReason::kLossBegan);
}

TEST_CASE("loss calls when it begins, and again only when it was over", "[session][watch]") {
  FlowWatch watch;
  std::vector<std::uint32_t> calls;
  for (std::uint32_t window = 1; window <= 6; ++window) {
    for (int i = 0; i < 10; ++i) {
      watch.sent();
      if (window > 4) watch.settled(0);
      if (watch.take(0, window)) calls.push_back(window);
    }
  }
  CHECK(calls == std::vector<std::uint32_t>{1});
  watch.sent();
  watch.sent();
  CHECK(watch.take(0, 7) == HintReason::kLossBegan);
}

TEST_CASE("a TTL that two replies agree on calls, at either end, one that strayed does not",
          "[session][watch]") {
  FlowWatch watch;
  watch.arrived(kNear);
  watch.arrived(kFarther);
  watch.arrived(kNear);
  watch.arrived(kFarther);
  CHECK_FALSE(watch.take(0, 1));
  watch.arrived(kFarther);
  CHECK(watch.take(0, 1) == HintReason::kTtlChanged);
  const ArrivalTtls back{.there = 252, .back = 250};
  watch.arrived(back);
  watch.arrived(back);
  CHECK_FALSE(watch.take(0, 1));  // one in a window
  CHECK(watch.take(0, 2) == HintReason::kTtlChanged);
  CHECK(watch.is_calm());
}

TEST_CASE("a packet that never left is no loss, a late answer takes it back", "[session][watch]") {
  FlowWatch watch;
  watch.sent();
  watch.sent();
  watch.settled(1);
  CHECK_FALSE(watch.take(0, 1));
  CHECK_FALSE(watch.is_calm());
  watch.settled(0);
  CHECK(watch.is_calm());
}

TEST_CASE("a flow calls within three seconds of its first lost packet, and once",
          "[session][watch]") {
  Watched world;
  world.sender.set_plan(hinted_plan(3), world.now);
  world.run(seconds{25});
  CHECK(world.hints.empty());
  world.deaf = true;
  const auto since = world.now.instant;
  world.run(seconds{30});
  REQUIRE(world.hints.size() == 3);
  std::set<NodeId> targets;
  for (const auto& [hint, at] : world.hints) {
    CHECK(hint.why == HintReason::kLossBegan);
    CHECK(hint.source_port == 47000);
    CHECK(at - since < seconds{3});
    targets.insert(hint.target);
  }
  CHECK(targets.size() == 3);
}

TEST_CASE("a path that gets longer without loss calls", "[session][watch]") {
  Watched world;
  world.sender.set_plan(hinted_plan(2), world.now);
  world.run(seconds{25});
  world.ttl_there = 250;
  const auto since = world.now.instant;
  world.run(seconds{20});
  REQUIRE(world.hints.size() == 2);
  for (const auto& [hint, at] : world.hints) {
    CHECK(hint.why == HintReason::kTtlChanged);
    CHECK(at - since < seconds{3});
  }
}

TEST_CASE("trouble of all flows at once calls a few at a time, and every flow has its turn",
          "[session][watch]") {
  Watched world;
  world.sender.set_plan(hinted_plan(50, 4), world.now);
  world.run(seconds{25});
  world.deaf = true;
  world.run(seconds{10});
  CHECK(world.hints_per_tick_max == kHintsPerLookMax);
  std::set<std::pair<NodeId, std::uint16_t>> flows;
  for (const auto& [hint, at] : world.hints) flows.emplace(hint.target, hint.source_port);
  CHECK(flows.size() == 200);
  CHECK(world.hints.size() == 200);
}

TEST_CASE("a session that begins does not call while it settles", "[session][watch]") {
  Watched world;
  world.deaf = true;
  world.sender.set_plan(hinted_plan(2), world.now);
  world.run(seconds{5});
  CHECK(world.hints.empty());
  world.run(seconds{20});
  CHECK(world.hints.size() == 2);  // it is told of then
  world.sender.stop(world.now);
  CHECK_FALSE(world.sender.take_hint(world.now));
}

TEST_CASE("a window tells with what class packets came there and back", "[session]") {
  for (const bool old : {false, true}) {
    CAPTURE(old);
    Watched world;
    auto plan = hinted_plan(1);
    plan.flows[0].dscp = 46;
    world.sender.set_plan(plan, world.now);
    std::vector<Report> reports;
    for (int tick = 0; tick < 40 * 20; ++tick) {
      std::vector<Outgoing> out;
      world.sender.take_due(world.now, 10, out);
      for (const auto& packet : out) {
        const auto octets = reply_with_class(packet, 8, old);
        const auto reply = stamp::decode_reflector(octets);
        REQUIRE(reply);
        CHECK(world.sender.on_reply(packet.source_port, packet.to, *reply, world.now.wall, {},
                                    {.ttl = 253, .dscp = 0, .datagram = octets}));
      }
      while (auto report = world.sender.take_report(world.now)) {
        reports.push_back(std::move(*report));
      }
      world.now.instant += milliseconds{50};
      world.now.wall += milliseconds{50};
    }
    REQUIRE_FALSE(reports.empty());
    REQUIRE_FALSE(reports.back().flows.empty());
    const auto& flow = reports.back().flows[0];
    CHECK(flow.answered() == flow.sent);
    CHECK(flow.dscp_there == (old ? std::nullopt : std::optional<std::uint8_t>(8)));
    CHECK(flow.dscp_back == (old ? std::nullopt : std::optional<std::uint8_t>(0)));
    CHECK(flow.dscp_rewritten == (old ? 0 : flow.sent));
  }
}

}  // namespace faultline::session
