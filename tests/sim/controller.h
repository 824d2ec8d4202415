// SimController: the controller's core with a simulated disk and simulated connections.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "controller/core/live_detector.h"
#include "controller/core/live_localizer.h"
#include "tests/sim/fleet.h"

namespace faultline::sim {

[[nodiscard]] PublicKey node_key(std::uint32_t host);
[[nodiscard]] PublicKey token_key(std::uint32_t host);
// The controller's first is number 1.
[[nodiscard]] PublicKey controller_key(std::uint32_t number);

// A simulated seal: the keys of both ends before the message.
[[nodiscard]] std::vector<std::byte> sealed(const PublicKey& from, const PublicKey& to,
                                            std::span<const std::byte> message);
[[nodiscard]] std::optional<std::vector<std::byte>> open_sealed(const PublicKey& from,
                                                                const PublicKey& to,
                                                                std::span<const std::byte> bytes);

class SimController final : public core::EffectSink {
 public:
  explicit SimController(SimFleet& fleet);
  ~SimController() override { *alive_ = false; }

  void handle(core::Event event);
  [[nodiscard]] const core::ControllerCore& core() const { return core_; }
  // A connection comes about only between those who trust each other.
  [[nodiscard]] bool admits(const PublicKey& peer, const PublicKey& controller) const {
    return controller == served_key_ && core_.fleet().trust_of(peer).has_value();
  }

  void send(const PublicKey& to, ControllerMessage message) override;
  void decode(NodeId node, Batch batch) override;
  void open(NodeId node, const core::RelayedBy& by, std::vector<std::byte> sealed) override;
  void send_sealed(const core::RelayedBy& by, const BatchAck& ack) override;
  void append(core::Append append) override;
  void commit(std::uint64_t commit, std::vector<core::DocumentWrite> writes) override;
  void solve(core::SolveJob job) override;
  void plan(core::PlanningJob job) override;
  void recall(core::RecallJob job) override;
  void deliver(notify::OutboxEntry entry) override;
  void keep_facts(NodeId, FactsUpdate) override {}
  void check(core::CheckJob) override {}
  void publish_trust(const fleet::TrustTable&) override {}
  void serve_under(const PublicKey& key) override;
  void answer(std::uint64_t, Status) override {}
  void record(core::FleetChange) override {}
  void log(core::Severity, std::string_view, std::string text) override { happens(text); }

 private:
  // Goes into the digest of the history.
  void happens(std::string_view what);
  // Happens only if this controller still runs then.
  void later(Duration wait, std::function<void()> thing);
  void tick();
  [[nodiscard]] core::Restored restored() const;
  // Happen when the disk does.
  void write(std::function<void()> thing);
  void serve_disk();
  void store(core::Append append);
  void keep(std::uint64_t commit, std::vector<core::DocumentWrite> writes);
  [[nodiscard]] core::Now now() const {
    return {fleet_.clock.instant(), fleet_.clock.wall() + fleet_.controller_ahead};
  }

  SimFleet& fleet_;
  std::deque<std::function<void()>> writes_;  // the oldest first
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  PublicKey served_key_;
  int plannings_under_way_ = 0;
  core::ControllerCore core_;
  core::LiveLocalizer live_;
  core::LiveDetector detector_;
};

}  // namespace faultline::sim
