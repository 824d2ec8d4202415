// The error queue of a UDP socket: what the kernel says later about a datagram that was sent.
//
// Transmit stamps are matched by the packet that the kernel hands back, not by
// SOF_TIMESTAMPING_OPT_ID: kernels differ in whether a refused send consumes an id (Linux 6.8
// changed it), so counted ids drift after an error, while the packet's own sequence number cannot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/time.h"
#include "common/model/address.h"

namespace faultline::net {

struct OutgoingDatagram {
  Endpoint to;
  std::span<const std::byte> payload;
  std::uint8_t ttl = 0;   // hop limit of this datagram; 0: 255, the socket's own
  std::uint8_t dscp = 0;  // of this datagram, 0 to 63
  // Not on the way either (IPv4's DF): lost where it does not fit, which then is what it measures.
  bool unfragmented = false;
  bool stamped = false;  // report the kernel's stamp of it
};

struct TransmitStamp {
  WallTime sent_at{};
  // The frame as it left. The datagram's payload is its tail; what precedes it depends on the
  // device.
  std::span<const std::byte> frame;
};

struct IcmpError {
  Endpoint destination;  // where the datagram was to go
  IpAddress offender;    // who sent the error
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t mtu = 0;  // of the next link, where too_big(); 0: the router does not say
  // The quoted datagram's payload, as far as the router quoted it: empty for 28-octet quotes.
  std::span<const std::byte> quote;

  [[nodiscard]] bool is_v4() const { return offender.is_v4(); }
  [[nodiscard]] bool ttl_exceeded() const { return type == (is_v4() ? 11 : 3) && code == 0; }
  [[nodiscard]] bool too_big() const { return is_v4() ? type == 3 && code == 4 : type == 2; }
  [[nodiscard]] bool port_unreachable() const {
    return is_v4() ? type == 3 && code == 3 : type == 1 && code == 4;
  }
};

// Receives what was found on the way. Spans are valid during the call only. Must not use the
// socket.
class ErrorQueueSink {
 public:
  virtual void on_transmit_stamp(const TransmitStamp& stamp) = 0;
  virtual void on_icmp_error(const IcmpError& error) = 0;
  // The kernel refused this datagram twice in a row: it was not sent.
  virtual void on_send_failed(const OutgoingDatagram& datagram, int error_number) = 0;

 protected:
  ~ErrorQueueSink() = default;
};

// Empties the error queue of `fd` into `sink`, at most kErrorsPerDrainMax entries in one call.
void drain_error_queue(int fd, ErrorQueueSink& sink);
inline constexpr std::size_t kErrorsPerDrainMax = 4096;

}  // namespace faultline::net
