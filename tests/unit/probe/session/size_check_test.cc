// A flow's packets are as large as its path was known to carry, once that has changed: on virtual
// time, over a path that carries less one way, the other, or both.
#include <algorithm>
#include <map>
#include <vector>

#include "probe/session/sender.h"
#include "tests/support/catch.h"

namespace faultline::session {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint16_t kLarge = 1500;
constexpr std::uint16_t kFirstPort = 47000;

// What the way there and the way back carry; more is swallowed without a word.
struct PathLimits {
  std::uint16_t there = kLarge;
  std::uint16_t back = kLarge;
};

// One peer, to which flow 0 is large by plan, and `small` flows are not.
Plan sized_plan(std::uint16_t small, Duration flow_interval = seconds{1}) {
  Plan plan{.revision = PlanRevision{1}, .flow_interval = flow_interval};
  plan.peers = {{.node = NodeId{1}, .address = IpAddress::v4(0x0a000001)}};
  for (std::uint16_t i = 0; i <= small; ++i) {
    plan.flows.push_back({.peer = 0,
                          .source_port = static_cast<std::uint16_t>(kFirstPort + i),
                          .size = i == 0 ? kLarge : std::uint16_t{0}});
  }
  return plan;
}

// Answers as a reflector does: as large as what came, and numbered by itself.
class SizedWorld {
 public:
  explicit SizedWorld(const Plan& plan, std::uint16_t size_max = kFlowSizeMax) {
    sender.set_plan(plan, now, {}, size_max);
    run(seconds{30});
    windows.clear();
  }

  void run(Duration length) {
    for (const auto end = now.instant + length; now.instant < end;) {
      std::vector<Outgoing> out;
      sender.take_due(now, 1000, out);
      for (const auto& packet : out) carry(packet);
      while (auto report = sender.take_report(now)) {
        for (const auto& flow : report->flows) windows[flow.source_port].push_back(flow);
        delays += report->delays.empty() ? 0 : 1;
      }
      now.instant += milliseconds{5};
      now.wall += milliseconds{5};
    }
  }
  [[nodiscard]] std::vector<FlowWindow> checked(std::uint16_t port) const {
    std::vector<FlowWindow> result;
    for (const auto& window : windows.at(port)) {
      if (window.size != 0) result.push_back(window);
    }
    return result;
  }
  // The most flows that were large at once beyond that of the plan, and those that ever were.
  [[nodiscard]] std::size_t large_at_once() const {
    std::vector<std::size_t> large(windows.at(kFirstPort).size());
    for (const auto& [port, of_flow] : windows) {
      for (std::size_t i = 0; i < of_flow.size() && i < large.size(); ++i) {
        large[i] += port != kFirstPort && of_flow[i].size != 0 ? 1 : 0;
      }
    }
    return *std::ranges::max_element(large);
  }
  [[nodiscard]] std::size_t ever_large() const {
    return static_cast<std::size_t>(std::ranges::count_if(windows, [&](const auto& entry) {
      return entry.first != kFirstPort && !checked(entry.first).empty();
    }));
  }

  Sender sender{7};
  Now now{.instant = Instant{}, .wall = wall_time_from_unix_seconds(1'000'003)};
  std::map<std::uint16_t, PathLimits> limits;  // by source port
  std::map<std::uint16_t, std::vector<FlowWindow>> windows;
  int delays = 0;
  bool down = false;

 private:
  void carry(const Outgoing& packet) {
    const auto limit = limits[packet.source_port];
    if (down || packet.kind.size > limit.there) return;
    const auto number = numbers_[packet.packet.ssid]++;
    if (packet.kind.size > limit.back) return;
    const stamp::ReflectorPacket answer{.sequence = number,
                                        .ssid = packet.packet.ssid,
                                        .sender_sequence = packet.packet.sequence,
                                        .sender_timestamp = stamp::to_ntp(packet.packet.sent_at)};
    CHECK(sender.on_reply(packet.source_port, packet.to, answer, now.wall));
  }

