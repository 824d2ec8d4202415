// LoadProbe: one simulated probe: the product's own probe core and link, with a spool in memory and
// reports that nobody measured.
//
// Why it exists: what probes do when a controller is slow, gone or back is decided by
// probe/core; a load that decided it anew would measure something else. Plans are taken and
// acknowledged as a probe does, but traces and tests are refused: nothing is really sent.
//
// A window that is due has its number, but is made only when the core fetches it: one that waits
// costs an entry of less than 200 bytes, and at most in_flight batches are held. Thread safety:
// none; the loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/stats/histogram.h"
#include "probe/core/core.h"
#include "probe/uplink/link.h"
#include "tests/load/source.h"

namespace faultline::load {

// Of all probes of a run, since its begin.
struct Figures {
  std::uint64_t windows_sent = 0;    // once each
  std::uint64_t windows_stored = 0;  // acknowledged, that is: durable
  std::uint64_t sent_again = 0;      // for want of an acknowledgement, or because of a fault
  std::uint64_t reordered = 0;
  std::uint64_t lost = 0;  // by the fault of that name
  std::uint64_t late = 0;
  std::uint64_t reconnects = 0;      // by the fault of that name
  std::uint64_t plans = 0;           // taken and acknowledged
  std::uint64_t bytes_sent = 0;      // payloads, repeats included
  stats::Histogram acknowledged_in;  // ns, from the first sending to the acknowledgement
  // ns, from when it was due: of windows that were due after their probe's last welcome, and of
  // those that were due before and so were its backlog.
  stats::Histogram live_durable_in;
  stats::Histogram backlog_durable_in;
};

// What all probes of a run share; outlives them.
struct Surroundings {
  uplink::Environment environment;
  const LoadOptions& options;
  Source& source;
  Figures& figures;
  Rng& rng;
};

class LoadProbe final : public probe_core::EffectSink {
 public:
  LoadProbe(const Surroundings& surroundings, std::uint32_t index, const crypto::KeyPair& keys,
            const uplink::Server& controller);

  void tick(probe_core::Now now);
  // Windows up to this number, exclusively, have ended.
  void set_due(probe_core::Now now, std::uint32_t windows);
  // Cuts the connection; libzmq is not asked, as if a middlebox had forgotten it.
  void reconnect();

  [[nodiscard]] bool welcomed() const { return core_.welcomed(); }
  [[nodiscard]] bool is_done() const { return stored_ == surroundings_.options.windows; }
  [[nodiscard]] const probe_core::ProbeCore& core() const { return core_; }
  [[nodiscard]] NodeId node() const;

 private:
  struct Waiting {
    std::uint32_t window = 0;
    Instant due_at{};
    Batch batch{};  // without a payload: not made yet
    probe_core::Lane lane = probe_core::Lane::kLive;
    std::optional<Instant> sent_at{};

    [[nodiscard]] bool is_made() const { return !batch.payload.empty(); }
  };

  void open_link(const probe_core::LinkTarget& target, Duration handshake) override;
  void close_link() override { link_.close(); }
  bool send_controller(const ProbeMessage& message) override;
  bool send_mesh(NodeId, const MeshMessage&) override { return false; }
  std::vector<std::byte> seal(const PublicKey&, const Batch&) override { return {}; }
  std::optional<BatchAck> open_ack(const PublicKey&, std::span<const std::byte>) override {
    return std::nullopt;
  }
  void apply_plan(std::shared_ptr<const Plan> plan) override;
  void boost(Boost) override {}
  void check_size(NodeId, std::uint16_t) override {}
  void stop_measuring() override {}
  void finish_measuring(Duration) override {}
  bool trace(const trace::TraceOrder&) override { return false; }
  bool read_receipts(const ReceiptsOrder&) override { return false; }
  void take_receipts(const ReceiptsTold&) override {}
  void persist_plan(std::shared_ptr<const Plan>) override {}
  void persist_membership(const probe_core::Membership& membership) override;
  void make_next_key() override {}
  void adopt_next_key() override {}
  void append(Report) override {}
  void fetch(const probe_core::FetchOrder& order) override;
  void release(BootId boot, const std::vector<SequenceInterval>& durable) override;
  void collect_facts() override {}
  void facts_acknowledged(const FactsAck&) override {}
  bool order_test(const TestRequest&) override { return false; }
  void end() override {}
  void log(probe_core::Severity, std::string_view, std::string) override {}

  // Not from inside of a step.
  void later(probe_core::Event event);
  void step(probe_core::Event event);
  bool send_batch(const Batch& batch);
  bool put_on_wire(const Batch& batch);
  void come_due(Instant moment);
  void number(std::uint32_t window, Instant moment);
  [[nodiscard]] bool make(std::uint64_t sequence, Waiting& waiting);
  [[nodiscard]] bool happens(double share);

  Surroundings surroundings_;
  const std::uint32_t index_;
  const crypto::KeyPair keys_;
  const uplink::Server controller_;
  const BootId boot_;
  uplink::Link link_;
  probe_core::ProbeCore core_;
  std::map<std::uint64_t, Waiting> spool_;  // by sequence
  std::uint64_t sequence_ = 0;
  std::map<probe_core::Lane, std::uint64_t> fetched_;  // up to this sequence
  std::uint32_t made_ = 0;                             // of what is in the spool
  std::uint32_t due_ = 0;
  std::deque<std::uint32_t> late_;  // due, but not told of yet
  std::uint32_t stored_ = 0;
  std::optional<Batch> held_back_;
};

}  // namespace faultline::load
