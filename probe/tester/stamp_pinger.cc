// Pings by STAMP: any reflector of RFC 8762, or of TWAMP Light, answers. The reflector's own dwell
// is taken out of the round trip, and what our Class of Service TLV comes back with says what DSCP
// the far end received (a reflector from before RFC 8972 leaves the TLV as it is).
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/net/udp_socket.h"
#include "probe/ping/meaning.h"
#include "probe/stamp/packet.h"
#include "probe/stamp/tlv.h"
#include "probe/tester/pinger.h"

namespace faultline::tester {
namespace {

constexpr std::size_t kUdpHeaders4 = 28, kUdpHeaders6 = 48;

class StampPinger final : public Pinger, private net::ErrorQueueSink {
 public:
  StampPinger(std::unique_ptr<net::UdpSocket> socket, const ondemand::TestOrder& order)
      : socket_(std::move(socket)), order_(order) {
    sent_at_.reserve(order.count);
  }

  Status send(std::uint32_t sequence) override {
    packet_.fill({});
    sent_at_.resize(sequence + std::size_t{1});
    sent_at_[sequence] = async::now_wall();
    stamp::encode(sent_packet(sequence), packet_);
    stamp::TlvWriter tlvs(packet_, stamp::kPacketSize);
    tlvs.class_of_service(order_.dscp);
    const auto headers = order_.target.address.is_v4() ? kUdpHeaders4 : kUdpHeaders6;
    const auto wanted = order_.size > headers ? order_.size - headers : 0;
    if (wanted > tlvs.size() + stamp::kTlvHeader) {
      tlvs.extra_padding(wanted - tlvs.size() - stamp::kTlvHeader);
    }
    const net::OutgoingDatagram datagram{
        .to = order_.target, .payload = std::span(packet_).first(tlvs.size()), .dscp = order_.dscp};
    failure_ = 0;
    if (socket_->send({&datagram, 1}, *this) == 1) return {};
    return fail(ErrorCode::kUnavailable, std::strerror(failure_));
  }
  [[nodiscard]] int fd() const override { return socket_->fd(); }
  void receive(AnswerSink& sink) override {
    for (const auto& answer : early_) sink.on_answer(answer);
    early_.clear();
    for (;;) {
      const auto datagrams = socket_->receive(buffer_, *this);
      for (const auto& answer : early_) sink.on_answer(answer);
      early_.clear();
      if (datagrams.empty()) return;
      for (const auto& datagram : datagrams) take(datagram, sink);
    }
  }
  [[nodiscard]] Endpoint local() const override { return socket_->local(); }
  [[nodiscard]] std::string means() const override { return "STAMP (RFC 8762)"; }

 private:
  // The session identifier of traces: our own reflectors answer it openly.
  [[nodiscard]] stamp::SenderPacket sent_packet(std::uint32_t sequence) const {
    return {.sequence = sequence, .sent_at = sent_at_[sequence], .ssid = stamp::kSsidTraceForward};
  }
  void take(const net::IncomingDatagram& datagram, AnswerSink& sink) {
    if (datagram.from != order_.target) return;
    const auto reply = stamp::decode_reflector(datagram.payload);
    if (!reply || reply->sender_sequence >= sent_at_.size()) return;  // forged
    const auto sequence = reply->sender_sequence;
    if (!stamp::is_reply_to(*reply, sent_packet(sequence))) return;  // forged
    const auto arrived = datagram.received_at.value_or(async::now_wall());
    ping::Answer answer{.sequence = sequence,
                        .rtt = arrived - sent_at_[sequence] -
                               std::max(reply->sent_at - reply->received_at, Duration::zero()),
                        .from = datagram.from.address,
                        .ttl = datagram.ttl,
                        .dscp_back = static_cast<std::uint8_t>(datagram.traffic_class >> 2),
                        .reflector_sequence = reply->sequence};
    const auto tlvs = stamp::read_reply_tlvs(datagram.payload, stamp::kPacketSize, nullptr);
    if (tlvs.class_of_service && tlvs.unrecognized == 0) {
      answer.dscp_there = tlvs.class_of_service->dscp_received;
    }
    sink.on_answer(answer);
  }
  void on_transmit_stamp(const net::TransmitStamp&) override {}
  void on_icmp_error(const net::IcmpError& error) override {
    const auto quoted = stamp::decode_quote(error.quote);
    if (!quoted || early_.size() >= ondemand::kCountMax) return;
    const auto meaning = ping::meaning_of_icmp(error.is_v4(), error.type, error.code);
    early_.push_back({.sequence = quoted->sequence,
                      .outcome = meaning.outcome,
                      .from = error.offender,
                      .note = std::string(meaning.words)});
  }
  void on_send_failed(const net::OutgoingDatagram&, int error_number) override {
    failure_ = error_number;
  }

  std::unique_ptr<net::UdpSocket> socket_;
  ondemand::TestOrder order_;
  std::vector<WallTime> sent_at_;  // of the pings sent so far, at most order_.count
  std::array<std::byte, ondemand::kSizeMax> packet_{};
  net::ReceiveBuffer buffer_;
  std::vector<ping::Answer> early_;
  int failure_ = 0;
};

}  // namespace

Result<std::unique_ptr<Pinger>> open_stamp_pinger(const ondemand::TestOrder& order) {
  FAULTLINE_TRY(auto socket, net::UdpSocket::open({.local = {order.source, order.source_port},
                                                   .traffic_class = true}));
  return std::make_unique<StampPinger>(std::move(socket), order);
}

}  // namespace faultline::tester
