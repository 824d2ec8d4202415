#include "probe/tester/icmp_socket.h"

#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "common/crypto/random.h"
#include "common/net/socket_address.h"
#include "common/ondemand/order.h"
#include "probe/icmp/echo.h"

namespace faultline::tester {
namespace {

constexpr std::size_t kIpv4Header = 20, kIpv6Header = 40;
constexpr std::uint8_t kTtlUsual = 64;
constexpr std::size_t kControlMax = 256;
constexpr int kFailuresMax = 8;

void set(int fd, int level, int name, int value) {
  (void)::setsockopt(fd, level, name, &value, sizeof value);  // what lacks is missed in the report
}

void configure(int fd, bool v4, std::uint8_t dscp) {
  if (v4) {
    set(fd, SOL_IP, IP_RECVERR, 1);
    set(fd, SOL_IP, IP_RECVTTL, 1);
    set(fd, SOL_IP, IP_RECVTOS, 1);
    set(fd, SOL_IP, IP_TOS, dscp << 2);
  } else {
    set(fd, SOL_IPV6, IPV6_RECVERR, 1);
    set(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
    set(fd, SOL_IPV6, IPV6_RECVTCLASS, 1);
    set(fd, SOL_IPV6, IPV6_TCLASS, dscp << 2);
  }
  set(fd, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE);
}

// "May not be fragmented, and the cached path MTU does not matter" is for one packet only: in rest
// a "packet too big" leaves the host's cache alone (IPv4).
void forbid_fragments(int fd, bool v4, bool on) {
  if (v4) {
    set(fd, SOL_IP, IP_MTU_DISCOVER, on ? IP_PMTUDISC_PROBE : IP_PMTUDISC_INTERFACE);
  } else {
    set(fd, SOL_IPV6, IPV6_MTU_DISCOVER, on ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_INTERFACE);
  }
}

void read_control(msghdr& header, EchoReply& reply) {
  for (auto* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    const int level = control->cmsg_level;
    const int type = control->cmsg_type;
    if (level == SOL_SOCKET && type == SCM_TIMESTAMPING) {
      timespec stamp;
      std::memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
      reply.received_at =
          wall_time_from_unix_nanoseconds(stamp.tv_sec * 1'000'000'000LL + stamp.tv_nsec);
    } else if ((level == SOL_IP && type == IP_TTL) ||
               (level == SOL_IPV6 && type == IPV6_HOPLIMIT)) {
      std::memcpy(&reply.ttl, CMSG_DATA(control), 1);
    } else if ((level == SOL_IP && type == IP_TOS) || (level == SOL_IPV6 && type == IPV6_TCLASS)) {
      std::memcpy(&reply.traffic_class, CMSG_DATA(control), 1);
    }
  }
}

Error cannot(int datagram_error, int raw_error) {
  return {ErrorCode::kDenied,
          fmt::format(
              "cannot send ICMP echo: no datagram socket ({}: net.ipv4.ping_group_range does not "
              "hold a group of this process) and no raw socket ({}: needs CAP_NET_RAW); set "
              "`sysctl net.ipv4.ping_group_range=\"0 2147483647\"`, give the capability, or test "
              "with --method tcp or stamp",
              std::strerror(datagram_error), std::strerror(raw_error))};
}

}  // namespace

void EchoSink::on_icmp_error(const net::IcmpError& error) {
  if (const auto quoted = icmp::decode_quoted_request(error.quote, error.is_v4())) {
    on_error(quoted->sequence, error);
  }
}

Result<std::unique_ptr<IcmpSocket>> IcmpSocket::open(const IcmpSocketOptions& options) {
  const bool v4 = options.target.is_v4();
  const int family = v4 ? AF_INET : AF_INET6;
  const int protocol = v4 ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6);
  bool raw = false;
  net::UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!fd.valid()) {
    const int datagram_error = errno;
    raw = true;
    fd = net::UniqueFd(::socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
    if (!fd.valid()) return tl::unexpected<Error>(cannot(datagram_error, errno));
  }
  configure(fd.get(), v4, options.dscp);
  forbid_fragments(fd.get(), v4, false);
  net::SocketAddress address{};
  auto length = net::to_socket_address({options.source, 0}, address);
  if (!options.source.is_unspecified() && ::bind(fd.get(), &address.generic, length) != 0) {
    return fail(
        ErrorCode::kUnavailable,
        fmt::format("cannot send from {}: {}", options.source.to_string(), std::strerror(errno)));
  }
  length = net::to_socket_address({options.target, 0}, address);
  if (::connect(fd.get(), &address.generic, length) != 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("this machine has no route to {}: {}", options.target.to_string(),
                            std::strerror(errno)));
  }
  auto result = std::unique_ptr<IcmpSocket>(new IcmpSocket(std::move(fd), raw, v4));
  length = sizeof address;
  ::getsockname(result->fd(), &address.generic, &length);
  result->local_ = net::from_socket_address(address.generic)->address;
  result->identifier_ = static_cast<std::uint16_t>(crypto::random_u64());
  result->buffer_.resize(ondemand::kSizeMax + kIpv6Header);
  return result;
}

int IcmpSocket::send(std::uint16_t sequence, std::uint16_t size, std::uint8_t ttl, EchoSink& sink) {
  const std::size_t headers = v4_ ? kIpv4Header : kIpv6Header;
  const auto message = std::span(buffer_).first(
      std::max(size, static_cast<std::uint16_t>(headers + icmp::kEchoHeader)) - headers);
  icmp::encode_request({.identifier = identifier_, .sequence = sequence}, v4_, message);
  set(fd(), v4_ ? SOL_IP : SOL_IPV6, v4_ ? static_cast<int>(IP_TTL) : IPV6_UNICAST_HOPS,
      ttl == 0 ? kTtlUsual : ttl);
  int error = 0;
  for (int tries = 0; tries < 2; ++tries) {
    forbid_fragments(fd(), v4_, true);
    const bool sent = ::send(fd(), message.data(), message.size(), MSG_DONTWAIT) >= 0;
    error = sent ? 0 : errno;
    forbid_fragments(fd(), v4_, false);
    if (sent || error == EMSGSIZE) break;
    net::drain_error_queue(fd(), sink);  // an earlier ping's error makes this one fail once
  }
  return error;
}

void IcmpSocket::receive(EchoSink& sink) {
  net::drain_error_queue(fd(), sink);
  for (int failures = 0; failures < kFailuresMax;) {
    alignas(cmsghdr) std::array<std::byte, kControlMax> control;
    iovec vector{buffer_.data(), buffer_.size()};
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const auto got = ::recvmsg(fd(), &header, MSG_DONTWAIT);
    if (got < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      net::drain_error_queue(fd(), sink);  // an ICMP error that came meanwhile
      ++failures;
      continue;
    }
    EchoReply reply;
    read_control(header, reply);
    take(std::span(buffer_).first(static_cast<std::size_t>(got)), reply, sink);
  }
}

void IcmpSocket::take(std::span<const std::byte> message, EchoReply reply, EchoSink& sink) const {
  if (raw_ && v4_) {
    const auto stripped = icmp::strip_ipv4(message);
    if (!stripped) return;
    message = stripped->payload;
    reply.ttl = stripped->ttl;
  }
  const auto echo = icmp::decode_reply(message, v4_);
  if (!echo || (raw_ && echo->identifier != identifier_)) return;
  reply.sequence = echo->sequence;
  reply.size = message.size() + (v4_ ? kIpv4Header : kIpv6Header);
  sink.on_reply(reply);
}

}  // namespace faultline::tester
