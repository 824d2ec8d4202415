// Pings a QUIC server: see probe/quic/version_negotiation.h.
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/crypto/random.h"
#include "common/net/udp_socket.h"
#include "probe/ping/meaning.h"
#include "probe/quic/version_negotiation.h"
#include "probe/tester/pinger.h"

namespace faultline::tester {
namespace {

// The number of the ping is the low half of our connection id, the rest is a secret of this test.
class QuicPinger final : public Pinger, private net::ErrorQueueSink {
 public:
  QuicPinger(std::unique_ptr<net::UdpSocket> socket, const ondemand::TestOrder& order)
      : socket_(std::move(socket)),
        order_(order),
        secret_(crypto::random_u64() & 0xffff'ffff'0000'0000ULL),
        sent_at_(order.count) {}

  Status send(std::uint32_t sequence) override {
    quic::encode_probe({.destination = secret_ | sequence, .source = secret_ | sequence}, packet_);
    const net::OutgoingDatagram datagram{
        .to = order_.target, .payload = packet_, .dscp = order_.dscp};
    failure_ = 0;
    last_ = sequence;
    sent_at_[sequence] = async::now_wall();
    if (socket_->send({&datagram, 1}, *this) == 1) return {};
    return fail(ErrorCode::kUnavailable, std::strerror(failure_));
  }
  [[nodiscard]] int fd() const override { return socket_->fd(); }
  void receive(AnswerSink& sink) override {
    for (;;) {
      const auto datagrams = socket_->receive(buffer_, *this);
      for (const auto& answer : early_) sink.on_answer(answer);
      early_.clear();
      if (datagrams.empty()) return;
      for (const auto& datagram : datagrams) take(datagram, sink);
    }
  }
  [[nodiscard]] Endpoint local() const override { return socket_->local(); }
  [[nodiscard]] std::string means() const override { return "QUIC version negotiation (RFC 9000)"; }

 private:
  void take(const net::IncomingDatagram& datagram, AnswerSink& sink) {
    const auto reply = quic::decode(datagram.payload);
    if (!reply || datagram.from != order_.target) return;
    const auto sequence = static_cast<std::uint32_t>(reply->ids.source);
    if (reply->ids.source != (secret_ | sequence) || reply->ids.destination != reply->ids.source ||
        sequence >= sent_at_.size()) {
      return;
    }
    ping::Answer answer{.sequence = sequence,
                        .from = datagram.from.address,
                        .ttl = datagram.ttl,
                        .dscp_back = static_cast<std::uint8_t>(datagram.traffic_class >> 2),
                        .note = "speaks QUIC versions"};
    if (datagram.received_at) answer.rtt = *datagram.received_at - sent_at_[sequence];
    for (const auto version : reply->versions) {
      answer.note += version == 1 ? " 1" : fmt::format(" {:#010x}", version);
    }
    sink.on_answer(answer);
  }
  void on_transmit_stamp(const net::TransmitStamp&) override {}
  void on_icmp_error(const net::IcmpError& error) override {
    // The quote is our probe without its ids at times: the newest ping is meant.
    if (early_.size() >= ondemand::kCountMax) return;
    const auto meaning = ping::meaning_of_icmp(error.is_v4(), error.type, error.code);
    early_.push_back({.sequence = last_,
                      .outcome = meaning.outcome,
                      .from = error.offender,
                      .note = std::string(meaning.words)});
  }
  void on_send_failed(const net::OutgoingDatagram&, int error_number) override {
    failure_ = error_number;
  }

  std::unique_ptr<net::UdpSocket> socket_;
  ondemand::TestOrder order_;
  std::uint64_t secret_;
  std::vector<WallTime> sent_at_;
  std::array<std::byte, quic::kProbeSize> packet_{};
  net::ReceiveBuffer buffer_;
  std::vector<ping::Answer> early_;
  std::uint32_t last_ = 0;
  int failure_ = 0;
};

}  // namespace

Result<std::unique_ptr<Pinger>> open_quic_pinger(const ondemand::TestOrder& order) {
  FAULTLINE_TRY(auto socket, net::UdpSocket::open({.local = {order.source, order.source_port},
                                                   .traffic_class = true}));
  return std::make_unique<QuicPinger>(std::move(socket), order);
}

Result<std::unique_ptr<Pinger>> open_pinger(const ondemand::TestOrder& order) {
  switch (order.method) {
    case ondemand::Method::kStamp:
      return open_stamp_pinger(order);
    case ondemand::Method::kTcp:
      return open_tcp_pinger(order);
    case ondemand::Method::kQuic:
      return open_quic_pinger(order);
    case ondemand::Method::kIcmp:
      break;
  }
  return open_icmp_pinger(order);
}

}  // namespace faultline::tester
