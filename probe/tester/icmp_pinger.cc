// Pings by ICMP echo.
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "probe/ping/meaning.h"
#include "probe/tester/icmp_socket.h"
#include "probe/tester/pinger.h"

namespace faultline::tester {
namespace {

class IcmpPinger final : public Pinger, private EchoSink {
 public:
  IcmpPinger(std::unique_ptr<IcmpSocket> socket, const ondemand::TestOrder& order)
      : socket_(std::move(socket)), order_(order), sent_at_(order.count) {}

  Status send(std::uint32_t sequence) override {
    sent_at_[sequence] = async::now_wall();
    const int error = socket_->send(static_cast<std::uint16_t>(sequence), order_.size, 0, *this);
    if (error == 0) return {};
    return fail(ErrorCode::kUnavailable,
                error == EMSGSIZE ? "larger than the interface takes" : std::strerror(error));
  }
  [[nodiscard]] int fd() const override { return socket_->fd(); }
  void receive(AnswerSink& sink) override {
    sink_ = &sink;
    for (const auto& answer : early_) sink.on_answer(answer);
    early_.clear();
    socket_->receive(*this);
    sink_ = nullptr;
  }
  [[nodiscard]] Endpoint local() const override { return {socket_->local(), 0}; }
  [[nodiscard]] std::string means() const override {
    return socket_->raw() ? "ICMP raw socket" : "ICMP datagram socket";
  }

 private:
  void on_reply(const EchoReply& reply) override {
    if (reply.sequence >= sent_at_.size()) return;
    ping::Answer answer{.sequence = reply.sequence,
                        .from = order_.target.address,
                        .ttl = reply.ttl,
                        .dscp_back = static_cast<std::uint8_t>(reply.traffic_class >> 2)};
    if (reply.received_at) answer.rtt = *reply.received_at - sent_at_[reply.sequence];
    tell(answer);
  }
  void on_error(std::uint16_t sequence, const net::IcmpError& error) override {
    const auto meaning = ping::meaning_of_icmp(error.is_v4(), error.type, error.code);
    tell({.sequence = sequence,
          .outcome = meaning.outcome,
          .from = error.offender,
          .note = std::string(meaning.words)});
  }
  // An error may come to light while something is sent.
  void tell(const ping::Answer& answer) {
    if (sink_ != nullptr) {
      sink_->on_answer(answer);
    } else if (early_.size() < ondemand::kCountMax) {
      early_.push_back(answer);
    }
  }

  std::unique_ptr<IcmpSocket> socket_;
  ondemand::TestOrder order_;
  std::vector<WallTime> sent_at_;
  AnswerSink* sink_ = nullptr;
  std::vector<ping::Answer> early_;
};

}  // namespace

Result<std::unique_ptr<Pinger>> open_icmp_pinger(const ondemand::TestOrder& order) {
  FAULTLINE_TRY(auto socket,
                IcmpSocket::open(
                    {.target = order.target.address, .source = order.source, .dscp = order.dscp}));
  return std::make_unique<IcmpPinger>(std::move(socket), order);
}

}  // namespace faultline::tester
