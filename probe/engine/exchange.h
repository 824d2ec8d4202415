// Exchange: the measurement sockets of a probe, and what becomes of every datagram.
//
// Source ports send session packets and forward traces, receive the replies, and answer peers'
// return traces. The reflector port answers peers and sends return traces. Not thread safe.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/net/udp_socket.h"
#include "common/obs/metrics.h"
#include "probe/engine/engine.h"
#include "probe/session/clock.h"
#include "probe/session/heard.h"
#include "probe/session/plan_limits.h"
#include "probe/session/reflector.h"
#include "probe/session/sender.h"
#include "probe/stamp/tlv.h"
#include "probe/trace/tracer.h"

namespace faultline::engine {

// EngineCounters while they are being counted; readable from any thread.
struct Tally {
  obs::Counter sent, replies, replies_unmatched, replies_forged, reflected, reflector_refused,
      reflector_forged, reflector_open_refused, reflector_limited, reflector_evicted, malformed,
      icmp_errors, send_failures, receive_drops, transmit_stamps, plans_refused, traces_refused,
      hints, size_checks_refused, receipt_questions, receipt_sessions_shed;
};

[[nodiscard]] session::Now read_clocks();

class Exchange {
 public:
  // Binds every port. `tally` must outlive the exchange.
  [[nodiscard]] static Result<std::unique_ptr<Exchange>> open(const EngineConfig& config,
                                                              Tally& tally);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Ports are numbered from 0; their descriptors are to be polled for input and errors.
  [[nodiscard]] std::size_t port_count() const { return ports_.size(); }
  [[nodiscard]] int fd(std::size_t port) const;
  // `errors`: poll told of an error, which a transmit stamp is, too. Returns how many datagrams
  // were there.
  std::size_t on_readable(std::size_t port, bool errors = true);

  void set_plan(const Plan& plan, const std::shared_ptr<const session::KeyTable>& keys = nullptr);
  void set_keys(const session::KeyTable& keys);
  void boost(const Boost& boost);
  void check_size(const CheckSize& flow) {
    if (!sender_.check_size(flow.target, flow.source_port)) tally_.size_checks_refused.add();
  }
  void stop_measuring();
  void finish_measuring(Duration grace);
  void trace(const trace::TraceOrder& order);
  void tell_heard() { heard_asked_ = true; }
  void read_receipts(const ReceiptsOrder& order);
  void take_receipts(const ReceiptsTold& told) { sender_.take_receipts(told.from, told.receipts); }
  void note_machine(const NoteMachine& machine) {
    sender_.note_machine(machine.before, machine.after);
    clock_kept_ = machine.after.clock == ClockSync::kSynchronised;
  }

  void set_strangers(session::Strangers strangers) {
    reflector_.set_strangers(std::move(strangers));
  }
  void admit(const session::Guest& guest, Instant now) { reflector_.admit(guest, now); }
  void dismiss(std::uint64_t test) { reflector_.dismiss(test); }

  // Sends what is due; returns how many packets were.
  std::size_t send_due();
  // When there may be something to send or an event to take.
  [[nodiscard]] Instant next_due();
  // `seen`: what had arrived by then has been through on_readable(). Windows are closed by that
  // time, so that replies which waited for a stalled thread are not taken for lost.
  [[nodiscard]] std::optional<EngineEvent> take_event(session::Now seen);

 private:
  class Port;
  // Of all ports together: each port's share goes out in one batch.
  static constexpr std::size_t kSendBatch = 512;
  static constexpr std::size_t kLargeBatch = 16;  // packets of those that have a size, likewise
  using Packet = std::array<std::byte, stamp::kAuthenticatedSize + stamp::kClassTlvsMax>;
  using LargePacket = std::array<std::byte, kFlowSizeMax>;

  Exchange(const EngineConfig& config, Tally& tally);
  Status open_ports();
  [[nodiscard]] Port& source_port(std::uint16_t number);
  [[nodiscard]] Port& reflector_port() { return *ports_.back(); }
  [[nodiscard]] bool may_trace(const trace::TraceOrder& order) const;
  void order_by_port();
  [[nodiscard]] std::span<const std::byte> encode(std::size_t due);
  [[nodiscard]] std::size_t send_sessions(session::Now now);
  // Sends outgoing_ from this source port. Large packets are not stamped: what the kernel hands
  // back is cut.
  void flush(std::uint16_t number, bool large);
  std::size_t send_traces(session::Now now);
  void receive(Port& port, std::span<const net::IncomingDatagram> datagrams);
  // What `request` is answered with, if it is: octets now at the front of `out`.
  std::optional<session::Reflector::Answer> answer(const Port& port,
                                                   const session::Request& request,
                                                   std::span<std::byte> out);
  void count_refusal(session::Reflector::Outcome outcome);
  void on_reply(const Port& port, const net::IncomingDatagram& datagram, WallTime received);
  void note_drops(Port& port);

  const EngineConfig config_;
  Tally& tally_;
  session::LocalSide local_;
  session::Sender sender_;
  session::Reflector reflector_;
  session::Heard heard_;
  trace::Tracer tracer_;
  std::vector<std::unique_ptr<Port>> ports_;  // the source ports in order, then the reflector
  std::deque<trace::TraceResult> refused_traces_;
  std::deque<ReceiptsRead> receipts_read_;  // taken as soon as they are there
  std::uint64_t evicted_ = 0;
  std::uint16_t size_max_ = 0;  // of an IP packet, by the interface that holds our address
  bool clock_kept_ = false;     // by an external source, as the kernel said last
  bool heard_asked_ = false;    // HeardTold is due
  bool finishing_ = false;      // MeasuringEnded is due when the last window has closed

  // Scratch, kept so that sending and receiving allocate nothing.
  net::ReceiveBuffer receive_buffer_;
  std::vector<std::array<std::byte, net::kDatagramMax>> replies_;
  std::vector<session::Outgoing> due_;
  std::array<Packet, kSendBatch> packets_;
  std::vector<LargePacket> large_packets_;  // of outgoing_; empty while no plan has such
  std::vector<std::uint16_t> due_order_;    // of due_, by source port
  std::vector<std::uint16_t> due_by_port_;  // where each port's begin in it
  std::vector<net::OutgoingDatagram> outgoing_;
};

}  // namespace faultline::engine
