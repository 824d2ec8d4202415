// FakeWorld: carries out the core's effects in memory and keeps what was asked.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "probe/core/core.h"

namespace faultline::probe_core::tests {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FakeWorld final : public EffectSink {
 public:
  // What the world does.
  bool link_takes = true;
  bool mesh_takes = true;
  bool engine_takes = true;

  // What was asked.
  std::vector<LinkTarget> links;
  std::vector<Duration> handshakes;  // of each
  bool link_open = false;
  std::vector<ProbeMessage> sent;
  std::vector<std::pair<NodeId, MeshMessage>> mesh;
  bool seals = true;
  std::vector<std::pair<PublicKey, Batch>> sealed;
  std::optional<BatchAck> held_ack;
  std::vector<std::pair<PublicKey, std::vector<std::byte>>> opened;
  std::vector<std::shared_ptr<const Plan>> applied;
  std::vector<Boost> boosts;
  std::vector<std::pair<NodeId, std::uint16_t>> sizes_checked;
  int stops = 0;
  std::vector<Duration> finishes;
  bool ended = false;
  int facts_collected = 0;
  std::vector<FactsAck> facts_acks;
  std::vector<TestRequest> tests;
  bool takes_tests = true;
  std::vector<trace::TraceOrder> orders;
  std::vector<ReceiptsOrder> receipts_ordered;
  std::vector<ReceiptsTold> receipts_told;
  std::vector<std::shared_ptr<const Plan>> plans_kept;
  std::vector<Membership> memberships_kept;
  int next_keys_made = 0;
  int next_keys_adopted = 0;
  std::vector<Report> appended;
  std::vector<FetchOrder> fetches;
  std::vector<std::pair<BootId, std::vector<SequenceInterval>>> released;
  std::vector<std::string> warnings;

  template <typename Message>
  [[nodiscard]] std::vector<Message> sent_of() const {
    std::vector<Message> result;
    for (const auto& message : sent) {
      if (const auto* kind = std::get_if<Message>(&message)) result.push_back(*kind);
    }
    return result;
  }

