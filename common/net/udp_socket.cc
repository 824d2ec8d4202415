#include "common/net/udp_socket.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "common/net/socket_address.h"

namespace faultline::net {
namespace {

constexpr std::size_t kReceiveControlMax = 160;  // stamp 64, TTL 24, traffic class 24, drops 24

Status set_option(int fd, int level, int name, int value, const char* what) {
  if (setsockopt(fd, level, name, &value, sizeof value) == 0) return {};
  return fail(ErrorCode::kUnavailable,
              fmt::format("the kernel refuses {} on a UDP socket: {}", what, std::strerror(errno)));
}

Status configure_v4(int fd) {
  FAULTLINE_TRY_STATUS(set_option(fd, SOL_IP, IP_RECVERR, 1, "IP_RECVERR"));
  FAULTLINE_TRY_STATUS(set_option(fd, SOL_IP, IP_RECVTTL, 1, "IP_RECVTTL"));
  FAULTLINE_TRY_STATUS(set_option(fd, SOL_IP, IP_TTL, kTtlDefault, "IP_TTL"));
  return set_option(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_INTERFACE, "IP_PMTUDISC_INTERFACE");
}

Status configure_v6(int fd) {
  constexpr int kIpv6AutoFlowLabel = 70;  // IPV6_AUTOFLOWLABEL, which glibc does not define
  FAULTLINE_TRY_STATUS(set_option(fd, SOL_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"));
  FAULTLINE_TRY_STATUS(set_option(fd, SOL_IPV6, IPV6_RECVERR, 1, "IPV6_RECVERR"));
  FAULTLINE_TRY_STATUS(set_option(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT"));
  FAULTLINE_TRY_STATUS(
      set_option(fd, SOL_IPV6, IPV6_UNICAST_HOPS, kTtlDefault, "IPV6_UNICAST_HOPS"));
  FAULTLINE_TRY_STATUS(set_option(fd, SOL_IPV6, kIpv6AutoFlowLabel, 0, "IPV6_AUTOFLOWLABEL"));
  return set_option(fd, SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_INTERFACE,
                    "IPV6_PMTUDISC_INTERFACE");
}

Status configure(int fd, const UdpSocketOptions& options) {
  FAULTLINE_TRY_STATUS(options.local.address.is_v4() ? configure_v4(fd) : configure_v6(fd));
  if (options.traffic_class) {
    FAULTLINE_TRY_STATUS(options.local.address.is_v4()
                             ? set_option(fd, SOL_IP, IP_RECVTOS, 1, "IP_RECVTOS")
                             : set_option(fd, SOL_IPV6, IPV6_RECVTCLASS, 1, "IPV6_RECVTCLASS"));
  }
  FAULTLINE_TRY_STATUS(
      set_option(fd, SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes, "SO_RCVBUF"));
  FAULTLINE_TRY_STATUS(set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1, "SO_RXQ_OVFL"));
  // Transmit stamps are reported, too; which datagrams have one, each says itself.
  constexpr int kStamps = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
  return set_option(fd, SOL_SOCKET, SO_TIMESTAMPING, kStamps, "SO_TIMESTAMPING");
}

Error bind_error(const Endpoint& local, int error_number) {
  const auto what = fmt::format("cannot bind UDP {}: ", to_string(local));
  switch (error_number) {
    case EADDRINUSE:
      return {
          ErrorCode::kUnavailable,
          what + fmt::format("another process holds the port (`ss -Hulpn sport = :{}` names it)",
                             local.port)};
    case EACCES:
    case EPERM:
      return {ErrorCode::kDenied,
              what +
                  "ports below 1024 need the capability CAP_NET_BIND_SERVICE (or choose a "
                  "higher port)"};
    case EADDRNOTAVAIL:
      return {ErrorCode::kUnavailable, what + "no interface of this host has that address"};
    default:
      return {ErrorCode::kUnavailable, what + std::strerror(error_number)};
  }
}

// Cannot fail where configure() did not.
void set_unfragmented(int fd, bool v4, bool unfragmented) {
  const int value = v4 ? (unfragmented ? IP_PMTUDISC_PROBE : IP_PMTUDISC_INTERFACE)
                       : (unfragmented ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_INTERFACE);
  (void)setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &value,
                   sizeof value);
}

constexpr std::size_t kOptionSize = CMSG_SPACE(sizeof(int));
constexpr std::size_t kSendControlMax = 3 * kOptionSize;  // TTL, traffic class, stamp

// Appends an option of this datagram to `header`, whose control buffer has room.
void add_control(msghdr& header, int level, int type, int value) {
  cmsghdr control{.cmsg_len = CMSG_LEN(sizeof value), .cmsg_level = level, .cmsg_type = type};
  auto* at = static_cast<std::byte*>(header.msg_control) + header.msg_controllen;
  std::memcpy(at, &control, sizeof control);
  std::memcpy(at + CMSG_LEN(0), &value, sizeof value);
  header.msg_controllen += kOptionSize;
}

// One sendmmsg call over at most kSendBatch datagrams: how many were sent, or -1 with errno.
int send_batch(int fd, std::span<const OutgoingDatagram> datagrams) {
  std::array<mmsghdr, kSendBatch> messages;
  std::array<iovec, kSendBatch> vectors;
  std::array<SocketAddress, kSendBatch> addresses;
  struct alignas(cmsghdr) Control {
    std::array<std::byte, kSendControlMax> bytes;
  };
  std::array<Control, kSendBatch> controls;
  const std::size_t count = std::min(datagrams.size(), kSendBatch);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& datagram = datagrams[i];
    vectors[i] = {const_cast<std::byte*>(datagram.payload.data()), datagram.payload.size()};
    messages[i] = {};
    auto& header = messages[i].msg_hdr;
    header.msg_name = &addresses[i];
    header.msg_namelen = to_socket_address(datagram.to, addresses[i]);
    header.msg_iov = &vectors[i];
    header.msg_iovlen = 1;
    if (datagram.ttl == 0 && datagram.dscp == 0 && !datagram.stamped) continue;
    controls[i] = {};
    header.msg_control = controls[i].bytes.data();
    const bool v4 = datagram.to.address.is_v4();
    const int level = v4 ? SOL_IP : SOL_IPV6;
    if (datagram.ttl != 0) add_control(header, level, v4 ? IP_TTL : IPV6_HOPLIMIT, datagram.ttl);
    if (datagram.dscp != 0) {
      add_control(header, level, v4 ? IP_TOS : IPV6_TCLASS, datagram.dscp << 2);
    }
    if (datagram.stamped) {
      add_control(header, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SOFTWARE);
    }
  }
  return sendmmsg(fd, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
}

// What the kernel says beside a received datagram. `drops` is its running total for the socket.
void read_control(msghdr& header, IncomingDatagram& datagram, std::uint32_t& drops) {
  for (auto* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    const int level = control->cmsg_level;
    const int type = control->cmsg_type;
    if (level == SOL_SOCKET && type == SCM_TIMESTAMPING) {
      scm_timestamping stamps;
      std::memcpy(&stamps, CMSG_DATA(control), sizeof stamps);
      const auto& software = stamps.ts[0];
      datagram.received_at =
          wall_time_from_unix_nanoseconds(software.tv_sec * 1'000'000'000LL + software.tv_nsec);
      continue;
    }
    if (level == SOL_IP && type == IP_TOS) {  // one octet, unlike all others
      std::memcpy(&datagram.traffic_class, CMSG_DATA(control), sizeof datagram.traffic_class);
      continue;
    }
    int value = 0;
    std::memcpy(&value, CMSG_DATA(control), sizeof value);
    if (level == SOL_SOCKET && type == SO_RXQ_OVFL) {
      drops = static_cast<std::uint32_t>(value);
    } else if ((level == SOL_IP && type == IP_TTL) ||
               (level == SOL_IPV6 && type == IPV6_HOPLIMIT)) {
      datagram.ttl = static_cast<std::uint8_t>(value);
    } else if (level == SOL_IPV6 && type == IPV6_TCLASS) {
      datagram.traffic_class = static_cast<std::uint8_t>(value);
    }
  }
}

}  // namespace

struct ReceiveBuffer::Slots {
  struct alignas(cmsghdr) Control {
    std::array<std::byte, kReceiveControlMax> bytes;
  };
  std::array<std::array<std::byte, kDatagramMax>, kReceiveBatch> payloads;
  std::array<Control, kReceiveBatch> controls;
  std::array<SocketAddress, kReceiveBatch> addresses;
  std::array<iovec, kReceiveBatch> vectors;
  std::array<mmsghdr, kReceiveBatch> messages;
  std::size_t used = kReceiveBatch;  // the first of them, since they were prepared

  void prepare() {
    for (std::size_t i = 0; i < used; ++i) {
      vectors[i] = {payloads[i].data(), payloads[i].size()};
      messages[i] = {};
      auto& header = messages[i].msg_hdr;
      header.msg_name = &addresses[i];
      header.msg_namelen = sizeof addresses[i];
      header.msg_iov = &vectors[i];
      header.msg_iovlen = 1;
      header.msg_control = controls[i].bytes.data();
      header.msg_controllen = controls[i].bytes.size();
    }
    used = 0;
  }

  // As recvmmsg; a call that fails may have used the first.
  int receive(int fd) {
    prepare();
    const int got = recvmmsg(fd, messages.data(), kReceiveBatch, MSG_DONTWAIT, nullptr);
    used = static_cast<std::size_t>(std::max(got, 1));
    return got;
  }
};

void ReceiveBuffer::SlotsDeleter::operator()(Slots* slots) const { delete slots; }

ReceiveBuffer::ReceiveBuffer() : slots_(new Slots) {}

Result<std::unique_ptr<UdpSocket>> UdpSocket::open(const UdpSocketOptions& options) {
  const int family = options.local.address.is_v4() ? AF_INET : AF_INET6;
  UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot open a UDP socket for {}: {}", to_string(options.local),
                            std::strerror(errno)));
  }
  FAULTLINE_TRY_STATUS(configure(fd.get(), options));
  SocketAddress address{};
  socklen_t length = to_socket_address(options.local, address);
  if (::bind(fd.get(), &address.generic, length) != 0) {
    return tl::unexpected<Error>(bind_error(options.local, errno));
  }
  length = sizeof address;
  ::getsockname(fd.get(), &address.generic, &length);
  const auto local = from_socket_address(address.generic).value_or(options.local);
  return std::unique_ptr<UdpSocket>(new UdpSocket(std::move(fd), local, options.heads));
}

// Cannot fail where the socket is of its own family.
void UdpSocket::report_traffic_class() {
  constexpr int kOn = 1;
  const bool v4 = local_.address.is_v4();
  (void)setsockopt(fd(), v4 ? SOL_IP : SOL_IPV6, v4 ? IP_RECVTOS : IPV6_RECVTCLASS, &kOn,
                   sizeof kOn);
}

std::size_t UdpSocket::send(std::span<const OutgoingDatagram> datagrams, ErrorQueueSink& sink) {
  std::size_t sent = 0;
  while (!datagrams.empty()) {
    const bool unfragmented = datagrams.front().unfragmented;
    const auto other = std::ranges::find(datagrams, !unfragmented, &OutgoingDatagram::unfragmented);
    const auto alike = datagrams.first(static_cast<std::size_t>(other - datagrams.begin()));
    if (unfragmented) set_unfragmented(fd(), local_.address.is_v4(), true);
    sent += send_alike(alike, sink);
    if (unfragmented) set_unfragmented(fd(), local_.address.is_v4(), false);
    datagrams = datagrams.subspan(alike.size());
  }
  return sent;
}

std::size_t UdpSocket::send_alike(std::span<const OutgoingDatagram> datagrams,
                                  ErrorQueueSink& sink) {
  std::size_t sent = 0;
  bool tried = false;  // the first of `datagrams` has been refused once
  while (!datagrams.empty()) {
    const int got = send_batch(fd(), datagrams);
    if (got > 0) {
      sent += static_cast<std::size_t>(got);
      datagrams = datagrams.subspan(static_cast<std::size_t>(got));
      tried = false;
      continue;
    }
    const int error_number = errno;
    drain_error_queue(fd(), sink);
    if (tried) {
      sink.on_send_failed(datagrams.front(), error_number);
      datagrams = datagrams.subspan(1);
    }
    tried = !tried;
  }
  return sent;
}

std::span<const IncomingDatagram> UdpSocket::receive(ReceiveBuffer& buffer, ErrorQueueSink& sink,
                                                     bool drain) {
  if (drain) drain_error_queue(fd(), sink);
  auto& slots = *buffer.slots_;
  int got = slots.receive(fd());
  if (got < 0 && errno != EAGAIN) {  // an ICMP error that came meanwhile: it is not this call's
    drain_error_queue(fd(), sink);
    got = slots.receive(fd());
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; got > 0 && i < static_cast<std::size_t>(got); ++i) {
    auto& header = slots.messages[i].msg_hdr;
    const auto from = from_socket_address(slots.addresses[i].generic);
    if (!from) continue;
    IncomingDatagram datagram{
        .from = *from,
        .payload = std::span(slots.payloads[i]).first(slots.messages[i].msg_len),
        .received_at = std::nullopt};
    read_control(header, datagram, receive_drops_);
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      ++oversized_;
      if (!heads_) continue;
      datagram.cut = true;
    }
    buffer.datagrams_[kept++] = datagram;
  }
  return std::span(buffer.datagrams_).first(kept);
}

}  // namespace faultline::net
