// Engines that authenticate each other's packets.
#include <array>

#include "common/net/udp_socket.h"
#include "probe/engine/keyring.h"
#include "probe/stamp/packet.h"
#include "tests/integration/probe_engine/node.h"

namespace faultline::engine {
namespace {

// A node with a key, and what it knows of its peer's.
struct KeyedNode {
  explicit KeyedNode(std::uint32_t number) : node(address(number)) {}

  Node node;
  std::vector<crypto::KeyPair> own{crypto::generate_key_pair()};
  Keyring keyring;
  Plan plan;

  void set(Plan wanted, const KeyedNode& peer) {
    plan = std::move(wanted);
    plan.peers[0].key = peer.own.front().public_key;
    plan.peers[0].authenticates = true;
    apply();
  }
  void apply() { node.post(SetPlan{std::make_shared<const Plan>(plan), keyring.table(own, plan)}); }
  void rekey() { node.post(SetKeys{keyring.table(own, plan)}); }
};

Plan without_flows(Plan plan) {
  plan.flows.clear();
  return plan;
}

struct Ignore final : net::ErrorQueueSink {
  void on_transmit_stamp(const net::TransmitStamp&) override {}
  void on_icmp_error(const net::IcmpError&) override {}
  void on_send_failed(const net::OutgoingDatagram&, int) override {}
};

}  // namespace

TEST_CASE("between two engines that authenticate every packet of a window is answered",
          "[engine]") {
  KeyedNode a(1);
  KeyedNode b(2);
  b.set(without_flows(plan_to({address(1)})), a);
  a.set(plan_to({address(2)}), b);
  (void)b.node.next_report();
  for (int i = 0; i < 2; ++i) {
    const auto report = a.node.next_whole_report(1);
    REQUIRE(report.flows.size() == 4);
    for (const auto& flow : report.flows) {
      CHECK(flow.sent > 0);
      CHECK(flow.answered() == flow.sent);
      CHECK(flow.rtt_min_ns > 0);
    }
  }
  const auto at_a = a.node.engine().counters();
  CHECK(at_a.replies_forged == 0);
  CHECK(at_a.malformed == 0);
  CHECK(at_a.transmit_stamps > 0);
  const auto at_b = b.node.engine().counters();
  CHECK(at_b.reflector_forged == 0);
  CHECK(at_b.reflected > 0);
}

TEST_CASE("what the far end tells of a class is authenticated", "[engine]") {
  KeyedNode a(1);
  KeyedNode b(2);
  b.set(without_flows(plan_to({address(1)})), a);
  (void)b.node.next_report();
  auto plan = plan_to({address(2)});
  plan.flows[0].dscp = 46;
  plan.flows[1].dscp = 46;
  plan.flows[1].size = kFlowSizeMin;
  a.set(plan, b);
  const auto report = a.node.next_whole_report(1);
  REQUIRE(report.flows.size() == 4);
  for (const auto& flow : report.flows) {
    CAPTURE(flow.source_port);
    CHECK(flow.answered() == flow.sent);
    CHECK(flow.dscp_there == (flow.dscp == 0 ? std::nullopt : std::optional(flow.dscp)));
    CHECK(flow.dscp_back == flow.dscp_there);
  }
  CHECK(a.node.engine().counters().replies_forged == 0);
}

TEST_CASE("each end's change of keys loses no packet", "[engine]") {
  KeyedNode a(1);
  KeyedNode b(2);
  b.set(without_flows(plan_to({address(1)})), a);
  a.set(plan_to({address(2)}), b);
  (void)b.node.next_report();
  (void)a.node.next_whole_report(1);
  std::uint32_t unanswered = 0;
  const auto measure = [&] {
    for (int i = 0; i < 2; ++i) {
      for (const auto& flow : a.node.next_report().flows) unanswered += flow.sent - flow.answered();
    }
  };
  // In the order of the exchange: the new pair is held, the peer is told, it is signed with, and
  // the old one ends, but for peers who have not heard of that yet.
  for (auto* changing : {&b, &a}) {
    auto* peer = changing == &a ? &b : &a;
    changing->own.push_back(crypto::generate_key_pair());
    changing->rekey();
    measure();
    peer->plan.peers[0].second_key = changing->own.back().public_key;
    peer->plan.revision = PlanRevision{peer->plan.revision.value() + 1};
    peer->apply();
    measure();
    std::swap(changing->own[0], changing->own[1]);
    changing->rekey();
    measure();
    peer->plan.peers[0].key = *std::exchange(peer->plan.peers[0].second_key, std::nullopt);
    peer->plan.revision = PlanRevision{peer->plan.revision.value() + 1};
    peer->apply();
    measure();
  }
  CHECK(unanswered == 0);
  CHECK(a.node.engine().counters().replies_forged == 0);
  CHECK(a.node.engine().counters().replies_unmatched == 0);
  CHECK(b.node.engine().counters().reflector_forged == 0);
}

TEST_CASE("a packet from a peer's address with another key is not answered, and counted",
          "[engine]") {
  KeyedNode a(1);
  KeyedNode b(2);
  b.set(without_flows(plan_to({address(1)})), a);
  (void)b.node.next_report();
  auto socket = net::UdpSocket::open({.local = {address(1), 0}});
  REQUIRE(socket);
  const auto stranger = crypto::generate_key_pair();
  const auto keys = crypto::derive_session_keys(stranger, b.own.front().public_key);
  REQUIRE(keys);
  std::array<std::byte, stamp::kAuthenticatedSize> octets;
  stamp::encode(stamp::SenderPacket{.sequence = 1, .ssid = 5}, keys->sending, octets);
  const net::OutgoingDatagram datagram{.to = {address(2), kReflectorPort}, .payload = octets};
  Ignore ignore;
  for (int i = 0; i < 3; ++i) REQUIRE((*socket)->send({&datagram, 1}, ignore) == 1);
  b.node.settle();
  const auto counters = b.node.engine().counters();
  CHECK(counters.reflector_forged == 3);
  CHECK(counters.reflected == 0);
}

TEST_CASE("a reply comes back with the DSCP that Class of Service asks for", "[engine]") {
  KeyedNode a(1);
  KeyedNode b(2);
  b.set(without_flows(plan_to({address(1)})), a);
  (void)b.node.next_report();
  auto socket = net::UdpSocket::open({.local = {address(1), 0}, .traffic_class = true});
  REQUIRE(socket);
  const auto key = crypto::derive_session_keys(a.own.front(), b.own.front().public_key)->sending;
  std::vector<std::byte> octets(256);
  stamp::encode(stamp::SenderPacket{.sequence = 1, .ssid = 5}, key, octets);
  stamp::TlvWriter tlvs(octets, stamp::kAuthenticatedSize);
  REQUIRE(tlvs.class_of_service(10));
  REQUIRE(tlvs.location());
  REQUIRE(tlvs.hmac(key));
  const net::OutgoingDatagram datagram{.to = {address(2), kReflectorPort},
                                       .payload = std::span(octets).first(tlvs.size()),
                                       .dscp = 46};
  Ignore ignore;
  REQUIRE((*socket)->send({&datagram, 1}, ignore) == 1);
  net::ReceiveBuffer buffer;
  auto replies = (*socket)->receive(buffer, ignore);
  const auto deadline = std::chrono::steady_clock::now() + kGuard;
  while (replies.empty() && std::chrono::steady_clock::now() < deadline) {
    replies = (*socket)->receive(buffer, ignore);
  }
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].traffic_class == 10 << 2);
  CHECK(replies[0].payload.size() == tlvs.size());
  CHECK(stamp::is_authentic(replies[0].payload, key));
  const auto read = stamp::read_reply_tlvs(replies[0].payload, stamp::kAuthenticatedSize, &key);
  CHECK(read.class_of_service == stamp::ClassOfService{.dscp_wanted = 10, .dscp_received = 46});
  REQUIRE(read.location);
  CHECK(read.location->source == address(1));
  CHECK(read.location->source_port == (*socket)->local().port);
  CHECK(read.location->destination == address(2));
}

}  // namespace faultline::engine
