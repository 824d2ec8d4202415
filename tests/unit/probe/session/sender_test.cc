#include "probe/session/sender.h"

#include <map>
#include <set>

#include "tests/support/catch.h"

namespace faultline::session {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kTick = milliseconds{5};
const WallTime kMidWindow = wall_time_from_unix_seconds(1'000'003);  // windows start at ...0

Plan plan(std::initializer_list<std::uint32_t> targets, std::uint64_t revision = 1) {
  Plan result;
  result.revision = PlanRevision{revision};
  for (const auto target : targets) {
    PlanPeer peer;
    peer.node = NodeId{target};
    peer.address = IpAddress::v4(0x0a000000 + target);
    result.flows.push_back(
        {.peer = static_cast<std::uint32_t>(result.peers.size()), .source_port = 47000});
    result.peers.push_back(peer);
  }
  return result;
}

// A sender on virtual time whose packets are answered at once, except those of `deaf` targets.
class World {
 public:
  Sender sender{42};
  Now now{.instant = Instant{}, .wall = kMidWindow};
  std::set<Endpoint> deaf;
  std::set<std::uint16_t> ssids;
  std::vector<Report> reports;
  std::size_t sent = 0;

  void run(Duration length) {
    for (const auto end = now.instant + length; now.instant < end;) {
      std::vector<Outgoing> out;
      sender.take_due(now, 100, out);
      sent += out.size();
      for (const auto& packet : out) reply(packet);
      while (auto report = sender.take_report(now)) reports.push_back(std::move(*report));
      now.instant += kTick;
      now.wall += kTick;
    }
  }
  void reply(const Outgoing& packet) {
    ssids.insert(packet.packet.ssid);
    if (deaf.contains(packet.to)) return;
    const stamp::ReflectorPacket answer{.sequence = numbers_[packet.packet.ssid]++,
                                        .ssid = packet.packet.ssid,
                                        .sender_sequence = packet.packet.sequence,
                                        .sender_timestamp = stamp::to_ntp(packet.packet.sent_at)};
    CHECK(sender.on_reply(packet.source_port, packet.to, answer, now.wall));
  }

 private:
  std::map<std::uint16_t, std::uint32_t> numbers_;
};

Endpoint endpoint(std::uint32_t target) { return {IpAddress::v4(0x0a000000 + target), 862}; }

}  // namespace

TEST_CASE("a flow's packets have the size and class that the plan says, as far as they fit",
          "[session]") {
  World world;
  auto kinds = plan({1, 2});
  kinds.flows[0].size = 1500;
  kinds.flows[1].dscp = 46;
  const auto out = [&](std::uint16_t size_max) {
    world.sender.set_plan(kinds, world.now, {}, size_max);
    std::map<Endpoint, FlowKind> sent;
    for (int tick = 0; tick < 400; ++tick) {
      std::vector<Outgoing> due;
      world.sender.take_due(world.now, 100, due);
      for (const auto& packet : due) sent[packet.to] = packet.kind;
      world.now.instant += kTick;
      world.now.wall += kTick;
    }
    return sent;
  };
  const FlowKind small{.dscp = 46};
  CHECK(out(1500) ==
        std::map<Endpoint, FlowKind>{{endpoint(1), {.size = 1500}}, {endpoint(2), small}});
  CHECK(out(1400) ==
        std::map<Endpoint, FlowKind>{{endpoint(1), {.size = 1400}}, {endpoint(2), small}});
  CHECK(out(100) == std::map<Endpoint, FlowKind>{{endpoint(1), {}}, {endpoint(2), small}});
}

TEST_CASE(
    "a window that holds packets of two sizes is not reported, and large ones are not the "
    "target's delay",
    "[session]") {
  World world;
  world.sender.set_plan(plan({1}), world.now);
  world.run(seconds{40});
  auto large = plan({1}, 2);
  large.flows[0].size = 1500;
  world.sender.set_plan(large, world.now);
  world.run(seconds{60});
  std::map<std::uint16_t, int> windows;  // with flows, by size
  for (const auto& report : world.reports) {
    for (const auto& flow : report.flows) {
      ++windows[flow.size];
      CHECK(report.delays.size() == (flow.size == 0 ? 1 : 0));
    }
  }
  CHECK(windows.at(0) >= 2);
  CHECK(windows.at(1500) >= 3);
  CHECK(windows.size() == 2);
}

