// IcmpSocket: sends echo requests to one target and hears of them, without privilege where the
// system allows it.
//
// The datagram ("ping") socket needs no capability where net.ipv4.ping_group_range holds a group of
// this process; it governs IPv6 too. Else a raw socket needs CAP_NET_RAW; with neither, open() says
// so. Packets may not be fragmented, here or on the way, and a path MTU that the host has cached is
// neither used nor changed. Not thread safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/net/error_queue.h"
#include "common/net/unique_fd.h"

namespace faultline::tester {

struct IcmpSocketOptions {
  IpAddress target{};
  IpAddress source{};  // unspecified: as the kernel chooses
  std::uint8_t dscp = 0;
};

struct EchoReply {
  std::uint16_t sequence = 0;
  std::size_t size = 0;  // octets of the IP packet
  std::uint8_t ttl = 0;
  std::uint8_t traffic_class = 0;
  std::optional<WallTime> received_at{};
};

class EchoSink : public net::ErrorQueueSink {
 public:
  virtual void on_reply(const EchoReply& reply) = 0;
  // `sequence` is of the request that is quoted.
  virtual void on_error(std::uint16_t sequence, const net::IcmpError& error) = 0;

  void on_transmit_stamp(const net::TransmitStamp&) final {}
  void on_send_failed(const net::OutgoingDatagram&, int) final {}
  void on_icmp_error(const net::IcmpError& error) final;

 protected:
  ~EchoSink() = default;
};

class IcmpSocket {
 public:
  [[nodiscard]] static Result<std::unique_ptr<IcmpSocket>> open(const IcmpSocketOptions& options);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool raw() const { return raw_; }
  [[nodiscard]] const IpAddress& local() const { return local_; }
  // `size`: octets of the IP packet. `ttl` 0: 64, the usual. Returns 0 or an errno; EMSGSIZE: the
  // interface does not take it.
  [[nodiscard]] int send(std::uint16_t sequence, std::uint16_t size, std::uint8_t ttl,
                         EchoSink& sink);
  void receive(EchoSink& sink);

 private:
  IcmpSocket(net::UniqueFd fd, bool raw, bool v4) : fd_(std::move(fd)), raw_(raw), v4_(v4) {}
  void take(std::span<const std::byte> message, EchoReply reply, EchoSink& sink) const;

  net::UniqueFd fd_;
  bool raw_;
  bool v4_;
  std::uint16_t identifier_ = 0;
  IpAddress local_{};
  std::vector<std::byte> buffer_;
};

}  // namespace faultline::tester