  std::map<std::uint16_t, std::uint32_t> numbers_;
};

TEST_CASE("a flow whose path changed sends large packets for one window, and then small ones again",
          "[session][mtu]") {
  SizedWorld world(sized_plan(2));
  CHECK(world.sender.check_size(NodeId{1}, kFirstPort + 1));
  CHECK(world.sender.check_size(NodeId{1}, kFirstPort + 1));  // once is enough
  CHECK(world.sender.check_size(NodeId{1}, kFirstPort));      // is large anyway
  CHECK(world.sender.check_size(NodeId{9}, kFirstPort + 1));  // nobody
  world.run(seconds{60});
  const auto checked = world.checked(kFirstPort + 1);
  REQUIRE(checked.size() == 1);
  CHECK(checked[0].size == kLarge);
  CHECK(checked[0].sent >= 9);
  CHECK(checked[0].answered() == checked[0].sent);
  CHECK(world.checked(kFirstPort + 2).empty());
  for (const auto& [port, windows] : world.windows) {
    for (const auto& window : windows) CHECK(window.sent >= 9);  // no window mixes sizes or lacks
  }
}

TEST_CASE("which way large packets do not pass is told, and asked again a few times",
          "[session][mtu]") {
  struct Case {
    PathLimits limits;
    bool there, back;
  };
  for (const auto& [limits, there, back] :
       {Case{{.there = 1400}, true, false}, Case{{.back = 1400}, false, true},
        Case{{.there = 1400, .back = 1400}, true, false}}) {
    CAPTURE(limits.there, limits.back);
    SizedWorld world(sized_plan(1));
    world.limits[kFirstPort + 1] = limits;
    CHECK(world.sender.check_size(NodeId{1}, kFirstPort + 1));
    world.run(seconds{100});
    const auto bad = world.checked(kFirstPort + 1);
    REQUIRE(bad.size() == 1 + kSizeCheckRepeatsMax);  // in every other window
    for (const auto& window : bad) {
      CHECK(window.sent >= 9);
      CHECK(window.lost_forward == (there ? window.sent : 0));
      CHECK(window.lost_return == (back ? window.sent : 0));
    }
    for (const auto& window : world.windows.at(kFirstPort + 1)) {
      if (window.size == 0) CHECK(window.answered() == window.sent);
    }
    world.limits.clear();
    CHECK(world.sender.check_size(NodeId{1}, kFirstPort + 1));  // the path has changed back
    world.run(seconds{60});
    const auto all = world.checked(kFirstPort + 1);
    CHECK(all.back().answered() == all.back().sent);
    const auto count = all.size();
    world.run(seconds{60});
    CHECK(world.checked(kFirstPort + 1).size() == count);
  }
}

TEST_CASE("where small packets are lost as well no check is repeated", "[session][mtu]") {
  SizedWorld world(sized_plan(1));
  world.down = true;
  world.run(seconds{30});
  CHECK(world.sender.check_size(NodeId{1}, kFirstPort + 1));
  world.run(seconds{80});
  CHECK(world.checked(kFirstPort + 1).size() == 1);
}

TEST_CASE("when all paths change at once, few flows are large at a time, and all have their turn",
          "[session][mtu]") {
  SizedWorld world(sized_plan(40));
  for (std::uint16_t i = 1; i <= 40; ++i) {
    CHECK(world.sender.check_size(NodeId{1}, static_cast<std::uint16_t>(kFirstPort + i)));
  }
  world.run(seconds{80});
  CHECK(world.ever_large() == 40);
  CHECK(world.large_at_once() == kSizeChecksAtOnceMax);

  // Where flows send often, so many would be too many bytes.
  SizedWorld fast(sized_plan(4, milliseconds{20}));
  for (std::uint16_t i = 1; i <= 4; ++i) {
    CHECK(fast.sender.check_size(NodeId{1}, static_cast<std::uint16_t>(kFirstPort + i)));
  }
  fast.run(seconds{70});
  CHECK(fast.ever_large() == 4);
  CHECK(fast.large_at_once() == 1);
}

TEST_CASE("a plan that comes meanwhile neither mixes sizes in a window nor begins another check",
          "[session][mtu]") {
  SizedWorld world(sized_plan(2));
  CHECK(world.sender.check_size(NodeId{1}, kFirstPort + 1));
  world.run(seconds{12});  // to 1'000'045: the window that began at ...40 is half over
  CHECK(world.sender.check_size(NodeId{1}, kFirstPort + 2));
  auto without = sized_plan(2);
  without.revision = PlanRevision{2};
  without.flows[0].size = 0;
  world.sender.set_plan(without, world.now);
  world.run(seconds{40});
  const auto checked = world.checked(kFirstPort + 1);
  REQUIRE(checked.size() == 1);
  CHECK(checked[0].sent >= 9);
  CHECK(checked[0].answered() == checked[0].sent);
  CHECK(world.checked(kFirstPort + 2).empty());
}

TEST_CASE("no more flows than there is room for wait to be large", "[session][mtu]") {
  SizedWorld world(sized_plan(kSizeChecksWaitingMax + 1));
  int refused = 0;
  for (std::uint16_t i = 1; i <= kSizeChecksWaitingMax + 1; ++i) {
    const auto port = static_cast<std::uint16_t>(kFirstPort + i);
    refused += world.sender.check_size(NodeId{1}, port) ? 0 : 1;
  }
  CHECK(refused == 1);
}

TEST_CASE("a plan without large packets, and an interface that takes none, check no size",
          "[session][mtu]") {
  auto without = sized_plan(1);
  without.flows[0].size = 0;
  SizedWorld none(without);
  SizedWorld narrow(sized_plan(1), /*size_max=*/100);
  for (auto* world : {&none, &narrow}) {
    CHECK(world->sender.check_size(NodeId{1}, kFirstPort + 1));
    world->run(seconds{40});
    CHECK(world->checked(kFirstPort + 1).empty());
  }
  SizedWorld lower(sized_plan(1), /*size_max=*/1400);
  CHECK(lower.sender.check_size(NodeId{1}, kFirstPort + 1));
  lower.run(seconds{40});
  REQUIRE(lower.checked(kFirstPort + 1).size() == 1);
  CHECK(lower.checked(kFirstPort + 1)[0].size == 1400);
}

}  // namespace
}  // namespace faultline::session