TEST_CASE("windows align to UTC and hold what was sent in them", "[session]") {
  World world;
  world.sender.set_plan(plan({1, 2}), world.now);
  world.run(seconds{30});  // to 1'000'033: two windows have closed, at ...13 and ...23
  REQUIRE(world.reports.size() == 2);
  CHECK(world.reports[0].window_start == wall_time_from_unix_seconds(1'000'000));
  CHECK(world.reports[1].window_start == wall_time_from_unix_seconds(1'000'010));
  for (const auto& report : world.reports) CHECK(report.plan == PlanRevision{1});
  CHECK(world.reports[0].flows.empty());  // the window that the sessions began in
  REQUIRE(world.reports[1].flows.size() == 2);
  for (const auto& flow : world.reports[1].flows) CHECK(flow.answered() == flow.sent);
  for (const auto& flow : world.reports[1].flows) {
    CHECK(flow.sent >= 9);
    CHECK(flow.sent <= 11);
  }
}

TEST_CASE("a peer that gets its plan a moment later costs no false loss", "[session]") {
  for (const auto begin : {seconds{2}, seconds{9}}) {  // into a window; at its very end
    World world;
    world.now.wall = wall_time_from_unix_seconds(1'000'000) + begin;
    world.deaf = {endpoint(1)};
    world.sender.set_plan(plan({1}), world.now);
    world.run(seconds{3});
    world.deaf.clear();
    world.run(seconds{40});
    std::uint32_t reported = 0;
    for (const auto& report : world.reports) {
      for (const auto& flow : report.flows) {
        CHECK(flow.answered() == flow.sent);
        reported += flow.sent;
      }
    }
    CHECK(reported > 0);
  }
}

TEST_CASE("a target that never answers is undetermined and nobody else's business", "[session]") {
  World world;
  world.deaf = {endpoint(2)};
  world.sender.set_plan(plan({1, 2}), world.now);
  world.run(seconds{25});
  REQUIRE(world.reports.size() >= 2);
  for (const auto& flow : world.reports[1].flows) {
    CHECK(flow.lost_undetermined == (flow.target == NodeId{2} ? flow.sent : 0));
  }
}

TEST_CASE("sessions that both plans hold go on undisturbed", "[session]") {
  World world;
  world.sender.set_plan(plan({1, 2}), world.now);
  world.run(seconds{12});
  const auto before = world.ssids;
  world.sender.set_plan(plan({2, 1, 3}, 2), world.now);
  world.run(seconds{12});
  CHECK(world.ssids.size() == before.size() + 1);
  world.run(seconds{15});
  for (const auto& report : world.reports) {
    for (const auto& flow : report.flows) CHECK(flow.answered() == flow.sent);
  }
  CHECK(world.reports.back().flows.size() == 3);
  CHECK(world.reports.back().plan == PlanRevision{2});
}

TEST_CASE("packets of a removed flow are still waited for and reported", "[session]") {
  World world;
  world.sender.set_plan(plan({1, 2}), world.now);
  world.run(seconds{10});  // 1'000'013: a window with a few packets is filling
  std::vector<Outgoing> out;
  while (out.empty() || out.back().to != endpoint(2)) {
    world.now.instant += kTick;
    world.now.wall += kTick;
    world.sender.take_due(world.now, 100, out);
  }
  world.sender.set_plan(plan({1}, 2), world.now);
  for (const auto& packet : out) world.reply(packet);
  world.run(seconds{22});
  const auto& report = world.reports.at(1);
  REQUIRE(report.flows.size() == 2);
  CHECK(report.flows[1].target == NodeId{2});
  CHECK(report.flows[1].sent > 0);
  CHECK(report.flows[1].answered() == report.flows[1].sent);
  CHECK(world.reports.at(2).flows.size() == 1);
}

TEST_CASE("after a stop the open windows close and nothing is sent", "[session]") {
  World world;
  world.sender.set_plan(plan({1}), world.now);
  world.run(seconds{7});
  const auto settling = world.sent;
  world.run(seconds{5});
  const auto sent = world.sent;
  world.sender.stop(world.now);
  world.run(seconds{30});
  CHECK(world.sent == sent);
  REQUIRE(world.reports.size() == 2);
  CHECK(world.reports[1].flows[0].sent == sent - settling);
  CHECK(world.sender.next_due(world.now) == Instant::max());
}

