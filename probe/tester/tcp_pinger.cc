// Pings by TCP: opens a connection to a port and closes it at once, without sending anything.
//
// Each ping has its own socket, so it closes with RST (SO_LINGER 0): no TIME_WAIT is left behind on
// either end. The round trip is what the kernel measured of SYN and SYN-ACK.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include <fmt/format.h>

#include "common/net/error_queue.h"
#include "common/net/socket_address.h"
#include "common/net/unique_fd.h"
#include "probe/tcp/connect.h"
#include "probe/tester/pinger.h"

namespace faultline::tester {
namespace {

constexpr int kEventsMax = 16;
constexpr std::size_t kOpenMax = 256;  // connections under way; older ones are given up

struct Errors final : net::ErrorQueueSink {
  std::optional<net::IcmpError> found;
  void on_transmit_stamp(const net::TransmitStamp&) override {}
  void on_icmp_error(const net::IcmpError& error) override { found = error; }
  void on_send_failed(const net::OutgoingDatagram&, int) override {}
};

class TcpPinger final : public Pinger {
 public:
  TcpPinger(net::UniqueFd epoll, const ondemand::TestOrder& order)
      : epoll_(std::move(epoll)), order_(order) {}

  Status send(std::uint32_t sequence) override {
    if (connections_.size() >= kOpenMax) connections_.erase(connections_.begin());
    const bool v4 = order_.target.address.is_v4();
    net::UniqueFd fd(
        ::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return fail(ErrorCode::kUnavailable, std::strerror(errno));
    prepare(fd.get(), v4);
    FAULTLINE_TRY_STATUS(bind(fd.get()));
    net::SocketAddress address{};
    const auto length = net::to_socket_address(order_.target, address);
    if (::connect(fd.get(), &address.generic, length) != 0 && errno != EINPROGRESS) {
      return fail(ErrorCode::kUnavailable, std::strerror(errno));
    }
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLONESHOT, .data = {.u32 = sequence}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
      return fail(ErrorCode::kUnavailable, std::strerror(errno));
    }
    connections_.emplace(sequence, std::move(fd));
    return {};
  }
  [[nodiscard]] int fd() const override { return epoll_.get(); }
  void receive(AnswerSink& sink) override {
    epoll_event events[kEventsMax];
    const int count = ::epoll_wait(epoll_.get(), events, kEventsMax, 0);
    for (int i = 0; i < count; ++i) {
      const auto found = connections_.find(events[i].data.u32);
      if (found == connections_.end()) continue;
      sink.on_answer(outcome(found->first, found->second.get()));
      connections_.erase(found);
    }
  }
  [[nodiscard]] Endpoint local() const override { return {order_.source, order_.source_port}; }
  [[nodiscard]] std::string means() const override { return "TCP connect"; }

 private:
  void prepare(int fd, bool v4) const {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    const int on = 1;
    const int tos = order_.dscp << 2;
    (void)::setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on);
    (void)::setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &tos, sizeof tos);
    (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  Status bind(int fd) const {
    if (order_.source.is_unspecified() && order_.source_port == 0) return {};
    net::SocketAddress address{};
    auto source = order_.source;
    if (source.is_unspecified() && !order_.target.address.is_v4()) source = IpAddress::v6({});
    const auto length = net::to_socket_address({source, order_.source_port}, address);
    if (::bind(fd, &address.generic, length) == 0) return {};
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot send from {}: {}",
                            to_string(Endpoint{source, order_.source_port}), std::strerror(errno)));
  }
  [[nodiscard]] ping::Answer outcome(std::uint32_t sequence, int fd) const {
    int error_number = 0;
    socklen_t length = sizeof error_number;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &length);
    Errors errors;
    net::drain_error_queue(fd, errors);
    tcp::Attempt attempt{.error_number = error_number};
    ping::Answer answer{.sequence = sequence, .from = order_.target.address};
    if (errors.found) {
      attempt.icmp =
          ping::meaning_of_icmp(errors.found->is_v4(), errors.found->type, errors.found->code);
      answer.from = errors.found->offender;
    }
    const auto verdict = tcp::judge(attempt);
    answer.outcome = verdict.outcome;
    answer.note = std::string(verdict.words);
    tcp_info info{};
    length = sizeof info;
    if (::getsockopt(fd, SOL_TCP, TCP_INFO, &info, &length) == 0) {
      answer.retransmits = static_cast<std::uint8_t>(std::min(info.tcpi_total_retrans, 255U));
      if (error_number == 0 && info.tcpi_rtt != 0) {
        answer.rtt = std::chrono::microseconds{info.tcpi_rtt};
      }
    }
    return answer;
  }

  net::UniqueFd epoll_;
  ondemand::TestOrder order_;
  std::map<std::uint32_t, net::UniqueFd> connections_;
};

}  // namespace

Result<std::unique_ptr<Pinger>> open_tcp_pinger(const ondemand::TestOrder& order) {
  net::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return fail(ErrorCode::kUnavailable, std::strerror(errno));
  return std::make_unique<TcpPinger>(std::move(epoll), order);
}

}  // namespace faultline::tester
