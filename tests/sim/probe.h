// SimProbe: a probe's core with a simulated engine, spool and connection.
#pragma once

#include <functional>
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
  void receive(ControllerMessage message);
  void cut();
  // The process is killed and started again. What was not on its disk is gone.
  void crash();
  struct Disk {
    PublicKey key;
    std::optional<PublicKey> next_key;
    std::optional<probe_core::Membership> membership;
  };
  [[nodiscard]] const Disk& disk() const { return disk_; }
  void receive_mesh(const PublicKey& from, const MeshMessage& message);

  [[nodiscard]] const probe_core::ProbeCore& core() const { return *core_; }
  [[nodiscard]] std::size_t waiting() const { return spool_.size(); }
  [[nodiscard]] std::size_t made() const { return sequence_; }
  [[nodiscard]] const std::set<BatchName>& acknowledged() const { return acknowledged_; }

  void open_link(const probe_core::LinkTarget& target) override;
  void close_link() override;
  bool send_controller(const ProbeMessage& message) override;
  bool send_mesh(NodeId to, const MeshMessage& message) override;
  void apply_plan(std::shared_ptr<const Plan> plan) override;
  void stop_measuring() override { plan_.reset(); }
  bool trace(const trace::TraceOrder& order) override;
  void persist_plan(std::shared_ptr<const Plan>) override {}
  void persist_membership(const probe_core::Membership& membership) override;
  void make_next_key() override;
  void adopt_next_key() override;
  void append(Report report) override;
  void fetch(bool from_oldest, std::size_t batches_max) override;
  void release(BootId boot, const std::vector<SequenceInterval>& durable) override;
  void log(probe_core::Severity, std::string_view, std::string) override {}

 private:
  void start();
  [[nodiscard]] bool connected() const;
  // Happens only if this process still runs then.
  void later(Duration wait, std::function<void()> thing);
  void handle(probe_core::Event event);
  void tick();
  void close_window(WallTime start);
  [[nodiscard]] PublicKey identity() const;
  [[nodiscard]] FlowWindow measure(const PlanPeer& peer, std::uint16_t port);
  [[nodiscard]] probe_core::SpoolLevel level() const { return {spool_.size(), 0, 0}; }

  SimFleet& fleet_;
  const std::uint32_t host_;
  const BootId boot_;
  Disk disk_;
  PublicKey key_;
  std::optional<PublicKey> next_key_;
  std::uint64_t process_ = 0;  // which one it is
  std::optional<probe_core::ProbeCore> core_;
  std::optional<probe_core::LinkTarget> link_;
  std::uint64_t link_epoch_ = 0;
  NodeId node_;
  std::shared_ptr<const Plan> plan_;
  WallTime measuring_since_{};
  std::map<std::uint64_t, Batch> spool_;
  std::uint64_t sequence_ = 0;
  std::uint64_t fetched_ = 0;
  std::set<BatchName> acknowledged_;
};

}  // namespace faultline::sim