TEST_CASE("finishing closes the open windows early, with what was sent and what came back",
          "[session]") {
  World world;
  world.sender.set_plan(plan({1}), world.now);
  world.run(seconds{7});
  const auto settling = world.sent;
  world.run(seconds{12});  // one whole window is still waiting for late replies
  const auto sent = world.sent;
  CHECK(world.reports.size() == 1);
  world.sender.finish(world.now, milliseconds{500});
  CHECK(world.sender.has_open_windows());
  world.run(milliseconds{510});
  CHECK_FALSE(world.sender.has_open_windows());
  CHECK(world.sent == sent);
  REQUIRE(world.reports.size() == 3);
  std::uint32_t reported = 0;
  for (const auto& report : world.reports) {
    for (const auto& flow : report.flows) {
      reported += flow.sent;
      CHECK(flow.answered() == flow.sent);
    }
  }
  CHECK(reported == sent - settling);
}

TEST_CASE("replies of strangers, foreign ports and unknown sessions match nothing", "[session]") {
  World world;
  world.sender.set_plan(plan({1}), world.now);
  std::vector<Outgoing> out;
  while (out.empty()) {
    world.now.instant += kTick;
    world.now.wall += kTick;
    world.sender.take_due(world.now, 100, out);
  }
  const auto t1 = stamp::to_ntp(out[0].packet.sent_at);
  stamp::ReflectorPacket reply{.ssid = out[0].packet.ssid, .sender_timestamp = t1};
  CHECK_FALSE(world.sender.on_reply(47000, endpoint(9), reply, world.now.wall));
  CHECK_FALSE(world.sender.on_reply(47001, endpoint(1), reply, world.now.wall));
  reply.sender_sequence = 1;
  CHECK_FALSE(world.sender.on_reply(47000, endpoint(1), reply, world.now.wall));
  reply = {.ssid = static_cast<std::uint16_t>(out[0].packet.ssid ^ 1)};
  CHECK_FALSE(world.sender.on_reply(47000, endpoint(1), reply, world.now.wall));
  CHECK(world.sender.take_forged() == 0);
  world.run(seconds{12});
  CHECK(world.reports.at(0).health.replies_unmatched == 4);
}

TEST_CASE("a reply that does not echo T1 exactly is forged", "[session]") {
  World world;
  world.sender.set_plan(plan({1}), world.now);
  std::vector<Outgoing> out;
  while (out.empty()) {
    world.now.instant += kTick;
    world.now.wall += kTick;
    world.sender.take_due(world.now, 100, out);
  }
  const auto t1 = stamp::to_ntp(out[0].packet.sent_at);
  // The kernel's stamp is known only here.
  CHECK(world.sender.on_transmit_stamp({47000, out[0].packet.ssid, 0}, world.now.wall + kTick));
  stamp::ReflectorPacket reply{.ssid = out[0].packet.ssid, .sender_timestamp = t1 + 1};
  CHECK_FALSE(world.sender.on_reply(47000, endpoint(1), reply, world.now.wall));
  CHECK(world.sender.take_forged() == 1);
  reply.sender_timestamp = t1;
  CHECK(world.sender.on_reply(47000, endpoint(1), reply, world.now.wall));
  CHECK(world.sender.take_forged() == 0);
}

TEST_CASE("no round trip is measured, and none is late, across a step of the clock", "[session]") {
  World world;
  world.sender.set_plan(plan({1}), world.now);
  world.run(seconds{8});  // a window has begun that is reported
  std::vector<Outgoing> out;
  while (out.empty()) {
    world.now.instant += kTick;
    world.now.wall += kTick;
    world.sender.take_due(world.now, 100, out);
  }
  world.now.instant += kTick;
  world.now.wall += kTick + seconds{3};  // beyond the reply timeout
  world.sender.note_clock(world.now);
  world.reply(out[0]);
  world.run(seconds{25});
  REQUIRE(world.reports.size() >= 2);
  for (const auto& report : world.reports) {
    for (const auto& flow : report.flows) {
      CHECK(flow.answered() == flow.sent);
      CHECK(flow.late == 0);
      CHECK(flow.rtt_max_ns == 0);  // the others are answered at once
    }
  }
}

TEST_CASE("a clock set back does not lose or repeat a packet", "[session]") {
  World world;
  world.sender.set_plan(plan({1}), world.now);
  world.run(seconds{7});
  const auto settling = world.sent;
  world.run(seconds{3});
  SECTION("by less than a window") { world.now.wall -= seconds{5}; }
  SECTION("by an hour") { world.now.wall -= std::chrono::hours{1}; }
  SECTION("forward by an hour") { world.now.wall += std::chrono::hours{1}; }
  world.run(seconds{10});
  world.sender.stop(world.now);
  const auto sent = world.sent;
  world.run(seconds{10});
  std::size_t reported = 0;
  for (const auto& report : world.reports) {
    for (const auto& flow : report.flows) {
      reported += flow.sent;
      CHECK(flow.answered() == flow.sent);
    }
  }
  CHECK(reported == sent - settling);
}

