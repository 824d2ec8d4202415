#include "probe/tester/mtu_channel.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <vector>

#include "common/async/clock.h"
#include "common/net/udp_socket.h"
#include "probe/stamp/packet.h"
#include "probe/tester/icmp_socket.h"

namespace faultline::tester {
namespace {

constexpr std::uint16_t kUdpHeaders4 = 28, kUdpHeaders6 = 48;
constexpr std::uint16_t kSmallReply = 256;  // an acknowledgement above that came in full

void tell(mtu::Search& search, std::uint32_t id, const net::IcmpError& error) {
  if (error.too_big()) {
    const auto mtu = static_cast<std::uint16_t>(std::min(error.mtu, 65535U));
    search.on_too_big(id, error.offender, mtu);
  } else if (error.ttl_exceeded()) {
    search.on_ttl_exceeded(id, error.offender);
  } else {
    search.on_refused(id);
  }
}

class IcmpMtu final : public MtuChannel, private EchoSink {
 public:
  explicit IcmpMtu(std::unique_ptr<IcmpSocket> socket) : socket_(std::move(socket)) {}

  void send(const mtu::Packet& packet, mtu::Search& search) override {
    search_ = &search;
    const int error =
        socket_->send(static_cast<std::uint16_t>(packet.id), packet.size, packet.ttl, *this);
    if (error == EMSGSIZE) search.on_local_limit(packet.id);
  }
  [[nodiscard]] int fd() const override { return socket_->fd(); }
  void receive(mtu::Search& search) override {
    search_ = &search;
    socket_->receive(*this);
  }
  [[nodiscard]] bool answers_in_full() const override { return true; }
  [[nodiscard]] std::string_view means() const override { return "ICMP echo"; }

 private:
  void on_reply(const EchoReply& reply) override { search_->on_answer(reply.sequence); }
  void on_error(std::uint16_t sequence, const net::IcmpError& error) override {
    tell(*search_, sequence, error);
  }

  std::unique_ptr<IcmpSocket> socket_;
  mtu::Search* search_ = nullptr;
};

class StampMtu final : public MtuChannel, private net::ErrorQueueSink {
 public:
  StampMtu(std::unique_ptr<net::UdpSocket> socket, const Endpoint& target)
      : socket_(std::move(socket)), target_(target) {}

  void send(const mtu::Packet& packet, mtu::Search& search) override {
    search_ = &search;
    const std::size_t headers = target_.address.is_v4() ? kUdpHeaders4 : kUdpHeaders6;
    const auto octets = std::max<std::size_t>(packet.size - headers, stamp::kPacketSize);
    if (sent_at_.size() <= packet.id) sent_at_.resize(packet.id + 1);
    sent_at_[packet.id] = async::now_wall();
    stamp::encode(sent_packet(packet.id), packet_);
    const net::OutgoingDatagram datagram{
        .to = target_, .payload = std::span(packet_).first(octets), .ttl = packet.ttl};
    failure_ = 0;
    forbid_fragments(true);
    (void)socket_->send({&datagram, 1}, *this);
    forbid_fragments(false);
    if (failure_ == EMSGSIZE) search.on_local_limit(packet.id);
  }
  [[nodiscard]] int fd() const override { return socket_->fd(); }
  void receive(mtu::Search& search) override {
    search_ = &search;
    for (;;) {
      const auto datagrams = socket_->receive(buffer_, *this);
      if (datagrams.empty()) return;
      for (const auto& datagram : datagrams) {
        const auto reply = stamp::decode_reflector(datagram.payload);
        if (datagram.from != target_ || !reply) continue;
        const auto id = reply->sender_sequence;
        if (id < 1 || id >= sent_at_.size()) continue;  // forged
        if (!stamp::is_reply_to(*reply, sent_packet(id))) continue;
        in_full_ = in_full_ || datagram.payload.size() > kSmallReply;
        search.on_answer(id);
      }
    }
  }
  [[nodiscard]] bool answers_in_full() const override { return in_full_; }
  [[nodiscard]] std::string_view means() const override { return "STAMP, small answers"; }

 private:
  [[nodiscard]] stamp::SenderPacket sent_packet(std::uint32_t id) const {
    return {.sequence = id, .sent_at = sent_at_[id], .ssid = stamp::kSsidMtu};
  }
  // For one packet: in rest a "packet too big" leaves the host's cache alone (IPv4).
  void forbid_fragments(bool on) const {
    const bool v4 = target_.address.is_v4();
    const int value = v4 ? (on ? IP_PMTUDISC_PROBE : IP_PMTUDISC_INTERFACE)
                         : (on ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_INTERFACE);
    (void)::setsockopt(socket_->fd(), v4 ? SOL_IP : SOL_IPV6,
                       v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &value, sizeof value);
  }
  void on_transmit_stamp(const net::TransmitStamp&) override {}
  void on_icmp_error(const net::IcmpError& error) override {
    const auto quoted = stamp::decode_quote(error.quote);
    if (quoted && quoted->ssid == stamp::kSsidMtu) tell(*search_, quoted->sequence, error);
  }
  void on_send_failed(const net::OutgoingDatagram&, int error_number) override {
    failure_ = error_number;
  }

  std::unique_ptr<net::UdpSocket> socket_;
  Endpoint target_;
  std::vector<WallTime> sent_at_;  // by id, from 1; as many as the search sends
  std::array<std::byte, ondemand::kSizeMax> packet_{};
  net::ReceiveBuffer buffer_;
  mtu::Search* search_ = nullptr;
  int failure_ = 0;
  bool in_full_ = false;
};

}  // namespace

Result<std::unique_ptr<MtuChannel>> open_icmp_mtu(const ondemand::TestOrder& order) {
  FAULTLINE_TRY(auto socket,
                IcmpSocket::open(
                    {.target = order.target.address, .source = order.source, .dscp = order.dscp}));
  return std::make_unique<IcmpMtu>(std::move(socket));
}

Result<std::unique_ptr<MtuChannel>> open_stamp_mtu(const ondemand::TestOrder& order) {
  FAULTLINE_TRY(auto socket, net::UdpSocket::open({.local = {order.source, order.source_port}}));
  return std::make_unique<StampMtu>(std::move(socket), order.target);
}

}  // namespace faultline::tester
