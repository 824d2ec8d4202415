// UdpSocket: an unconnected, non-blocking UDP socket for measurement.
//
// What it exists to get right (each was measured):
// - With IP_RECVERR an ICMP error makes the next send, to anyone, fail once, and sendmmsg stops
//   there. send() drains the error queue and resumes; only an error that repeats belongs to the
//   packet.
// - Transmit stamps, ICMP errors and datagrams share one receive buffer: receive() drains the error
//   queue first, and what the kernel still had to drop is counted by receive_drops().
// - The path MTU that the host has cached for a destination is neither used nor changed
//   (IP_PMTUDISC_INTERFACE), and the IPv6 flow label is 0, so that ECMP sees the 5-tuple only.
//   Datagrams that must not be fragmented go out as IP_PMTUDISC_PROBE would have them; the socket
//   is in that mode for the call only, for in it ICMP would change the cache.
//
// Not thread safe: one owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/address.h"
#include "common/net/error_queue.h"
#include "common/net/unique_fd.h"

namespace faultline::net {

inline constexpr std::size_t kReceiveBatch = 32;   // datagrams per receive()
inline constexpr std::size_t kSendBatch = 32;      // datagrams that send() hands over in one go
inline constexpr std::size_t kDatagramMax = 2048;  // longer ones are counted, and dropped or cut
inline constexpr std::uint8_t kTtlDefault = 255;

struct UdpSocketOptions {
  Endpoint local;              // address and port to bind; port 0: any
  bool traffic_class = false;  // report with what DSCP and ECN datagrams arrive
  bool heads = false;  // hand over the head of what is longer than kDatagramMax, marked as `cut`
  int receive_buffer_bytes = 1 << 20;  // net.core.rmem_max caps it without an error
};

struct IncomingDatagram {
  Endpoint from;
  std::span<const std::byte> payload;   // valid until the next receive() with the same buffer
  std::optional<WallTime> received_at;  // the kernel's stamp
  std::uint8_t ttl = 0;                 // as it arrived; 0: unknown
  std::uint8_t traffic_class = 0;       // as it arrived, if asked for: DSCP 6 bits, ECN 2 bits
  bool cut = false;                     // `payload` is only the head
};

// Space for one receive(), meant to be shared by the sockets of a thread. About 75 KiB.
class ReceiveBuffer {
 public:
  ReceiveBuffer();

 private:
  friend class UdpSocket;
  struct Slots;
  struct SlotsDeleter {
    void operator()(Slots* slots) const;
  };
  std::unique_ptr<Slots, SlotsDeleter> slots_;
  std::array<IncomingDatagram, kReceiveBatch> datagrams_;
};

class UdpSocket {
 public:
  // Fails with one sentence that names the endpoint and why it cannot be had.
  [[nodiscard]] static Result<std::unique_ptr<UdpSocket>> open(const UdpSocketOptions& options);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const Endpoint& local() const { return local_; }

  // As UdpSocketOptions::traffic_class, from now on. It costs a control message per datagram.
  void report_traffic_class();

  // Sends all of `datagrams`, reporting those that failed to `sink` (with whatever else was queued
  // there). Returns how many were sent.
  std::size_t send(std::span<const OutgoingDatagram> datagrams, ErrorQueueSink& sink);
  // Drains the error queue, unless `drain` says that poll told of no error, then receives up to
  // kReceiveBatch datagrams; fewer, or none, when there are no more.
  [[nodiscard]] std::span<const IncomingDatagram> receive(ReceiveBuffer& buffer,
                                                          ErrorQueueSink& sink, bool drain = true);

  // Datagrams that the kernel dropped for want of buffer (SO_RXQ_OVFL), since the socket was
  // opened; it learns of them with the next datagram received.
  [[nodiscard]] std::uint32_t receive_drops() const { return receive_drops_; }
  // Datagrams longer than kDatagramMax, handed over or not.
  [[nodiscard]] std::uint32_t oversized() const { return oversized_; }

 private:
  // The same, all alike in `unfragmented`.
  std::size_t send_alike(std::span<const OutgoingDatagram> datagrams, ErrorQueueSink& sink);

  UdpSocket(UniqueFd fd, Endpoint local, bool heads)
      : fd_(std::move(fd)), local_(local), heads_(heads) {}

  UniqueFd fd_;
  Endpoint local_;
  bool heads_;
  std::uint32_t receive_drops_ = 0;
  std::uint32_t oversized_ = 0;
};

}  // namespace faultline::net