  void open_link(const LinkTarget& target, Duration handshake) override {
    links.push_back(target);
    handshakes.push_back(handshake);
    link_open = true;
  }
  void close_link() override { link_open = false; }
  bool send_controller(const ProbeMessage& message) override {
    if (!link_open || !link_takes) return false;
    sent.push_back(message);
    return true;
  }
  bool send_mesh(NodeId to, const MeshMessage& message) override {
    if (mesh_takes) mesh.emplace_back(to, message);
    return mesh_takes;
  }
  std::vector<std::byte> seal(const PublicKey& controller, const Batch& batch) override {
    if (!seals) return {};
    sealed.emplace_back(controller, batch);
    return std::vector<std::byte>(kSealBytes, static_cast<std::byte>(batch.sequence));
  }
  // What the test says that it holds.
  std::optional<BatchAck> open_ack(const PublicKey& controller,
                                   std::span<const std::byte> bytes) override {
    opened.emplace_back(controller, std::vector(bytes.begin(), bytes.end()));
    return held_ack;
  }
  void apply_plan(std::shared_ptr<const Plan> plan) override { applied.push_back(std::move(plan)); }
  void boost(Boost boost) override { boosts.push_back(std::move(boost)); }
  void check_size(NodeId target, std::uint16_t source_port) override {
    sizes_checked.emplace_back(target, source_port);
  }
  void stop_measuring() override { ++stops; }
  void finish_measuring(Duration grace) override { finishes.push_back(grace); }
  bool trace(const trace::TraceOrder& order) override {
    if (engine_takes) orders.push_back(order);
    return engine_takes;
  }
  bool read_receipts(const ReceiptsOrder& order) override {
    if (engine_takes) receipts_ordered.push_back(order);
    return engine_takes;
  }
  void take_receipts(const ReceiptsTold& told) override { receipts_told.push_back(told); }
  void persist_plan(std::shared_ptr<const Plan> plan) override {
    plans_kept.push_back(std::move(plan));
  }
  void persist_membership(const Membership& membership) override {
    memberships_kept.push_back(membership);
  }
  void make_next_key() override { ++next_keys_made; }
  void adopt_next_key() override { ++next_keys_adopted; }
  void append(Report report) override { appended.push_back(std::move(report)); }
  void fetch(const FetchOrder& order) override { fetches.push_back(order); }
  void release(BootId boot, const std::vector<SequenceInterval>& durable) override {
    released.emplace_back(boot, durable);
  }
  void end() override { ended = true; }
  void collect_facts() override { ++facts_collected; }
  void facts_acknowledged(const FactsAck& ack) override { facts_acks.push_back(ack); }
  bool order_test(const TestRequest& request) override {
    if (takes_tests) tests.push_back(request);
    return takes_tests;
  }
  void log(Severity severity, std::string_view /*area*/, std::string text) override {
    if (severity == Severity::kWarning) warnings.push_back(std::move(text));
  }
};

inline PublicKey key_of(std::uint8_t value) {
  PublicKey key;
  key.bytes.fill(value);
  return key;
}

inline NodeProfile profile() {
  return {.address = IpAddress::v4(0x0a000001),
          .source_port_first = 61000,
          .source_port_count = 16,
          .mesh_port = 7401};
}

inline Membership membership() {
  return {.node = NodeId{1},
          .name = "n1",
          .endpoints = {"tcp://c1:7400"},
          .controllers = {key_of(200)}};
}

// `peers` peers with ids from 2, each with one flow per source port from 61000.
inline Plan make_plan(std::uint64_t revision, std::uint32_t peers = 2, std::uint16_t ports = 2) {
  Plan plan{.revision = PlanRevision{revision}, .node = NodeId{1}};
  for (std::uint32_t i = 0; i < peers; ++i) {
    plan.peers.push_back({.node = NodeId{2 + i},
                          .name = "n" + std::to_string(2 + i),
                          .address = IpAddress::v4(0x0a000002 + i),
                          .mesh_port = 7401,
                          .key = key_of(static_cast<std::uint8_t>(2 + i))});
    for (std::uint16_t port = 0; port < ports; ++port) {
      plan.flows.push_back({i, static_cast<std::uint16_t>(61000 + port)});
    }
  }
  return plan;
}

inline Welcome welcome() { return {.node = NodeId{1}, .name = "n1"}; }

inline Batch batch_of(std::uint64_t sequence, BootId boot = BootId{7}) {
  return {.boot = boot,
          .first_sequence = sequence,
          .sequence = sequence,
          .payload = std::vector<std::byte>(1)};
}

// A core in a fake world on virtual time.
struct Bench {
  explicit Bench(bool member = true)
      : core({.software = "test",
              .profile = profile(),
              .boot = BootId{7},
              .node_key = key_of(1),
              .has_token = !member,
              .endpoints = {"tcp://c1:7400", "tcp://c2:7400"},
              .controllers = {key_of(200)},
              .membership = member ? std::optional(membership()) : std::nullopt},
             Rng{1}) {}

  void step(Event event) { core.step(now, std::move(event), world); }
  void receive(ControllerMessage message) { step(ControllerReceived{std::move(message)}); }
  void pass(Duration duration) {
    const auto end = now.instant + duration;
    while (now.instant < end) {
      now.instant += kTickInterval;
      now.wall += kTickInterval;
      step(Tick{});
    }
  }
  // Opens the link, greets, and is welcomed.
  void connect() {
    pass(milliseconds{200});
    receive(welcome());
  }
  // Answers what is being read.
  void read(std::vector<Batch> batches) { step(SpoolFetched{.batches = std::move(batches)}); }
  void acknowledge(std::vector<SequenceInterval> durable, std::uint32_t credit) {
    receive(BatchAck{.boot = BootId{7}, .durable = std::move(durable), .credit = credit});
  }
  // As connect(), and the controller answers heartbeats from then on.
  void pass_answered(Duration duration) {
    const auto end = now.instant + duration;
    while (now.instant < end) {
      const auto before = world.sent.size();
      pass(kTickInterval);
      for (auto i = before; i < world.sent.size(); ++i) {
        if (const auto* beat = std::get_if<Heartbeat>(&world.sent[i])) {
          receive(HeartbeatReply{.sequence = beat->sequence});
        }
      }
    }
  }

  Now now{Instant{seconds{1000}}, wall_time_from_unix_seconds(1'800'000'000)};
  FakeWorld world;
  ProbeCore core;
};

}  // namespace faultline::probe_core::tests
