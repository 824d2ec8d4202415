// SimProbe: a probe's core with a simulated engine, spool and connection.
//
// It is one host: its process can be stopped, killed and started again; identity, plan and spool
// are on its disk.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "tests/sim/controller.h"
#include "tests/sim/fleet.h"

namespace faultline::sim {

class SimProbe final : public probe_core::EffectSink {
 public:
  SimProbe(SimFleet& fleet, std::uint32_t host);

  // The connection, as the network sees it.
  [[nodiscard]] bool connected_as(const PublicKey& key) const {
    return connected() && key == identity();
  }
  void stop();  // SIGTERM
  void kill();
  void start();
  void crash();  // killed, and started again at once
  [[nodiscard]] bool is_up(WallTime time) const;
  void receive(ControllerMessage message);
  void cut();
  struct Disk {
    PublicKey key;
    std::optional<PublicKey> next_key;
    std::optional<probe_core::Membership> membership;
    std::optional<probe_core::SavedPlan> plan;
  };
  [[nodiscard]] const Disk& disk() const { return disk_; }
  void receive_mesh(const PublicKey& from, const MeshMessage& message);

  Duration clock_ahead{};  // of its machine's clock

  [[nodiscard]] const probe_core::ProbeCore& core() const { return *core_; }
  [[nodiscard]] bool is_running() const { return core_ != nullptr; }
  [[nodiscard]] std::size_t waiting() const { return spool_.size(); }
  [[nodiscard]] std::size_t made() const { return made_; }
  [[nodiscard]] const std::set<BatchName>& acknowledged() const { return acknowledged_; }

  void open_link(const probe_core::LinkTarget& target, Duration handshake) override;
  void close_link() override;
  bool send_controller(const ProbeMessage& message) override;
  bool send_mesh(NodeId to, const MeshMessage& message) override;
  // As wire bytes under the names of both: nobody here can forge them.
  std::vector<std::byte> seal(const PublicKey& controller, const Batch& batch) override;
  std::optional<BatchAck> open_ack(const PublicKey& controller,
                                   std::span<const std::byte> sealed) override;
  void apply_plan(std::shared_ptr<const Plan> plan) override;
  void boost(Boost boost) override;
  // Simulated flows keep the sizes that the plan gives them.
  void check_size(NodeId /*target*/, std::uint16_t /*source_port*/) override {}
  void stop_measuring() override { plan_.reset(); }
  // Packets beyond the plan's rate, of all windows that have closed.
  [[nodiscard]] std::uint64_t extra_packets() const { return extra_packets_; }
  bool trace(const trace::TraceOrder& order) override;
  // What a simulated probe measures says the direction of each loss.
  bool read_receipts(const ReceiptsOrder&) override { return false; }
  void take_receipts(const ReceiptsTold&) override {}
  void finish_measuring(Duration grace) override;
  void persist_plan(std::shared_ptr<const Plan> plan) override;
  void persist_membership(const probe_core::Membership& membership) override;
  void make_next_key() override;
  void adopt_next_key() override;
  void append(Report report) override;
  void fetch(const probe_core::FetchOrder& order) override;
  void release(BootId boot, const std::vector<SequenceInterval>& durable) override;
  void end() override;
  void collect_facts() override {}  // a simulated host has none
  void facts_acknowledged(const FactsAck&) override {}
  bool order_test(const TestRequest& request) override;
  void log(probe_core::Severity, std::string_view, std::string text) override {
    fleet_.happened.mix(text);
  }

 private:
  [[nodiscard]] bool connected() const;
  // Happens only if this process still runs then.
  void later(Duration wait, std::function<void()> thing);
  [[nodiscard]] probe_core::Now now() const;
  void handle(probe_core::Event event);
  void tick();
  void close_window_later();
  void close_window();
  [[nodiscard]] PublicKey identity() const;
  void end_boost();
  [[nodiscard]] std::uint32_t extra_packets_of(const PlanPeer& peer, std::uint16_t port,
                                               WallTime start) const;
  [[nodiscard]] FlowWindow measure(const PlanFlow& planned, WallTime start);
  [[nodiscard]] probe_core::SpoolLevel level() const { return {spool_.size(), 0, 0}; }

  SimFleet& fleet_;
  const std::uint32_t host_;
  // On its disk.
  Disk disk_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Batch> spool_;  // by process and sequence
  std::size_t made_ = 0;
  std::uint64_t extra_packets_ = 0;
  std::set<BatchName> acknowledged_;
  std::vector<std::pair<WallTime, WallTime>> times_up_;  // of its processes
  // Of the process that runs.
  std::uint64_t process_ = 0;
  BootId boot_;
  PublicKey key_;
  std::optional<PublicKey> next_key_;
  std::unique_ptr<probe_core::ProbeCore> core_;  // null: none runs
  std::optional<probe_core::LinkTarget> link_;
  std::uint64_t link_epoch_ = 0;
  std::shared_ptr<const Plan> plan_;  // null: it does not measure
  WallTime next_window_{};            // that closes
  WallTime sending_until_ = WallTime::max();
  struct TimedBoost {
    WallTime from{};
    WallTime until{};
    std::map<std::pair<NodeId, std::uint16_t>, std::uint16_t> times;
  };
  std::vector<TimedBoost> boosts_;  // oldest first
  std::uint64_t sequence_ = 0;
  // What was read last of each lane.
  std::map<probe_core::Lane, std::pair<std::uint64_t, std::uint64_t>> fetched_;
};

}  // namespace faultline::sim
