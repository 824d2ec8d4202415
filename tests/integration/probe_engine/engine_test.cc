// Engines on loopback addresses of their own.
#include "probe/engine/engine.h"

#include <poll.h>

#include <array>
#include <optional>
#include <thread>

#include "common/net/udp_socket.h"
#include "probe/stamp/packet.h"
#include "tests/integration/probe_engine/node.h"

namespace faultline::engine {

TEST_CASE("between two engines every packet of a window is answered", "[engine]") {
  Node a(address(1));
  Node b(address(2));
  b.post(only_peers(plan_to({address(1)})));
  a.post(set(plan_to({address(2)})));
  (void)b.next_report();  // b answers from now on
  for (int i = 0; i < 2; ++i) {
    const auto report = a.next_whole_report(1);
    REQUIRE(report.flows.size() == 4);
    CHECK(report.window == std::chrono::seconds{1});
    CHECK(unix_nanoseconds(report.window_start) % 1'000'000'000 == 0);
    for (const auto& flow : report.flows) {
      CHECK(flow.target == NodeId{1});
      CHECK(flow.sent > 0);
      CHECK(flow.answered() == flow.sent);
      CHECK(flow.duplicated == 0);
      CHECK(flow.rtt_min_ns > 0);
      CHECK(flow.rtt_min_ns <= flow.rtt_mean_ns);
      CHECK(flow.rtt_mean_ns <= flow.rtt_max_ns);
    }
    REQUIRE(report.delays.size() == 1);
    CHECK(report.delays[0].rtt.count() == report.flows[0].sent + report.flows[1].sent +
                                              report.flows[2].sent + report.flows[3].sent);
    CHECK(report.health.send_failures == 0);
    CHECK(report.health.receive_drops == 0);
  }
  const auto counters = a.engine().counters();
  CHECK(counters.transmit_stamps > 0);
  CHECK(counters.send_failures == 0);
  CHECK(counters.malformed == 0);
}

TEST_CASE("IPv6 sessions are answered like IPv4 ones", "[engine]") {
  const auto loopback = *IpAddress::parse("::1");
  const auto port = static_cast<std::uint16_t>(20000 + ::getpid() % 9000);
  Node node(EngineConfig{.address = loopback,
                         .source_port_first = port,
                         .source_port_count = 2,
                         .reflector_port = static_cast<std::uint16_t>(port + 2),
                         .seed = 1});
  auto plan = plan_to({loopback});
  plan.peers[0].reflector_port = static_cast<std::uint16_t>(port + 2);
  plan.flows = {{.peer = 0, .source_port = port}};
  node.post(set(plan));
  const auto report = node.next_whole_report(1);
  REQUIRE(report.flows.size() == 1);
  CHECK(report.flows[0].sent > 0);
  CHECK(report.flows[0].answered() == report.flows[0].sent);
}

TEST_CASE("a dead peer's loss is undetermined and the others' windows stay whole", "[engine]") {
  Node a(address(1));
  Node b(address(2));
  Node c(address(3));
  b.post(only_peers(plan_to({address(1)})));
  c.post(only_peers(plan_to({address(1)})));
  (void)b.next_report();
  (void)c.next_report();
  a.post(set(plan_to({address(2), address(3)})));
  (void)a.next_whole_report(1);
  c.engine().stop();
  // The window in which it stopped may have both; of the next ones nothing is answered.
  const auto deadline = std::chrono::steady_clock::now() + kGuard;
  std::optional<Report> found;
  while (!found && std::chrono::steady_clock::now() < deadline) {
    auto report = a.next_report();
    std::uint32_t answered = 0;
    for (const auto& flow : report.flows) {
      if (flow.target == NodeId{2}) answered += flow.answered();
    }
    if (answered == 0) found = std::move(report);
  }
  REQUIRE(found);
  REQUIRE(found->flows.size() == 8);
  for (const auto& flow : found->flows) {
    CHECK(flow.sent > 0);
    if (flow.target == NodeId{1}) CHECK(flow.answered() == flow.sent);
    if (flow.target == NodeId{2}) CHECK(flow.lost_undetermined == flow.sent);
  }
  CHECK(found->health.send_failures == 0);
  CHECK(a.engine().counters().icmp_errors > 0);
}

TEST_CASE("a stranger is refused and counted, a peer is not answered with more than it sent",
          "[engine]") {
  Node b(address(2));
  const Endpoint reflector{address(2), kReflectorPort};
  auto stranger = net::UdpSocket::open({.local = {address(9), 0}});
  auto peer = net::UdpSocket::open({.local = {address(8), 0}});
  REQUIRE(stranger);
  REQUIRE(peer);
  struct Ignore final : net::ErrorQueueSink {
    void on_transmit_stamp(const net::TransmitStamp&) override {}
    void on_icmp_error(const net::IcmpError&) override {}
    void on_send_failed(const net::OutgoingDatagram&, int) override {}
  } ignore;
  std::array<std::byte, 60> octets;
  octets.fill(std::byte{0x5A});
  stamp::encode(stamp::SenderPacket{.sequence = 5, .ssid = 77}, octets);
  const net::OutgoingDatagram padded{.to = reflector, .payload = octets};
  const net::OutgoingDatagram light{.to = reflector, .payload = std::span(octets).first(14)};

  b.post(only_peers(plan_to({address(8)})));
  (void)b.next_report();
  REQUIRE((*stranger)->send({&padded, 1}, ignore) == 1);
  REQUIRE((*peer)->send({&light, 1}, ignore) == 1);
  REQUIRE((*peer)->send({&padded, 1}, ignore) == 1);
  pollfd waiting{.fd = (*peer)->fd(), .events = POLLIN, .revents = 0};
  REQUIRE(::poll(&waiting, 1, 30'000) == 1);
  net::ReceiveBuffer buffer;
  const auto replies = (*peer)->receive(buffer, ignore);
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].from == reflector);
  CHECK(replies[0].payload.size() == octets.size());
  CHECK(replies[0].payload.back() == std::byte{0x5A});
  const auto reply = stamp::decode_reflector(replies[0].payload);
  REQUIRE(reply);
  CHECK(reply->sequence == 0);
  CHECK(reply->sender_sequence == 5);
  CHECK(reply->ssid == 77);
  CHECK(reply->sender_ttl == net::kTtlDefault);
  CHECK((*stranger)->receive(buffer, ignore).empty());
  b.settle();
  const auto counters = b.engine().counters();
  CHECK(counters.reflector_refused == 1);
  CHECK(counters.malformed == 1);
  CHECK(counters.reflected == 1);
  b.post(TellHeard{});
  const auto told = b.next<HeardTold>();
  REQUIRE(told.heard.size() == 2);
  CHECK(told.heard[0].address == address(8));
  CHECK_FALSE(told.heard[0].refused);
  CHECK(told.heard[0].packets == 1);
  CHECK(told.heard[1].address == address(9));
  CHECK(told.heard[1].refused);
}

TEST_CASE("a change of plan disturbs no session that stays", "[engine]") {
  Node a(address(1));
  Node b(address(2));
  Node c(address(3));
  b.post(only_peers(plan_to({address(1)})));
  c.post(only_peers(plan_to({address(1)})));
  (void)b.next_report();
  (void)c.next_report();
  a.post(set(plan_to({address(2)}, 1)));
  (void)a.next_whole_report(1);
  std::uint32_t unanswered = 0;
  for (std::uint64_t revision = 2; revision <= 4; ++revision) {
    // c comes, then b's flows go and come back
    auto plan =
        revision == 3 ? plan_to({address(3)}, 3) : plan_to({address(2), address(3)}, revision);
    if (revision == 3) plan.peers[0].node = NodeId{2};
    a.post(set(std::move(plan)));
    for (bool reached = false; !reached;) {
      const auto report = a.next_report();
      reached = report.plan == PlanRevision{revision};
      for (const auto& flow : report.flows) unanswered += flow.sent - flow.answered();
    }
  }
  CHECK(unanswered == 0);
  CHECK(a.engine().counters().replies_unmatched == 0);
}

TEST_CASE("after StopMeasuring the open windows close and nothing more is sent", "[engine]") {
  Node a(address(1));
  Node b(address(2));
  b.post(only_peers(plan_to({address(1)})));
  (void)b.next_report();
  a.post(set(plan_to({address(2)})));
  (void)a.next_whole_report(1);
  a.post(StopMeasuring{});
  a.settle();
  const auto sent = a.engine().counters().sent;
  // b's later windows are this test's clock
  (void)b.next_report();
  (void)b.next_report();
  CHECK(a.engine().counters().sent == sent);
}

TEST_CASE("FinishMeasuring closes the open window, tells the end, and the reflector goes on",
          "[engine]") {
  Node a(address(1));
  Node b(address(2));
  b.post(set(plan_to({address(1)})));
  a.post(set(plan_to({address(2)})));
  (void)a.next_whole_report(1);
  a.post(FinishMeasuring{std::chrono::milliseconds{200}});
  (void)a.next_report();
  (void)a.next<MeasuringEnded>();
  const auto sent = a.engine().counters().sent;
  const auto reflected = a.engine().counters().reflected;
  // b's windows are this test's clock; some were closed and waiting before.
  for (int i = 0; i < 10 && a.engine().counters().reflected == reflected; ++i) {
    (void)b.next_report();
  }
  CHECK(a.engine().counters().reflected > reflected);
  CHECK(a.engine().counters().sent == sent);
}

TEST_CASE("a trace in either direction ends at the far end", "[engine]") {
  Node a(address(1));
  Node b(address(2));
  a.post(only_peers(plan_to({address(2)})));
  b.post(only_peers(plan_to({address(1)})));
  (void)a.next_report();
  (void)b.next_report();
  a.post(trace::TraceOrder{.id = 11,
                           .local_port = kSourcePort,
                           .remote = {address(2), kReflectorPort},
                           .direction = Direction::kForward});
  CHECK(a.next<trace::TraceResult>() ==
        trace::TraceResult{.id = 11, .complete = true, .hops = {}, .ended = PathEnd::kReached});
  b.post(trace::TraceOrder{.id = 12,
                           .local_port = kReflectorPort,
                           .remote = {address(1), kSourcePort},
                           .direction = Direction::kReturn});
  CHECK(b.next<trace::TraceResult>() ==
        trace::TraceResult{.id = 12, .complete = true, .hops = {}, .ended = PathEnd::kReached});
}

TEST_CASE("the far end tells with what class packets arrive, open and padded", "[engine]") {
  Node a(address(1));
  Node b(address(2));
  b.post(only_peers(plan_to({address(1)})));
  (void)b.next_report();
  auto plan = plan_to({address(2)});
  plan.flows[1].dscp = 46;
  plan.flows[2].dscp = 10;
  plan.flows[2].size = kFlowSizeMin;
  a.post(set(plan));
  const auto report = a.next_whole_report(1);
  REQUIRE(report.flows.size() == 4);
  for (const auto& flow : report.flows) {
    CAPTURE(flow.source_port);
    CHECK(flow.answered() == flow.sent);
    CHECK(flow.dscp_rewritten == 0);
    const auto told = flow.dscp == 0 ? std::nullopt : std::optional(flow.dscp);
    CHECK(flow.dscp_there == told);
    CHECK(flow.dscp_back == told);
  }
  // Their kernel's stamps are found all the same: of all but the padded ones.
  const auto counters = a.engine().counters();
  CHECK(counters.transmit_stamps > counters.sent / 2);
}

TEST_CASE("an order to trace a stranger or from a foreign port is refused at once", "[engine]") {
  Node a(address(1));
  a.post(only_peers(plan_to({address(2)})));
  const std::array<trace::TraceOrder, 3> orders{
      {{.id = 1, .local_port = kSourcePort, .remote = {address(7), kReflectorPort}},
       {.id = 2, .local_port = 1, .remote = {address(2), kReflectorPort}},
       {.id = 3,
        .local_port = kSourcePort,
        .remote = {address(2), kSourcePort},
        .direction = Direction::kReturn}}};
  for (const auto& order : orders) {
    a.post(order);
    CHECK(a.next<trace::TraceResult>() ==
          trace::TraceResult{
              .id = order.id, .complete = false, .hops = {}, .ended = PathEnd::kRefused});
  }
  CHECK(a.engine().counters().traces_refused == 3);
}

TEST_CASE("what a full queue of events drops is counted, the results of windows apart",
          "[engine]") {
  Node a(address(1));
  a.post(set(plan_to({address(2)})));
  const trace::TraceOrder stranger{.id = 1};  // refused, and answered at once
  while (a.engine().counters().events_dropped == 0) {
    if (!a.engine().post(stranger)) std::this_thread::yield();
  }
  while (a.engine().counters().results_dropped == 0) std::this_thread::yield();
  CHECK(a.engine().counters().results_dropped % 4 == 0);  // four flows a window
}

TEST_CASE("a plan beyond the limits is refused and the old one goes on", "[engine]") {
  Node a(address(1));
  a.post(set(plan_to({address(2)}, 1)));
  auto excessive = plan_to({address(2)}, 2);
  excessive.packets_per_second_max = kPacketsPerSecondMax + 1;
  a.post(set(excessive));
  a.settle();
  CHECK(a.next_report().plan == PlanRevision{1});
  CHECK(a.engine().counters().plans_refused == 1);
}

TEST_CASE("an address or port that cannot be had is named", "[engine]") {
  Node a(address(1));
  const auto again = Engine::start({.address = address(1),
                                    .source_port_first = 30000,
                                    .source_port_count = 1,
                                    .reflector_port = kReflectorPort},
                                   nullptr);
  REQUIRE_FALSE(again);
  CHECK(again.error().context.find(to_string(Endpoint{address(1), kReflectorPort})) !=
        std::string::npos);
  const auto overlapping = Engine::start({.address = address(1),
                                          .source_port_first = 30000,
                                          .source_port_count = 4,
                                          .reflector_port = 30003},
                                         nullptr);
  REQUIRE_FALSE(overlapping);
  CHECK(overlapping.error().code == ErrorCode::kInvalid);
}

}  // namespace faultline::engine
