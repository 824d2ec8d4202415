// The controller's core with its effects recorded: no socket, no disk, no clock.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "controller/core/core.h"
#include "tests/support/catch.h"

namespace faultline::core {

using std::chrono::seconds;

inline PublicKey key_of(std::uint8_t number) {
  PublicKey key;
  key.bytes.fill(number);
  return key;
}

class RecordedEffects : public EffectSink {
 public:
  struct Commit {
    std::uint64_t id = 0;
    std::vector<DocumentWrite> writes;
  };

  void send(const PublicKey& to, ControllerMessage message) override {
    sent.emplace_back(to, std::move(message));
  }
  void decode(NodeId node, Batch batch) override { decodes.emplace_back(node, std::move(batch)); }
  void open(NodeId node, const RelayedBy& by, std::vector<std::byte> sealed) override {
    opens.push_back({node, by, std::move(sealed)});
  }
  void send_sealed(const RelayedBy& by, const BatchAck& ack) override {
    sealed_acks.emplace_back(by, ack);
  }
  void append(Append append) override { appends.push_back(std::move(append)); }
  void commit(std::uint64_t id, std::vector<DocumentWrite> writes) override {
    commits.push_back({id, std::move(writes)});
  }
  void solve(SolveJob job) override { solves.push_back(std::move(job)); }
  void plan(PlanningJob job) override { plannings.push_back(std::move(job)); }
  void recall(RecallJob job) override { recalls.push_back(std::move(job)); }
  void deliver(notify::OutboxEntry entry) override { deliveries.push_back(std::move(entry)); }
  void keep_facts(NodeId node, FactsUpdate update) override {
    facts.emplace_back(node, std::move(update));
  }
  void check(CheckJob job) override { checks.push_back(std::move(job)); }
  void publish_trust(const fleet::TrustTable& table) override { trust = table; }
  void serve_under(const PublicKey& key) override { served.push_back(key); }
  void answer(std::uint64_t request, Status status) override {
    answers.emplace_back(request, std::move(status));
  }
  void record(FleetChange change) override { recorded.push_back(std::move(change)); }
  void log(Severity, std::string_view, std::string text) override {
    lines.push_back(std::move(text));
  }

  template <typename Message>
  [[nodiscard]] std::vector<Message> messages_to(const PublicKey& to) const {
    std::vector<Message> found;
    for (const auto& [key, message] : sent) {
      if (key == to && std::holds_alternative<Message>(message)) {
        found.push_back(std::get<Message>(message));
      }
    }
    return found;
  }

  std::vector<FleetChange> recorded;
  std::vector<std::pair<PublicKey, ControllerMessage>> sent;
  std::deque<std::pair<NodeId, Batch>> decodes;
  struct Open {
    NodeId node;
    RelayedBy by;
    std::vector<std::byte> sealed;
  };
  std::deque<Open> opens;
  std::vector<std::pair<RelayedBy, BatchAck>> sealed_acks;
  std::deque<Append> appends;
  std::deque<Commit> commits;
  std::deque<SolveJob> solves;
  std::deque<PlanningJob> plannings;
  std::deque<RecallJob> recalls;
  std::deque<notify::OutboxEntry> deliveries;
  std::deque<std::pair<NodeId, FactsUpdate>> facts;
  std::deque<CheckJob> checks;
  fleet::TrustTable trust;
  std::vector<std::pair<std::uint64_t, Status>> answers;
  std::vector<PublicKey> served;
  std::vector<std::string> lines;
};

// Drives a core by hand; what it asks of the disk happens only when the test says so.
class Bench {
 public:
  explicit Bench(CoreOptions options = {}, Restored restored = {})
      : core(std::move(options), {}, Rng(7)) {
    REQUIRE(core.restore(std::move(restored), now));
  }

  void step(Event event) { core.step(now, std::move(event), effects); }
  void pass(Duration time) {
    now.instant += time;
    now.wall += time;
    step(Tick{});
  }
  void finish_commits(const Status& status = {}) {
    while (!effects.commits.empty()) {
      const auto id = effects.commits.front().id;
      effects.commits.pop_front();
      step(CommitDone{id, status});
    }
  }
  void finish_decode(Result<std::shared_ptr<const Report>> report) {
    auto [node, batch] = std::move(effects.decodes.front());
    effects.decodes.pop_front();
    step(BatchDecoded{node, std::move(batch), std::move(report)});
  }
  void finish_append(const Status& status = {}) {
    REQUIRE_FALSE(effects.appends.empty());
    effects.appends.pop_front();
    step(AppendDone{status});
  }
  void say(const PublicKey& key, ProbeMessage message) {
    step(PeerMessage{key, "10.0.0.1", std::move(message)});
  }

  // A node with the key `number`, joined with a token of its own and heard.
  PublicKey enroll(std::uint8_t number) {
    const PublicKey token = key_of(static_cast<std::uint8_t>(100 + number));
    const PublicKey node = key_of(number);
    step(CreateToken{.request = number, .token = {.key = token}});
    finish_commits();
    say(token,
        Join{.node_key = node, .name = "h" + std::to_string(number), .profile = profile(number)});
    finish_commits();
    say(node, Hello{.software = "test", .boot = BootId{number}, .profile = profile(number)});
    finish_commits();
    const auto before = effects.sent.size();
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {  // so that its clock is known
      say(node, Heartbeat{.sequence = sequence, .sent_at = now.wall});
    }
    effects.sent.resize(before);
    return node;
  }
  static NodeProfile profile(std::uint8_t number) {
    return {.address = IpAddress::v4(0x0a000000U + number),
            .source_port_first = 42000,
            .source_port_count = 16,
            .mesh_port = 7401};
  }

  Now now{Instant{} + seconds{1000}, wall_time_from_unix_seconds(1'790'000'000)};
  RecordedEffects effects;
  ControllerCore core;
};

}  // namespace faultline::core
