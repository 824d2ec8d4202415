#include "common/net/error_queue.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "common/net/socket_address.h"

namespace faultline::net {
namespace {

constexpr std::size_t kBatch = 8;         // of one system call: more than the stamps of one go
constexpr std::size_t kFrameMax = 256;    // enough for our 44 octets and any headers
constexpr std::size_t kControlMax = 256;  // stamp, extended error with offender, TTL, drop count

struct Entry {
  std::array<std::byte, kFrameMax> frame;
  alignas(cmsghdr) std::array<std::byte, kControlMax> control;
  SocketAddress destination;
  iovec vector;
};

struct ExtendedError {
  sock_extended_err error{};
  SocketAddress offender{};
};

template <typename T>
T read_control(const cmsghdr& header) {
  T value;
  std::memcpy(&value, CMSG_DATA(&header), sizeof value);
  return value;
}

std::optional<ExtendedError> extended_error(const cmsghdr& header) {
  const bool v4 = header.cmsg_level == SOL_IP && header.cmsg_type == IP_RECVERR;
  const bool v6 = header.cmsg_level == SOL_IPV6 && header.cmsg_type == IPV6_RECVERR;
  const std::size_t length = header.cmsg_len - CMSG_LEN(0);
  if ((!v4 && !v6) || length < sizeof(sock_extended_err)) return std::nullopt;
  ExtendedError result;
  std::memcpy(&result.error, CMSG_DATA(&header), sizeof result.error);
  std::memcpy(&result.offender, CMSG_DATA(&header) + sizeof result.error,
              std::min(length - sizeof result.error, sizeof result.offender));
  return result;
}

void report(msghdr& message, std::span<const std::byte> data, ErrorQueueSink& sink) {
  std::optional<ExtendedError> extended;
  std::optional<WallTime> stamp;
  for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_TIMESTAMPING) {
      const auto time = read_control<scm_timestamping>(*header).ts[0];
      stamp = wall_time_from_unix_nanoseconds(time.tv_sec * 1'000'000'000LL + time.tv_nsec);
    } else if (const auto found = extended_error(*header)) {
      extended = found;
    }
  }
  if (!extended) return;
  const auto origin = extended->error.ee_origin;
  if (origin == SO_EE_ORIGIN_TIMESTAMPING) {
    const bool whole = (message.msg_flags & MSG_TRUNC) == 0;  // the payload is the tail
    if (stamp && whole) sink.on_transmit_stamp({.sent_at = *stamp, .frame = data});
    return;
  }
  if (origin != SO_EE_ORIGIN_ICMP && origin != SO_EE_ORIGIN_ICMP6) return;
  const auto offender = from_socket_address(extended->offender.generic);
  const auto destination = from_socket_address(*static_cast<sockaddr*>(message.msg_name));
  if (!offender || !destination) return;
  sink.on_icmp_error({.destination = *destination,
                      .offender = offender->address,
                      .type = extended->error.ee_type,
                      .code = extended->error.ee_code,
                      .mtu = extended->error.ee_info,
                      .quote = data});
}

}  // namespace

void drain_error_queue(int fd, ErrorQueueSink& sink) {
  std::array<Entry, kBatch> entries;
  std::array<mmsghdr, kBatch> messages;
  for (std::size_t drained = 0; drained < kErrorsPerDrainMax;) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      auto& entry = entries[i];
      entry.vector = {entry.frame.data(), entry.frame.size()};
      entry.destination = {};
      messages[i] = {};
      messages[i].msg_hdr.msg_name = &entry.destination;
      messages[i].msg_hdr.msg_namelen = sizeof entry.destination;
      messages[i].msg_hdr.msg_iov = &entry.vector;
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_control = entry.control.data();
      messages[i].msg_hdr.msg_controllen = entry.control.size();
    }
    const int got = recvmmsg(fd, messages.data(), kBatch, MSG_ERRQUEUE | MSG_DONTWAIT, nullptr);
    if (got <= 0) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
      const auto length = std::min<std::size_t>(messages[i].msg_len, kFrameMax);
      report(messages[i].msg_hdr, std::span(entries[i].frame).first(length), sink);
    }
    drained += static_cast<std::size_t>(got);
    if (static_cast<std::size_t>(got) < kBatch) return;
  }
}

}  // namespace faultline::net