TEST_CASE("a clock that jumps to and fro keeps the open windows bounded", "[session]") {
  World world;
  world.sender.set_plan(plan({1}), world.now);
  for (int i = 0; i < 1000; ++i) {
    world.now.wall += std::chrono::hours{i % 2 == 0 ? 1 : -1};
    world.run(kTick);
  }
  world.run(seconds{30});
  CHECK(world.reports.size() < 3 * kOpenWindowsMax);  // of a thousand jumps
}

TEST_CASE("the prober's health travels with the window", "[session]") {
  World world;
  auto narrow = plan({1, 2, 3, 4});
  narrow.packets_per_second_max = 2;
  world.sender.set_plan(narrow, world.now);
  world.sender.note_receive_drops(3);
  world.sender.note_reflector_refused(2);
  world.sender.note_machine({.softnet_drops = 4}, {.softnet_drops = 5, .clock = ClockSync::kFree});
  world.run(seconds{1});
  world.now.wall += seconds{2};
  world.run(seconds{12});
  const auto& health = world.reports.at(0).health;
  CHECK(health.softnet_drops == 1);
  CHECK(health.clock == ClockSync::kFree);
  CHECK(health.clock_step_ns == 2'000'000'000);
  CHECK(health.receive_drops == 3);
  CHECK(health.reflector_refused == 2);
  CHECK(health.budget_deferred > 0);
  CHECK(world.sent <= 2 * 13 + 1);
}

TEST_CASE("packets to one rack are bounded, and what waited is told with the window", "[session]") {
  World world;
  auto narrow = plan({1, 2, 3, 4});  // one packet per flow and second, all to one /24
  narrow.packets_per_second_per_group_max = 2;
  world.sender.set_plan(narrow, world.now);
  const auto peer = narrow.peers[0].address;
  CHECK(world.sender.take_budget(peer, world.now.instant));
  CHECK_FALSE(world.sender.take_budget(peer, world.now.instant));
  world.run(seconds{13});
  CHECK(world.sent <= 2 * 13 + 1);
  CHECK(world.sent >= 2 * 13 - 2);
  CHECK(world.reports.at(0).health.budget_deferred > 0);
  for (std::size_t i = 0; i < 4; ++i) narrow.peers[i].group = static_cast<std::uint16_t>(1 + i);
  const auto before = world.sent;
  world.sender.set_plan(narrow, world.now);
  world.run(seconds{10});
  CHECK(world.sent - before >= 39);
}

TEST_CASE("a boost raises the rate of its flow for its life, without a new session or a false loss",
          "[session]") {
  World world;
  world.sender.set_plan(plan({1, 2}), world.now);
  world.run(seconds{17});  // to 1'000'020
  const auto sessions = world.ssids;
  world.sender.boost({.plan = PlanRevision{1}, .life = seconds{8}, .flows = {{1, 16}}}, world.now);
  world.run(seconds{35});
  CHECK(world.ssids == sessions);
  std::map<WallTime, std::map<std::uint32_t, std::uint32_t>> sent;
  for (const auto& report : world.reports) {
    for (const auto& flow : report.flows) {
      sent[report.window_start][flow.target.value()] = flow.sent;
      CHECK(flow.answered() == flow.sent);
    }
  }
  const auto window = [&](int start) {
    return sent.at(wall_time_from_unix_seconds(1'000'000 + start));
  };
  CHECK(window(20).at(1) <= 11);
  CHECK(window(20).at(2) >= 125);
  CHECK(window(20).at(2) <= 135);
  CHECK(window(30).at(2) <= 11);
}

TEST_CASE("a boost of another plan is ignored, and the next plan ends one", "[session]") {
  World world;
  world.sender.set_plan(plan({1, 2}), world.now);
  world.run(seconds{5});
  const Boost boost{.plan = PlanRevision{1}, .life = seconds{60}, .flows = {{0, 16}}};
  auto other = boost;
  other.plan = PlanRevision{2};
  const auto in_ten_seconds = [&] {
    const auto before = world.sent;
    world.run(seconds{10});
    return world.sent - before;
  };
  world.sender.boost(other, world.now);
  CHECK(in_ten_seconds() <= 22);
  world.sender.boost(boost, world.now);
  CHECK(in_ten_seconds() >= 160);
  world.sender.set_plan(plan({1, 2}, 2), world.now);
  CHECK(in_ten_seconds() <= 23);
}

}  // namespace faultline::session
