#include "tests/bench/stamp/echo.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace faultline::bench {
namespace {

constexpr std::size_t kBatch = 32;
constexpr int kReceiveBuffer = 1 << 20;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int open_socket(std::uint16_t* port) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  auto address = loopback(0);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  if (fd < 0 || ::bind(fd, generic, length) != 0 || ::getsockname(fd, generic, &length) != 0) {
    std::perror("cannot open a socket on 127.0.0.1");
    std::exit(1);
  }
  *port = ntohs(address.sin_port);
  return fd;
}

// The scratch of one recvmmsg or sendmmsg.
struct Batch {
  std::array<std::array<char, 2048>, kBatch> octets{};
  std::array<sockaddr_in, kBatch> addresses{};
  std::array<iovec, kBatch> vectors{};
  std::array<mmsghdr, kBatch> messages{};

  void prepare(std::size_t length) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      vectors[i] = {octets[i].data(), length};
      messages[i] = {};
      messages[i].msg_hdr.msg_name = &addresses[i];
      messages[i].msg_hdr.msg_namelen = sizeof addresses[i];
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
  int receive(int fd) {
    prepare(octets[0].size());
    return ::recvmmsg(fd, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  }
};

}  // namespace

Echo::Echo(std::size_t sources, std::size_t reflectors, std::size_t octets) : octets_(octets) {
  std::uint16_t port = 0;
  for (std::size_t i = 0; i < sources; ++i) sources_.push_back(open_socket(&port));
  for (std::size_t i = 0; i < reflectors; ++i) {
    reflectors_.push_back(open_socket(&port));
    reflector_ports_.push_back(port);
  }
}

Echo::~Echo() {
  for (const int fd : sources_) ::close(fd);
  for (const int fd : reflectors_) ::close(fd);
}

std::uint64_t Echo::round() {
  static Batch batch;
  for (const int fd : sources_) {
    for (std::size_t first = 0; first < reflectors_.size(); first += kBatch) {
      const auto count = std::min(kBatch, reflectors_.size() - first);
      batch.prepare(octets_);
      for (std::size_t i = 0; i < count; ++i) {
        batch.addresses[i] = loopback(reflector_ports_[first + i]);
      }
      ::sendmmsg(fd, batch.messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    }
  }
  for (const int fd : reflectors_) {
    for (int got = batch.receive(fd); got > 0; got = batch.receive(fd)) {
      for (int i = 0; i < got; ++i) {
        const auto at = static_cast<std::size_t>(i);
        batch.vectors[at].iov_len = batch.messages[at].msg_len;
      }
      ::sendmmsg(fd, batch.messages.data(), static_cast<unsigned>(got), MSG_DONTWAIT);
      if (static_cast<std::size_t>(got) < kBatch) break;
    }
  }
  std::uint64_t back = 0;
  for (const int fd : sources_) {
    for (int got = batch.receive(fd); got > 0; got = batch.receive(fd)) {
      back += static_cast<std::uint64_t>(got);
      if (static_cast<std::size_t>(got) < kBatch) break;
    }
  }
  return back;
}

}  // namespace faultline::bench
